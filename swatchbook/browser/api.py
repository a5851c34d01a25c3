"""What the pages ask for and say, as JSON; and pictures."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from swatchbook.base.errors import BusyError, DataError, ImageRefused, NetworkError, ParamsError
from swatchbook.browser import listing, threshold
from swatchbook.browser.acts import Action, Conflict
from swatchbook.browser.data import query
from swatchbook.browser.data.columns_of_tables import OUTCOMES
from swatchbook.browser.desk import Desk, Gone, View
from swatchbook.browser.heat import Heat
from swatchbook.browser.job import Job as Command
from swatchbook.browser.pictures import LARGE, SIDES, Pictures
from swatchbook.browser.rerun import Rerun
from swatchbook.curation.annotations import EXCLUDE
from swatchbook.project import tables
from swatchbook.server import problem
from swatchbook.server.problem import Problem

_SHORTEST, _LONGEST = 12, 64
_MOST_ACTS = 5000
_FOREVER = "private, max-age=31536000, immutable"
# of what another run changes
_SHORTLY = "private, max-age=60"
Digits = Annotated[str, Field(pattern=r"^[0-9a-f]{12,64}$")]


class Said(BaseModel):
    """What is said of one image."""

    sha256: Digits
    do: Literal["relabel", "confirm", "exclude", "clear"]
    label: str = ""
    seen: str | None = Field(None, description="time of the last act that was shown, if any")


class Where(BaseModel):
    """What is said of all images of a selection but some."""

    where: str = Field(max_length=4000, description="as behind the ? of a page")
    but: list[Digits] = Field(default_factory=list, max_length=_MOST_ACTS)
    expect: int = Field(ge=1, description="how many images that were, some left out")
    do: Literal["relabel", "confirm", "exclude", "clear"]
    label: str = ""


class Wanted(BaseModel):
    """An action: acts, or one act on a selection."""

    snapshot: str
    acts: list[Said] = Field(default_factory=list, max_length=_MOST_ACTS)
    all: Where | None = None
    until: str | None = Field(None, description="time of the latest act that the page knows")
    note: str = Field("", max_length=200)


class NewClass(BaseModel):
    """A class to be made."""

    name: str = Field(max_length=200)


class Threshold(BaseModel):
    """What ``bundle.threshold`` is to be, and what it was when the page was shown."""

    threshold: float = Field(ge=0, le=1)
    before: float = Field(ge=0, le=1)


class Job(BaseModel):
    """What to do about the run."""

    do: Literal["start", "stop"]


def router(
    desk: Desk, pictures: Pictures, heat: Heat, rerun: Rerun, jobs: Mapping[str, Command]
) -> APIRouter:
    """The routes below ``/api``, and those of pictures."""
    api = APIRouter()

    @api.get("/api/state")
    def state() -> JSONResponse:
        return JSONResponse(listing.state(desk.newest(), desk.why_not))

    @api.get("/api/images")
    def images(
        request: Request,
        snapshot: str = "",
        offset: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=listing.MOST)] = 200,
    ) -> JSONResponse:
        view = desk.view(snapshot)
        wanted = _parsed(request.query_params.multi_items(), view)
        return JSONResponse(listing.stretch(view, wanted, offset, limit))

    @api.get("/api/facets")
    def facets(request: Request, snapshot: str = "") -> JSONResponse:
        view = desk.view(snapshot)
        wanted = _parsed(request.query_params.multi_items(), view)
        found = view.selections.facets(wanted, view.acts.codes)
        return JSONResponse({"address": wanted.address, "facets": found})

    @api.get("/api/images/{digits}")
    def image(digits: str, snapshot: str = "") -> JSONResponse:
        view = desk.view(snapshot)
        return JSONResponse(listing.whole(view, row_of(view, digits)))

    @api.get("/api/images/{digits}/similar")
    def similar(
        digits: str, label: str = "", count: Annotated[int, Query(ge=1, le=100)] = 24
    ) -> JSONResponse:
        view = desk.view("")
        c = view.columns
        if label and label not in c.classes:
            raise Problem(422, f"label: {label[:80]!r} is no class that has images")
        code = c.classes.index(label) if label else None
        found = view.similar.nearest(row_of(view, digits), count, code)
        return JSONResponse({"similar": [listing.near(view, *one) for one in found]})

    @api.get("/api/groups")
    def groups(
        kind: Literal["conflict", "mixed", "near_duplicate"] = "near_duplicate",
        snapshot: str = "",
        offset: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
    ) -> JSONResponse:
        return JSONResponse(listing.groups(desk.view(snapshot), kind, offset, limit))

    @api.post("/api/acts")
    def act(wanted: Wanted) -> JSONResponse:
        view = desk.view(wanted.snapshot)
        seen: dict[int, str] = {}
        if wanted.all is not None:
            labels = _of_all(view, wanted.all)
        else:
            rows = [row_of(view, one.sha256) for one in wanted.acts]
            pairs = list(zip(rows, wanted.acts, strict=True))
            labels = {row: _label(view, row, one.do, one.label) for row, one in pairs}
            seen = {row: one.seen for row, one in pairs if one.seen is not None}
        if not labels:
            raise Problem(422, "acts: none given")
        time = view.acts.do(labels, wanted.note, seen, wanted.until)
        return JSONResponse({"time": time, "images": len(labels), **_told(view)})

    @api.post("/api/classes")
    def new_class(wanted: NewClass) -> JSONResponse:
        view = desk.view("")
        return JSONResponse(
            {"name": view.acts.add_class(wanted.name), "classes": view.acts.classes}
        )

    @api.post("/api/acts/undo")
    def undo() -> JSONResponse:
        view = desk.view("")
        return JSONResponse(_undone(view, view.acts.undo()))

    @api.post("/api/acts/redo")
    def redo() -> JSONResponse:
        view = desk.view("")
        return JSONResponse(_undone(view, view.acts.redo()))

    @api.get("/api/thresholds")
    def thresholds(snapshot: str = "") -> JSONResponse:
        found = threshold.rules(desk.view(snapshot).columns)
        return JSONResponse({"rules": found, "written": threshold.written()})

    @api.get("/api/thresholds/classes")
    def of_classes(at: Annotated[float, Query(ge=0, le=1)], snapshot: str = "") -> JSONResponse:
        return JSONResponse({"classes": threshold.by_class(desk.view(snapshot).columns, at)})

    @api.post("/api/thresholds")
    def write(wanted: Threshold) -> JSONResponse:
        threshold.write(wanted.threshold, wanted.before)
        return JSONResponse({"written": threshold.written()})

    @api.get("/api/run")
    def run(since: Annotated[int, Query(ge=0)] = 0) -> JSONResponse:
        return JSONResponse(rerun.state(since))

    @api.post("/api/run")
    def job(wanted: Job) -> JSONResponse:
        rerun.start() if wanted.do == "start" else rerun.stop()
        return JSONResponse(rerun.state())

    @api.get("/api/jobs/{name}")
    def state_of_job(name: str, since: Annotated[int, Query(ge=0)] = 0) -> JSONResponse:
        return JSONResponse(_job(jobs, name).state(since))

    @api.post("/api/jobs/{name}")
    def do_job(name: str, wanted: Job) -> JSONResponse:
        one = _job(jobs, name)
        one.start() if wanted.do == "start" else one.stop()
        return JSONResponse(one.state())

    @api.get("/thumb/{digits}")
    async def thumbnail(request: Request, digits: str, side: int = SIDES[0]) -> Response:
        if side not in SIDES:
            raise Problem(422, f"side: one of {', '.join(map(str, SIDES))} is wanted")
        return await _picture(request, digits, side)

    @api.get("/picture/{digits}")
    async def picture(request: Request, digits: str) -> Response:
        return await _picture(request, digits, LARGE)

    @api.get("/heat/{digits}")
    def heat_of_class(digits: str, label: str) -> Response:
        view = desk.known()
        try:
            return _jpeg(heat.of_class(*_file(view, digits), label))
        except ImageRefused as refused:
            raise Problem(404, refused.reason) from None

    @api.get("/difference/{digits}/{other}")
    def heat_of_difference(digits: str, other: str) -> Response:
        view = desk.known()
        try:
            return _jpeg(heat.of_difference(_file(view, digits), _file(view, other)))
        except ImageRefused as refused:
            raise Problem(404, refused.reason) from None

    async def _picture(request: Request, digits: str, side: int) -> Response:
        view = await run_in_threadpool(desk.known)
        sha256, path = _file(view, digits)
        head = {"ETag": pictures.tag(sha256, side), "Cache-Control": _FOREVER}
        if request.headers.get("if-none-match") == head["ETag"]:
            return Response(status_code=304, headers=head)
        try:
            made = await pictures.get(sha256, path, side, request.is_disconnected)
        except ImageRefused as refused:
            raise Problem(404, refused.reason) from None
        return Response(made or b"", headers=head, media_type="image/jpeg")

    return api


def add_handlers(app: FastAPI) -> None:
    """Have what the desk says answered in the one form of errors."""

    @app.exception_handler(Conflict)
    async def conflict(_: Request, error: Conflict) -> Response:
        content = {"error": str(error), "conflicts": listing.conflict(error.acts)}
        return JSONResponse(content, 409)

    @app.exception_handler(Gone)
    async def gone(_: Request, error: Gone) -> Response:
        return problem.answer(409, str(error))

    @app.exception_handler(BusyError)
    async def busy(_: Request, error: BusyError) -> Response:
        return problem.answer(409, str(error))

    @app.exception_handler(ParamsError)
    async def params(_: Request, error: ParamsError) -> Response:
        return problem.answer(422, str(error))

    @app.exception_handler(NetworkError)
    async def network(_: Request, error: NetworkError) -> Response:
        return problem.answer(409, str(error))

    @app.exception_handler(DataError)
    async def data(_: Request, error: DataError) -> Response:
        return problem.answer(409, str(error))


def row_of(view: View, digits: str) -> int:
    """The row of the image whose digest begins so. Raises Problem."""
    if not _SHORTEST <= len(digits) <= _LONGEST or digits.strip("0123456789abcdef"):
        raise Problem(404, f"an image is named by {_SHORTEST} or more digits of its sha256")
    found = view.columns.find(digits)
    if len(found) != 1:
        raise Problem(
            404, "give more digits" if found else f"no image {digits[:_SHORTEST]} is here"
        )
    return found[0]


def _file(view: View, digits: str) -> tuple[str, str]:
    """Digest and path of an image. Raises Problem."""
    row = row_of(view, digits)
    return view.columns.sha256[row].decode(), view.columns.text(row, "path")


def _jpeg(content: bytes) -> Response:
    return Response(content, media_type="image/jpeg", headers={"Cache-Control": _SHORTLY})


def _job(jobs: Mapping[str, Command], name: str) -> Command:
    if name not in jobs:
        raise Problem(404, f"a job is one of {', '.join(jobs)}")
    return jobs[name]


def _parsed(pairs: list[tuple[str, str]], view: View) -> query.Query:
    return query.Query.parsed(pairs, view.columns)


def _of_all(view: View, wanted: Where) -> dict[int, str]:
    chosen = _parsed(parse_qsl(wanted.where, keep_blank_values=True), view)
    without = {row_of(view, digits) for digits in wanted.but}
    rows = [
        int(row) for row in view.selections.rows(chosen, view.acts.codes) if int(row) not in without
    ]
    if len(rows) != wanted.expect:
        raise Problem(409, f"{len(rows)} images match now, not {wanted.expect}: look at them again")
    return {row: _label(view, row, wanted.do, wanted.label) for row in rows}


def _label(view: View, row: int, do: str, label: str) -> str:
    """What is to be written of a row."""
    if do == "exclude":
        return EXCLUDE
    if do == "clear":
        return ""
    if do == "relabel":
        return label
    code = int(view.acts.codes[row])
    if code >= 0:
        return view.acts.classes[code]
    if OUTCOMES[view.columns.outcome[row]] == tables.CONFLICT:
        raise Problem(422, "an image that stands in several classes: relabel it to the right one")
    return view.columns.name_of(int(view.columns.label[row]))


def _undone(view: View, action: Action) -> dict[str, Any]:
    first = action.acts[0].sha256[: listing.DIGITS]
    return {"images": len(action.acts), "sha256": first, **_told(view)}


def _told(view: View) -> dict[str, str]:
    return {"until": view.acts.latest, **view.acts.can}

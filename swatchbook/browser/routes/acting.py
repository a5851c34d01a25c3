"""What people say of images, and that it is taken back: each at once a row in git."""

from typing import Any, Literal
from urllib.parse import parse_qsl

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from swatchbook.browser import listing
from swatchbook.browser.data.columns_of_tables import OUTCOMES
from swatchbook.browser.desk import Desk, View
from swatchbook.browser.labels.acts import Action
from swatchbook.browser.routes.common import Digits, parsed, row_of
from swatchbook.curation.annotations import EXCLUDE
from swatchbook.project import tables
from swatchbook.server.problem import Problem

_MOST_ACTS = 5000


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


def router(desk: Desk) -> APIRouter:
    """Routes that write acts."""
    api = APIRouter()

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

    return api


def _of_all(view: View, wanted: Where) -> dict[int, str]:
    chosen = parsed(parse_qsl(wanted.where, keep_blank_values=True), view)
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

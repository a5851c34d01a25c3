"""The pages, with what can be said without a script."""

from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import BaseModel, Field

from swatchbook.base.errors import DataError, SwatchbookError
from swatchbook.browser import listing
from swatchbook.browser.data.columns_of_tables import OUTCOMES
from swatchbook.browser.data.query import NO_ACT, SORTS
from swatchbook.browser.desk import Desk, View
from swatchbook.browser.labels import changes
from swatchbook.browser.results import heat, mistakes
from swatchbook.browser.routes.common import row_of
from swatchbook.evaluation.headlines import HEADLINES
from swatchbook.experiments.history.git_history import WORKSPACE
from swatchbook.project import params, stage
from swatchbook.project.tables import FEATURES_PATH
from swatchbook.review.choices import CRITERIA, KINDS
from swatchbook.training.parameters import RefineDnn

if TYPE_CHECKING:
    from swatchbook.browser.labels.unlabelled import Unlabelled

_PAGES = {
    "/": ("Overview", "overview.html"), "/images": ("Images", "images.html"),
    "/review": ("Review", "review.html"), "/groups": ("Groups", "groups.html"),
    "/map": ("Map", "map.html"), "/confusion": ("Confusion", "confusion.html"),
    "/mistakes": ("Mistakes", "mistakes.html"),
    "/threshold": ("Threshold", "threshold.html"), "/learning": ("Learning", "learning.html"),
    "/runs": ("Runs", "runs.html"), "/compare": ("Compare", "compare.html"),
    "/new": ("New images", "new.html"), "/changes": ("Changes", "changes.html"),
}  # fmt: skip
_MISTAKES = 24
_OF_WORKSPACE = ("/learning", "/runs", "/compare", "/new", "/changes")


class Asked(BaseModel):
    """What the address of a page may say of what it shows; the rest is for its script."""

    subset: Literal["test", "train"] = "test"
    kind: str = ""
    only: Literal["", "workspace", "commit", "experiment"] = ""
    sort: str = ""
    metric: str = HEADLINES[0]
    a: str = ""
    b: str = ""
    show: str = "fixed"
    page: int = Field(1, ge=1, le=10**6)


def router(desk: Desk, read_only: bool, run: str, unlabelled: "Unlabelled | None") -> APIRouter:
    """A route for each page; that of new images where there is a folder of them; of a ``run`` that
    is not the workspace those that show its tables."""
    found = APIRouter(include_in_schema=False)

    pages = {path: page for path, page in _PAGES.items() if not run or path not in _OF_WORKSPACE}
    # what the list of pages leads to: two runs are chosen on their own page
    listed = {
        path: title
        for path, (title, _) in pages.items()
        if path != "/compare" and (path != "/new" or unlabelled)
    }
    folder = unlabelled.folder if unlabelled else ""

    def add(path: str, title: str, name: str) -> None:
        @found.get(path, response_class=HTMLResponse)
        def page(asked: Annotated[Asked, Query()]) -> HTMLResponse:
            view = desk.newest()
            state = listing.state(view, desk.why_not)
            return made(name, title, path, state, folder=folder, **_shown(path, view, asked))

    def made(name: str, title: str, path: str, state: dict[str, Any], **more: Any) -> HTMLResponse:
        template = _environment().get_template(name)
        return HTMLResponse(
            template.render(
                title=title, path=path, pages=listed, state=state, run=run, read_only=read_only,
                sorts=SORTS, kinds=KINDS, criteria=CRITERIA, **more,
            )
        )  # fmt: skip

    for path, (title, name) in pages.items():
        add(path, title, name)

    @found.get("/runs.png")
    def picture(asked: Annotated[Asked, Query()]) -> Response:
        from swatchbook.browser.results import history

        return Response(history.picture(_headline(asked.metric)), media_type="image/png")

    @found.get("/images/{digits}", response_class=HTMLResponse)
    def image(digits: str) -> HTMLResponse:
        view = desk.view("")
        facts = listing.whole(view, row_of(view, digits))
        state = listing.state(view, desk.why_not)
        title = f"Image {facts['sha256'][:12]}"
        return made("image.html", title, "/images", state, image=facts)

    return found


def asking() -> str:
    """The page that asks for the token."""
    return _environment().get_template("token.html").render()


def _shown(path: str, view: View | None, asked: Asked) -> dict[str, Any]:
    """What a page shows beside the state of the tables; some need none of them."""
    match path:
        case "/runs":
            return _runs(asked)
        case "/compare":
            return _compared(asked)
        case "/learning":
            # not at the top: who only looks at images should not wait for it
            from swatchbook.browser.results import learning

            return {"curve": learning.shown(), "why": _why_no_curve()}
    return _of_tables(path, view, asked) if view else {}


def _of_tables(path: str, view: View, asked: Asked) -> dict[str, Any]:
    match path:
        case "/":
            outcomes = np.bincount(view.columns.outcome, minlength=len(OUTCOMES)).tolist()
            return {
                "suspects": _suspects(view), "headlines": _headlines(),
                "outcomes": dict(zip(OUTCOMES, outcomes, strict=True)),
            }  # fmt: skip
        case "/review":
            return {"suspects": _suspects(view), "notice": _notice(view)}
        case "/groups":
            counts = view.groups.counts()
            kind = asked.kind or next((kind for kind in counts if counts[kind]), "near_duplicate")
            return {"counts": counts, "kind": kind}
        case "/confusion":
            confusion = mistakes.confusion(view.columns, asked.subset)
            return {"confusion": confusion, "subset": asked.subset, "most": mistakes.MOST_CLASSES}
        case "/mistakes":
            rows, known = mistakes.surest_mistakes(view.columns, asked.subset, _MISTAKES)
            return {
                "mistakes": [listing.whole(view, row) for row in rows], "known": known,
                "subset": asked.subset, "why": heat.why_not(),
            }  # fmt: skip
        case "/map":
            return {"why": _why_no_map()}
        case "/changes":
            return {"changes": changes.of(view), "notice": _notice(view)}
    return {}


def _why_no_map() -> str:
    return (
        "" if FEATURES_PATH.is_file() else f"{FEATURES_PATH} is not made yet: make repro does it."
    )


def _runs(asked: Asked) -> dict[str, Any]:
    from swatchbook.browser.results import history

    shown = {"headlines": HEADLINES, "only": asked.only, "sort": asked.sort, "why": ""}
    metric = _headline(asked.metric)
    try:
        found, can_be_drawn = history.listed(asked.only, asked.sort, metric)
    except DataError as error:
        return {**shown, "why": str(error)}
    return {**shown, "runs": found, "metric": metric, "picture": can_be_drawn}


def _compared(asked: Asked) -> dict[str, Any]:
    from swatchbook.browser.results import history

    b = asked.b or WORKSPACE
    shown = {"a": asked.a, "b": b, "show": asked.show, "page": asked.page}
    try:
        shown["names"] = history.names()
        if not asked.a:
            return {**shown, "why": "", "found": None}
        found = history.compared(asked.a, b, asked.show, asked.page)
    except SwatchbookError as error:
        return {"names": [], **shown, "why": str(error), "found": None}
    return {**shown, "why": "", "found": found}


def _headline(name: str) -> str:
    return name if name in HEADLINES else HEADLINES[0]


def _why_no_curve() -> str:
    try:
        refined = params.load(RefineDnn).mode == "refine"
    except SwatchbookError as error:
        return str(error)
    if not refined:
        return ""
    return (
        "A refined network has seen the labels of all its training images: a learning curve needs "
        "refine_dnn.mode: fixed."
    )


def _notice(view: View) -> str:
    return mistakes.one_sided(view.columns, view.acts.codes)


def _suspects(view: View) -> dict[str, int]:
    """How many suspects of each kind nobody has decided on."""
    undecided = view.columns.suspect[view.acts.codes == NO_ACT]
    return {kind: int((undecided >> bit & 1).sum()) for bit, kind in enumerate(KINDS)}


def _headlines() -> dict[str, float]:
    """What ``evaluate`` measured, where it has."""
    try:
        found = stage.metrics_of(stage.metrics_path("evaluate").read_bytes())
    except (OSError, ValueError):
        return {}
    return {name: value for name, value in found.items() if isinstance(value, int | float)}


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("swatchbook.browser"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip

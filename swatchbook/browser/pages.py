"""The pages, with what can be said without a script."""

from functools import cache
from typing import Any, Literal

import numpy as np
from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from swatchbook.browser import changes, deciding, listing
from swatchbook.browser.api import row_of
from swatchbook.browser.data.columns_of_tables import OUTCOMES
from swatchbook.browser.data.query import NO_ACT, SORTS
from swatchbook.browser.desk import Desk, View
from swatchbook.project import stage
from swatchbook.review.choices import KINDS

_PAGES = {
    "/": ("Overview", "overview.html"), "/images": ("Images", "images.html"),
    "/review": ("Review", "review.html"), "/confusion": ("Confusion", "confusion.html"),
    "/threshold": ("Threshold", "threshold.html"), "/changes": ("Changes", "changes.html"),
}  # fmt: skip


def router(desk: Desk, read_only: bool) -> APIRouter:
    """A route for each page."""
    found = APIRouter(include_in_schema=False)

    def add(path: str, title: str, name: str) -> None:
        @found.get(path, response_class=HTMLResponse)
        def page(subset: Literal["test", "train"] = "test") -> HTMLResponse:
            view = desk.newest()
            state = listing.state(view, desk.why_not)
            more = _shown(path, view, subset) if view else {}
            return _made(name, title, path, state, read_only=read_only, **more)

    for path, (title, name) in _PAGES.items():
        add(path, title, name)

    @found.get("/images/{digits}", response_class=HTMLResponse)
    def image(digits: str) -> HTMLResponse:
        view = desk.view("")
        facts = listing.whole(view, row_of(view, digits))
        state = listing.state(view, desk.why_not)
        title = f"Image {facts['sha256'][:12]}"
        return _made("image.html", title, "/images", state, read_only=read_only, image=facts)

    return found


def asking() -> str:
    """The page that asks for the token."""
    return _environment().get_template("token.html").render()


def _made(name: str, title: str, path: str, state: dict[str, Any], **more: Any) -> HTMLResponse:
    template = _environment().get_template(name)
    return HTMLResponse(
        template.render(
            title=title, path=path, pages=_PAGES, state=state, sorts=SORTS, kinds=KINDS, **more
        )
    )


def _shown(path: str, view: View, subset: str) -> dict[str, Any]:
    """What a page shows beside the state of the tables."""
    match path:
        case "/":
            outcomes = np.bincount(view.columns.outcome, minlength=len(OUTCOMES)).tolist()
            return {
                "suspects": _suspects(view), "headlines": _headlines(),
                "outcomes": dict(zip(OUTCOMES, outcomes, strict=True)),
            }  # fmt: skip
        case "/review":
            return {"suspects": _suspects(view), "notice": _notice(view)}
        case "/confusion":
            confusion = deciding.confusion(view.columns, subset)
            return {"confusion": confusion, "subset": subset, "most": deciding.MOST_CLASSES}
        case "/changes":
            return {"changes": changes.of(view), "notice": _notice(view)}
    return {}


def _notice(view: View) -> str:
    return deciding.one_sided(view.columns, view.acts.codes)


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

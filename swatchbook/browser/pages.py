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
from swatchbook.browser.data.query import SORTS
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
            facts = listing.state(view, desk.why_not)
            notice = deciding.one_sided(view.columns, view.acts.codes) if view else ""
            more: dict[str, Any] = {
                "notice": notice,
                "outcomes": _outcomes(view),
                "suspects": _suspects(desk),
                "headlines": _headlines(),
            }
            if view is not None and name == "changes.html":
                more["changes"] = changes.of(view)
            if view is not None and name == "confusion.html":
                more["confusion"] = deciding.confusion(view.columns, subset)
                more |= {"subset": subset, "most": deciding.MOST_CLASSES}
            return _made(name, title, path, facts, read_only=read_only, **more)

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


def _outcomes(view: View | None) -> dict[str, int]:
    """How many images each outcome of curation has."""
    if view is None:
        return {}
    counts = np.bincount(view.columns.outcome, minlength=len(OUTCOMES))
    return dict(zip(OUTCOMES, counts.tolist(), strict=True))


def _suspects(desk: Desk) -> dict[str, int]:
    """How many suspects of each kind nobody has decided on."""
    view = desk.newest()
    if view is None:
        return {}
    c = view.columns
    open_ones = c.suspect[view.acts.codes == -1]
    return {kind: int((open_ones >> bit & 1).sum()) for bit, kind in enumerate(KINDS)}


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

"""What the pages look at: the state of the tables, images, groups."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from swatchbook.browser import listing
from swatchbook.browser.desk import Desk
from swatchbook.browser.routes.common import parsed, row_of
from swatchbook.server.problem import Problem


def router(desk: Desk) -> APIRouter:
    """Routes that read tables."""
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
        wanted = parsed(request.query_params.multi_items(), view)
        return JSONResponse(listing.stretch(view, wanted, offset, limit))

    @api.get("/api/facets")
    def facets(request: Request, snapshot: str = "") -> JSONResponse:
        view = desk.view(snapshot)
        wanted = parsed(request.query_params.multi_items(), view)
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

    @api.get("/api/map")
    def placed(snapshot: str = "") -> JSONResponse:
        return JSONResponse(listing.placed(desk.view(snapshot)))

    @api.get("/api/map/points")
    def points(snapshot: str = "") -> Response:
        content = listing.points(desk.view(snapshot))
        return Response(content, media_type="application/octet-stream")

    @api.get("/api/map/{row}")
    def at(row: int, snapshot: str = "") -> JSONResponse:
        view = desk.view(snapshot)
        if not 0 <= row < len(view.columns):
            raise Problem(404, "no such image")
        return JSONResponse(listing.whole(view, row))

    return api

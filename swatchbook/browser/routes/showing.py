"""Pictures: of images, of where a class is found in them, of where two of them differ."""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from swatchbook.base.errors import ImageRefused
from swatchbook.browser.desk import Desk, View
from swatchbook.browser.pictures import LARGE, SIDES, Pictures
from swatchbook.browser.results.heat import Heat
from swatchbook.browser.routes.common import row_of
from swatchbook.server.problem import Problem

FOREVER = "private, max-age=31536000, immutable"
# of what another run changes
_SHORTLY = "private, max-age=60"


def router(desk: Desk, pictures: Pictures, heat: Heat) -> APIRouter:
    """Routes of pictures of the project's images."""
    api = APIRouter()

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
        head = {"ETag": pictures.tag(sha256, side), "Cache-Control": FOREVER}
        if request.headers.get("if-none-match") == head["ETag"]:
            return Response(status_code=304, headers=head)
        try:
            made = await pictures.get(sha256, path, side, request.is_disconnected)
        except ImageRefused as refused:
            raise Problem(404, refused.reason) from None
        return Response(made or b"", headers=head, media_type="image/jpeg")

    return api


def _file(view: View, digits: str) -> tuple[str, str]:
    """Digest and path of an image. Raises Problem."""
    row = row_of(view, digits)
    return view.columns.sha256[row].decode(), view.columns.text(row, "path")


def _jpeg(content: bytes) -> Response:
    return Response(content, media_type="image/jpeg", headers={"Cache-Control": _SHORTLY})

"""Images of a folder that the project doesn't have yet: listed, labelled, taken in."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from swatchbook.base.errors import ImageRefused
from swatchbook.browser.labels.unlabelled import Unlabelled
from swatchbook.browser.pictures import LARGE, SIDES, Pictures
from swatchbook.browser.routes.common import Digits
from swatchbook.browser.routes.showing import FOREVER
from swatchbook.review.choices import CRITERIA
from swatchbook.server.problem import Problem


class NewLabel(BaseModel):
    """What is said of a new image."""

    sha256: Digits
    label: str = Field(max_length=200)


class NewLabels(BaseModel):
    """What is said of new images."""

    labels: list[NewLabel] = Field(min_length=1, max_length=500)


def router(pictures: Pictures, unlabelled: Unlabelled) -> APIRouter:
    """Routes of the page of new images."""
    api = APIRouter()

    @api.get("/api/new")
    def new_images(
        by: Literal[CRITERIA] = "margin",  # type: ignore[valid-type]
        count: Annotated[int, Query(ge=1, le=500)] = 100,
    ) -> JSONResponse:
        return JSONResponse(unlabelled.state(by, count))

    @api.post("/api/new")
    def say(wanted: NewLabels) -> JSONResponse:
        unlabelled.say({one.sha256: one.label for one in wanted.labels})
        return JSONResponse({"images": len(wanted.labels)})

    @api.post("/api/new/take-in")
    def take_in() -> JSONResponse:
        taken = unlabelled.take_in()
        return JSONResponse({"taken": taken.counts, "passed_over": taken.passed_over})

    @api.get("/new/{digits}")
    async def new_picture(request: Request, digits: str, side: int = SIDES[0]) -> Response:
        if side not in (*SIDES, LARGE):
            raise Problem(422, f"side: one of {', '.join(map(str, SIDES))} is wanted")
        sha256, path = unlabelled.file(digits)
        try:
            made = await pictures.get(sha256, path, side, request.is_disconnected)
        except ImageRefused as refused:
            raise Problem(404, refused.reason) from None
        return Response(made or b"", headers={"Cache-Control": FOREVER}, media_type="image/jpeg")

    return api

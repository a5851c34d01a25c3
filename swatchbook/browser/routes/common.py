"""What all routes share: which image a request means, and errors in one form."""

from collections.abc import Callable
from typing import Annotated

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from swatchbook.base.errors import BusyError, DataError, NetworkError, ParamsError
from swatchbook.browser import listing
from swatchbook.browser.data.query import Query
from swatchbook.browser.desk import Gone, View
from swatchbook.browser.labels.acts import Conflict
from swatchbook.server import problem
from swatchbook.server.problem import Problem

_STATUSES = {Gone: 409, BusyError: 409, NetworkError: 409, DataError: 409, ParamsError: 422}
_SHORTEST, _LONGEST = 12, 64
Digits = Annotated[str, Field(pattern=r"^[0-9a-f]{12,64}$")]


def add_handlers(app: FastAPI) -> None:
    """Have what the desk says answered in the one form of errors."""

    @app.exception_handler(Conflict)
    async def conflict(_: Request, error: Conflict) -> Response:
        content = {"error": str(error), "conflicts": listing.conflict(error.acts)}
        return JSONResponse(content, 409)

    def told(status: int) -> Callable[[Request, Exception], Response]:
        return lambda _, error: problem.answer(status, str(error))

    for kind, status in _STATUSES.items():
        app.add_exception_handler(kind, told(status))


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


def parsed(pairs: list[tuple[str, str]], view: View) -> Query:
    """The filters and the order that an address asks for. Raises ParamsError."""
    return Query.parsed(pairs, view.columns)

"""What is wrong with a request, as a status and one line of JSON."""

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import Request

from swatchbook.server.admission import Full


class Problem(Exception):
    """What is wrong with a request: a status, and one line for ``{"error": …}``."""

    def __init__(self, status: int, why: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, why)
        self.status = status
        self.why = why
        self.headers = headers or {}


def answer(status: int, why: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Any error: ``{"error": why}``."""
    return JSONResponse({"error": why}, status_code=status, headers=headers)


def add_handlers(app: FastAPI) -> None:
    """Have every error of ``app`` answered in the one form."""

    @app.exception_handler(Problem)
    async def problem(_: Request, error: Problem) -> Response:
        return answer(error.status, error.why, error.headers)

    @app.exception_handler(Full)
    async def full(_: Request, error: Full) -> Response:
        return answer(503, error.why, {"Retry-After": str(error.seconds)})

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> Response:
        return answer(error.status_code, str(error.detail).lower(), dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def validation(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part not in ("query", "body"))
        return answer(422, f"{where[:100]}: {first['msg']}")

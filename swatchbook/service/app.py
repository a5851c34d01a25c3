"""The application: routes, and what holds for every request (who may ask, ids, log, errors)."""

import asyncio
import hmac
import re
import secrets
import time
import traceback
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from swatchbook.errors import SwatchbookError
from swatchbook.service import classify, legacy, open_inference
from swatchbook.service.admission import Admission, Full
from swatchbook.service.answering import Answering
from swatchbook.service.bodies import Problem
from swatchbook.service.deployment import Deployment
from swatchbook.service.telemetry import Telemetry

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LOCAL = re.compile(r"(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?", re.IGNORECASE)
# what a probe or a browser asks for before it can have a key
_OPEN = ("/", "/page.js", "/page.css", "/v2/health/live", "/v2/health/ready")
_PAGE = {
    "/": ("index.html", "text/html"),
    "/page.js": ("page.js", "text/javascript"),
    "/page.css": ("page.css", "text/css"),
}
# where images are scored
_WORK = re.compile(r"/v1/classify$|/score$|/api/|/v2/models/.*infer$")
_FULL = b'{"error":"too many images are waiting"}'
_FULL_HEADERS = [
    (b"content-type", b"application/json"), (b"retry-after", b"1"),
    (b"content-length", b"%d" % len(_FULL)),
]  # fmt: skip
_LAST = (b"connection", b"close")
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'self'; img-src 'self' blob:; "
     b"frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
]  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """What the service allows.

    ``images`` may wait or be worked on at once; ``most`` may come in one request; ``held`` bytes
    of bodies may be in memory. ``key``: who asks must show it (empty: nobody must). ``local``:
    only requests for names of this machine are answered, so that no web page can reach it by
    rebinding a name (DNS rebinding); a key keeps those out too. ``origins`` of other sites whose
    pages may ask (CORS).
    """

    images: int = 8
    most: int = 64
    held: int = 256 * 2**20
    key: str = ""
    local: bool = True
    origins: Collection[str] = field(default_factory=tuple)


def build(deployment: Deployment, telemetry: Telemetry, settings: Settings) -> FastAPI:
    """The application; ``deployment`` is closed with it."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(deployment.close)

    app = FastAPI(
        title="Swatchbook", version="1", lifespan=lifespan, docs_url=None, redoc_url=None,
        redirect_slashes=False, openapi_url="/openapi.json",
        description="Which class images have. Described in docs/serving.md.",
    )  # fmt: skip
    app.state.draining = False
    admission = Admission(settings.images, settings.held, telemetry.waiting)
    answering = Answering(deployment, admission)
    for module in (classify, legacy, open_inference):
        app.include_router(module.router(answering, telemetry, settings.most))
    _add_operation(app, deployment, telemetry)
    _add_page(app)
    _add_errors(app)
    app.add_middleware(
        Gate, state=app.state, telemetry=telemetry, settings=settings, admission=admission
    )
    if settings.origins:
        # outermost: a page of another site may read a refusal too, and asks first without a key
        app.add_middleware(
            CORSMiddleware, allow_origins=[*settings.origins], allow_methods=["GET", "POST"],
            allow_headers=["authorization", "content-type", "x-api-key"],
            expose_headers=["retry-after", "x-request-id"],
        )  # fmt: skip
    return app


class Gate:
    """Before all routes: ids, keys, hosts, the log; and no exception gets past it."""

    def __init__(
        self,
        app: ASGIApp,
        state: object,
        telemetry: Telemetry,
        settings: Settings,
        admission: Admission,
    ) -> None:
        self._admission = admission
        self._app = app
        self._state = state
        self._telemetry = telemetry
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_work = scope["method"] == "POST" and _WORK.match(scope["path"])
        if is_work and self._admission.is_full:
            # before anything else is done: there are many of these when there is no time
            self._telemetry.shed()
            # a list of its own: what is around the gate may add to it
            head = [*_FULL_HEADERS, *([_LAST] if self._is_draining else [])]
            await send({"type": "http.response.start", "status": 503, "headers": head})
            await send({"type": "http.response.body", "body": _FULL})
            return
        started = time.perf_counter()
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"").decode("latin-1")
        request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                extra = [*_HEADERS, (b"x-request-id", request_id.encode())]
                if self._is_draining:
                    extra.append(_LAST)
                message["headers"] = [*message.get("headers", []), *extra]
            await send(message)

        try:
            refusal = self._refusal(scope["path"], headers)
            await (refusal or self._app)(scope, receive, answer)
        except ClientDisconnect:
            status = 499  # as nginx writes of a client that has gone
        except Exception as error:
            # its text may hold what was sent: the log has where it happened, nobody has more
            where = traceback.extract_tb(error.__traceback__)[-1]
            self._telemetry.write(
                "error", id=request_id, kind=type(error).__name__,
                where=f"{where.filename.rpartition('/')[2]}:{where.lineno}",
            )  # fmt: skip
            if not status:
                await _error(500, "internal error; the log has it under this request's id")(
                    scope, receive, answer
                )
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            images = scope.get("state", {}).get("images", 0)
            self._telemetry.request(
                request_id, scope["method"], route, status,
                seconds=round(time.perf_counter() - started, 5), images=images,
            )  # fmt: skip

    @property
    def _is_draining(self) -> bool:
        return getattr(self._state, "draining", False)

    def _refusal(self, path: str, headers: dict[bytes, bytes]) -> Response | None:
        host = headers.get(b"host", b"").decode("latin-1")
        if self._settings.local and not _LOCAL.fullmatch(host):
            return _error(403, "this service answers to localhost only")
        if not self._settings.key or path in _OPEN:
            return None
        shown = headers.get(b"x-api-key", b"")
        scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() == b"bearer":
            shown = token.strip()
        if hmac.compare_digest(shown, self._settings.key.encode()):
            return None
        return _error(
            401, "a key is wanted: Authorization: Bearer KEY", {"WWW-Authenticate": "Bearer"}
        )


def _add_operation(app: FastAPI, deployment: Deployment, telemetry: Telemetry) -> None:
    @app.get("/metrics", summary="Prometheus metrics", response_class=PlainTextResponse)
    async def metrics() -> PlainTextResponse:
        return PlainTextResponse(
            telemetry.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8"
        )

    @app.get("/v1/model", responses={503: classify.ERRORS[503]}, summary="What serves")
    async def model() -> JSONResponse:
        deployed = deployment.current
        if deployed is None:
            raise Problem(503, f"no model: {deployment.why_not}", {"Retry-After": "5"})
        predictor = deployed.predictor
        shown = (
            "architecture",
            "mode",
            "kind",
            "resolution",
            "resize",
            "data",
            "parameters",
            "code",
        )
        return JSONResponse(
            {
                "name": deployed.name,
                "sha256": predictor.bundle.digest,
                "labels": predictor.labels,
                "engine": predictor.engine,
                "precision": predictor.precision,
                **{key: predictor.bundle.metadata.get(key, "") for key in shown},
                "note": predictor.note,
                "last_refused": deployment.why_not,
            }
        )

    @app.post(
        "/v1/reload", summary="Load the model file anew",
        responses={409: {"model": classify.Error, "description": "refused; the old one serves on"}},
    )  # fmt: skip
    async def reload(request: Request) -> JSONResponse:
        if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            raise Problem(403, "pages of other sites may not do this")
        try:
            deployed = await asyncio.wrap_future(deployment.load())
        except SwatchbookError as error:
            raise Problem(409, str(error)) from None
        return JSONResponse({"sha256": deployed.predictor.bundle.digest})


def _add_page(app: FastAPI) -> None:
    folder = resources.files("swatchbook.service") / "page"
    for path, (name, kind) in _PAGE.items():
        content = (folder / name).read_bytes()
        app.add_api_route(path, _page(content, kind), include_in_schema=False)


def _page(content: bytes, kind: str) -> Callable[[], Coroutine[Any, Any, Response]]:
    async def page() -> Response:
        return Response(content, media_type=kind)

    return page


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(Problem)
    async def problem(_: Request, error: Problem) -> Response:
        return _error(error.status, error.why, error.headers)

    @app.exception_handler(Full)
    async def full(_: Request, error: Full) -> Response:
        return _error(503, error.why, {"Retry-After": str(error.seconds)})

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> Response:
        return _error(error.status_code, str(error.detail).lower(), dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def validation(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part not in ("query", "body"))
        return _error(422, f"{where[:100]}: {first['msg']}")


def _error(status: int, why: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": why}, status_code=status, headers=headers)

"""The application: routes of the service, of its operation, and its page, behind the gate."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request

from swatchbook.base.errors import SwatchbookError
from swatchbook.server import problem
from swatchbook.server.admission import Admission
from swatchbook.server.gate import Gate, Rules
from swatchbook.server.problem import Problem
from swatchbook.server.telemetry import Telemetry
from swatchbook.service.answering import Answering
from swatchbook.service.collecting import Collector
from swatchbook.service.deployment import Deployment
from swatchbook.service.routes import classify, legacy, open_inference, schemas

# what a probe or a browser asks for before it can have a key
_OPEN = ("/", "/page.js", "/page.css", "/v2/health/live", "/v2/health/ready")
_PAGE = {
    "/": ("index.html", "text/html"),
    "/page.js": ("page.js", "text/javascript"),
    "/page.css": ("page.css", "text/css"),
}
# where images are scored
_WORK = re.compile(r"/v1/classify$|/score$|/api/|/v2/models/.*infer$")


@dataclass(frozen=True)
class Settings:
    """What the service allows.

    ``images`` may wait or be worked on at once; ``most`` may come in one request; ``held`` bytes
    of bodies may be in memory. ``key`` and ``local`` are those of ``server.gate.Rules``.
    ``origins`` of other sites whose pages may ask (CORS).
    """

    images: int = 8
    most: int = 64
    held: int = 256 * 2**20
    key: str = ""
    local: bool = True
    origins: Collection[str] = field(default_factory=tuple)


def build(
    deployment: Deployment,
    telemetry: Telemetry,
    settings: Settings,
    collector: Collector | None = None,
) -> FastAPI:
    """The application; ``deployment`` and ``collector`` are closed with it."""

    admission = Admission(settings.images, settings.held, telemetry.waiting)
    answering = Answering(deployment, admission, collector)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        answering.offload.close()
        await run_in_threadpool(deployment.close)
        if collector:
            await run_in_threadpool(collector.close)

    app = FastAPI(
        title="Swatchbook", version="1", lifespan=lifespan, docs_url=None, redoc_url=None,
        redirect_slashes=False, openapi_url="/openapi.json",
        description="Which class images have. Described in docs/serving.md.",
    )  # fmt: skip
    app.state.draining = False
    for module in (classify, legacy, open_inference):
        app.include_router(module.router(answering, telemetry, settings.most))
    _add_operation(app, deployment, telemetry)
    _add_page(app)
    problem.add_handlers(app)
    app.add_middleware(
        Gate,
        state=app.state,
        telemetry=telemetry,
        admission=admission,
        rules=Rules(
            settings.key,
            settings.local,
            open=_OPEN,
            is_work=lambda path: bool(_WORK.match(path)),
        ),
    )
    if settings.origins:
        # outermost: a page of another site may read a refusal too, and asks first without a key
        app.add_middleware(
            CORSMiddleware, allow_origins=[*settings.origins], allow_methods=["GET", "POST"],
            allow_headers=["authorization", "content-type", "x-api-key"],
            expose_headers=["retry-after", "x-request-id"],
        )  # fmt: skip
    return app


def _add_operation(app: FastAPI, deployment: Deployment, telemetry: Telemetry) -> None:
    @app.get("/metrics", summary="Prometheus metrics", response_class=PlainTextResponse)
    async def metrics() -> PlainTextResponse:
        # many may ask at once, and each takes some milliseconds
        text = await asyncio.to_thread(telemetry.exposition)
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    @app.get("/v1/model", responses={503: schemas.ERRORS[503]}, summary="What serves")
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
            "levels",
            "data",
            "threshold",
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
        responses={409: {"model": schemas.Error, "description": "refused; the old one serves on"}},
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

"""The application of ``swatchbook browse``: pages and what they ask for, behind the gate."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from swatchbook.browser import access
from swatchbook.browser.access import Access
from swatchbook.browser.desk import Desk
from swatchbook.browser.jobs.job import Job
from swatchbook.browser.jobs.rerun import Rerun
from swatchbook.browser.pictures import Pictures
from swatchbook.browser.results.heat import Heat
from swatchbook.browser.routes import acting, common, looking, pages, running, showing
from swatchbook.server import problem
from swatchbook.server.admission import Admission
from swatchbook.server.gate import Gate, Rules
from swatchbook.server.telemetry import Telemetry

if TYPE_CHECKING:
    from swatchbook.browser.labels.unlabelled import Unlabelled

_KINDS = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class Settings:
    """Who may come, and what is to be seen.

    ``token`` opens it, on ``port``; other ``names`` than those of this machine may be asked for.
    ``run`` is the one that is shown, where it isn't the workspace.
    """

    token: str
    port: int
    read_only: bool = False
    names: Collection[str] = ()
    run: str = ""


def build(
    desk: Desk, telemetry: Telemetry, settings: Settings, unlabelled: "Unlabelled | None" = None
) -> FastAPI:
    """The application, with a page for ``unlabelled`` images where there are some."""
    pictures, heat, rerun = Pictures(desk.levels()), Heat(desk.levels()), Rerun()

    jobs = {
        "learning": Job([["swatchbook", "learning-curve"]], "the learning curve"),
        "map": Job([["swatchbook.browser.data.layout"]], "the map"),
    }

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        for job in (rerun, *jobs.values()):
            await run_in_threadpool(job.close)
        await run_in_threadpool(pictures.close)
        await run_in_threadpool(heat.close)

    app = FastAPI(
        title="Swatchbook browser", version="1", lifespan=lifespan, docs_url=None, redoc_url=None,
        redirect_slashes=False,
    )  # fmt: skip
    app.state.draining = False
    for router in (
        looking.router(desk), acting.router(desk), running.router(desk, rerun, jobs),
        showing.router(desk, pictures, heat),
        pages.router(desk, settings.read_only, settings.run, unlabelled),
    ):  # fmt: skip
        app.include_router(router)
    if unlabelled:
        from swatchbook.browser.routes import new

        app.include_router(new.router(pictures, unlabelled))
    _add_files(app)
    problem.add_handlers(app)
    common.add_handlers(app)
    app.add_middleware(
        Access, token=settings.token, port=settings.port, read_only=settings.read_only,
        ask=pages.asking().encode(),
    )  # fmt: skip
    app.add_middleware(
        Gate, state=app.state, telemetry=telemetry, admission=Admission(64, 2**26),
        rules=Rules(names=settings.names, headers=access.HEADERS),
    )  # fmt: skip
    return app


def _add_files(app: FastAPI) -> None:
    folder = resources.files("swatchbook.browser") / "static"
    found = {
        path.name: (path.read_bytes(), _KINDS[path.name[path.name.rindex(".") :]])
        for path in folder.iterdir()
        if path.is_file()
    }

    @app.get("/static/{name}", include_in_schema=False)
    async def static(name: str) -> Response:
        if name not in found:
            return problem.answer(404, "no such file")
        content, kind = found[name]
        return Response(content, media_type=kind)

    @app.get("/favicon.ico", include_in_schema=False)
    async def icon() -> Response:
        content, kind = found["icon.svg"]
        return Response(content, media_type=kind, headers={"Cache-Control": "max-age=86400"})

"""What the pages write and start: the threshold, runs, and other commands."""

from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from swatchbook.browser.desk import Desk
from swatchbook.browser.jobs.job import Job
from swatchbook.browser.jobs.rerun import Rerun
from swatchbook.browser.results import threshold
from swatchbook.server.problem import Problem


class Threshold(BaseModel):
    """What ``bundle.threshold`` is to be, and what it was when the page was shown."""

    threshold: float = Field(ge=0, le=1)
    before: float = Field(ge=0, le=1)


class RunWanted(BaseModel):
    """What to do about the run; ``update`` looks at the source anew first."""

    do: Literal["start", "update", "stop"]


class JobWanted(BaseModel):
    """What to do about another command."""

    do: Literal["start", "stop"]


def router(desk: Desk, rerun: Rerun, jobs: Mapping[str, Job]) -> APIRouter:
    """Routes of the threshold, of the run and of ``jobs`` by name."""
    api = APIRouter()

    @api.get("/api/thresholds")
    def thresholds(snapshot: str = "") -> JSONResponse:
        found = threshold.rules(desk.view(snapshot).columns)
        return JSONResponse({"rules": found, "written": threshold.written()})

    @api.get("/api/thresholds/classes")
    def of_classes(at: Annotated[float, Query(ge=0, le=1)], snapshot: str = "") -> JSONResponse:
        return JSONResponse({"classes": threshold.by_class(desk.view(snapshot).columns, at)})

    @api.post("/api/thresholds")
    def write(wanted: Threshold) -> JSONResponse:
        threshold.write(wanted.threshold, wanted.before)
        return JSONResponse({"written": threshold.written()})

    @api.get("/api/run")
    def run(since: Annotated[int, Query(ge=0)] = 0) -> JSONResponse:
        return JSONResponse(rerun.state(since))

    @api.post("/api/run")
    def do_run(wanted: RunWanted) -> JSONResponse:
        rerun.stop() if wanted.do == "stop" else rerun.start(update=wanted.do == "update")
        return JSONResponse(rerun.state())

    @api.get("/api/jobs/{name}")
    def state_of_job(name: str, since: Annotated[int, Query(ge=0)] = 0) -> JSONResponse:
        return JSONResponse(_job(jobs, name).state(since))

    @api.post("/api/jobs/{name}")
    def do_job(name: str, wanted: JobWanted) -> JSONResponse:
        one = _job(jobs, name)
        one.stop() if wanted.do == "stop" else one.start()
        return JSONResponse(one.state())

    return api


def _job(jobs: Mapping[str, Job], name: str) -> Job:
    if name not in jobs:
        raise Problem(404, f"a job is one of {', '.join(jobs)}")
    return jobs[name]

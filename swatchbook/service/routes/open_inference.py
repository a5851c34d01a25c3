"""The routes of the Open Inference Protocol, version 2, which clients of KServe and Triton speak.

https://github.com/kserve/open-inference-protocol; its tensors are in ``tensors``.
"""

import json
from typing import Any

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from swatchbook.base.errors import ImageRefused
from swatchbook.prediction.predictions import OK, REFUSED
from swatchbook.server.problem import Problem
from swatchbook.server.telemetry import Telemetry
from swatchbook.service.answering import Answering
from swatchbook.service.deployment import Deployed
from swatchbook.service.routes import bodies, tensors
from swatchbook.service.routes.schemas import ERRORS
from swatchbook.service.scoring import Score

_NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": ERRORS[400]["model"], "description": "no such model or version"}
}
_GET = {**_NOT_FOUND, 503: ERRORS[503]}
_POST = {**ERRORS, **_NOT_FOUND}

_REQUEST = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["inputs"],
                    "properties": {
                        "id": {"type": "string"},
                        "parameters": {"type": "object"},
                        "inputs": {
                            "type": "array", "minItems": 1, "maxItems": 1,
                            "items": {
                                "type": "object",
                                "required": ["name", "shape", "datatype", "data"],
                                "properties": {
                                    "name": {"const": "images"},
                                    "shape": {"type": "array", "items": {"type": "integer"}},
                                    "datatype": {"enum": ["UINT8", "BYTES"]},
                                    "data": {"type": "array"},
                                    "parameters": {"type": "object"},
                                },
                            },
                        },
                        "outputs": {
                            "type": "array",
                            "items": {
                                "type": "object", "required": ["name"],
                                "properties": {"name": {"enum": [*tensors.OUTPUTS]}},
                            },
                        },
                    },
                },
                "example": {
                    "inputs": [
                        {"name": "images", "shape": [1], "datatype": "BYTES", "data": ["iVBO…"]}
                    ],
                },
            },
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    },
}  # fmt: skip


def router(answering: Answering, telemetry: Telemetry, most: int) -> APIRouter:
    """The routes, for up to ``most`` images a request."""
    routes = APIRouter()
    deployment = answering.deployment

    @routes.get("/v2", summary="The server")
    async def server() -> JSONResponse:
        return JSONResponse(
            {"name": "swatchbook", "version": "1", "extensions": ["binary_tensor_data"]}
        )

    @routes.get("/v2/health/live", summary="Whether it answers")
    async def live() -> JSONResponse:
        return JSONResponse({"live": True})

    @routes.get("/v2/health/ready", responses={503: ERRORS[503]}, summary="Whether a model serves")
    async def ready(request: Request) -> JSONResponse:
        draining = request.app.state.draining
        if deployment.current is None or draining:
            why = "the service is ending" if draining else deployment.why_not
            return JSONResponse({"ready": False, "error": why}, status_code=503)
        return JSONResponse({"ready": True})

    @routes.get("/v2/models/{name}", responses=_GET, summary="The model")
    async def model(name: str) -> JSONResponse:
        return JSONResponse(_metadata(_current(answering, name)))

    @routes.get("/v2/models/{name}/versions/{version}", responses=_GET, summary="The model")
    async def model_version(name: str, version: str) -> JSONResponse:
        return JSONResponse(_metadata(_current(answering, name, version)))

    @routes.get("/v2/models/{name}/ready", responses=_GET, summary="Whether it serves")
    async def model_ready(name: str) -> JSONResponse:
        _current(answering, name)
        return JSONResponse({"name": name, "ready": True})

    @routes.get(
        "/v2/models/{name}/versions/{version}/ready", responses=_GET, summary="Whether it serves"
    )
    async def version_ready(name: str, version: str) -> JSONResponse:
        _current(answering, name, version)
        return JSONResponse({"name": name, "version": version, "ready": True})

    async def answered(request: Request, name: str, version: str = "") -> Response:
        with answering.model() as deployed:
            _check(deployed, name, version)
            side = deployed.predictor.frame.side
            length = request.headers.get(tensors.LENGTH)

            async def parse(body: bytes) -> tensors.Asked:
                return await answering.offload(
                    tensors.asked, body, length, side, most, size=len(body)
                )

            async with bodies.parsed(request, answering.admission, parse) as asked:
                if isinstance(asked.images, np.ndarray):
                    scores = await answering.of_pixels(request, deployed, asked.images)
                else:
                    found = await answering.of_images(request, deployed, asked.images)
                    scores = _all(found, telemetry)
        for _ in scores:
            telemetry.image(OK)
        request.state.images = len(scores)
        return tensors.reply(asked, deployed.name, deployed.version, scores)

    @routes.post(
        "/v2/models/{name}/infer", responses=_POST, openapi_extra=_REQUEST, summary="Scores"
    )
    async def infer(request: Request, name: str) -> Response:
        return await answered(request, name)

    @routes.post(
        "/v2/models/{name}/versions/{version}/infer", responses=_POST, openapi_extra=_REQUEST,
        summary="Scores",
    )  # fmt: skip
    async def infer_version(request: Request, name: str, version: str) -> Response:
        return await answered(request, name, version)

    return routes


def _current(answering: Answering, name: str, version: str = "") -> Deployed:
    deployed = answering.deployment.current
    if deployed is None:
        raise Problem(503, f"no model: {answering.deployment.why_not}", {"Retry-After": "5"})
    _check(deployed, name, version)
    return deployed


def _check(deployed: Deployed, name: str, version: str) -> None:
    if name != deployed.name:
        raise Problem(404, f"no model {name[:50]!r}; there is {deployed.name!r}")
    if version and version != deployed.version:
        raise Problem(404, f"no version {version[:50]!r}; there is {deployed.version!r}")


def _metadata(deployed: Deployed) -> dict[str, Any]:
    side, classes = deployed.predictor.frame.side, len(deployed.predictor.labels)
    width = int(deployed.predictor.bundle.metadata["features"])
    shapes = {"probabilities": [-1, classes], "label": [-1], "features": [-1, width]}
    return {
        "name": deployed.name,
        "versions": [deployed.version],
        "platform": f"onnx_{deployed.predictor.engine}",
        "inputs": [{"name": "images", "datatype": "UINT8", "shape": [-1, side, side, 3]}],
        "outputs": [
            {"name": name, "datatype": kind, "shape": shapes[name]}
            for name, kind in tensors.OUTPUTS.items()
        ],
        "parameters": {
            "labels": json.dumps(deployed.predictor.labels, ensure_ascii=False),
            "precision": deployed.predictor.precision,
        },
    }


def _all(found: list[Score | ImageRefused], telemetry: Telemetry) -> list[Score]:
    for number, one in enumerate(found):
        if isinstance(one, ImageRefused):
            telemetry.image(REFUSED)
            # a tensor has no place for an error of one image
            raise Problem(422, f"images[{number}]: {one.reason}")
    return [one for one in found if isinstance(one, Score)]

"""``POST /score``: the contracts of the services that this one replaces, for their clients.

Three shapes of one route, told apart by the body:

- the CNTK tutorial, ``{"input_df": [{"image base64 string": b64}]}``: a JSON string inside JSON,
  all of whose values are strings. Its ``score`` was the largest margin of the SVM; here it is the
  largest probability, and ``allScores`` are probabilities too;
- AMLPCV, ``[{"image_in_base64": b64, "parameters": {}}, …]``: a list of score vectors;
- computervision-recipes, ``{"data": [b64, …]}``: ``[{"label": …, "probability": …}, …]``, the
  probability as a string; a bad image has its reason as label and an empty probability.

What they did wrong is not repeated: an error has an error's status and is JSON, and rows that
would not be answered are refused.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from swatchbook.base.errors import ImageRefused
from swatchbook.prediction.predictions import OK, REFUSED
from swatchbook.server.problem import Problem
from swatchbook.server.telemetry import Telemetry
from swatchbook.service.answering import Answering
from swatchbook.service.routes import bodies
from swatchbook.service.routes.schemas import ERRORS, EXAMPLE
from swatchbook.service.scoring import Score

_TUTORIAL, _AMLPCV = "image base64 string", "image_in_base64"
_Scores = list[Score | ImageRefused]
_Reply = Callable[[_Scores, list[str], float], Any]

_REQUEST = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "anyOf": [
                        {
                            "type": "object",
                            "required": ["input_df"],
                            "additionalProperties": False,
                            "properties": {
                                "input_df": {
                                    "type": "array", "minItems": 1, "maxItems": 1,
                                    "items": {
                                        "type": "object", "required": [_TUTORIAL],
                                        "additionalProperties": False,
                                        "properties": {_TUTORIAL: {"type": "string"}},
                                    },
                                },
                            },
                        },
                        {
                            "type": "array", "minItems": 1,
                            "items": {
                                "type": "object", "required": [_AMLPCV],
                                "properties": {
                                    _AMLPCV: {"type": "string"}, "parameters": {"type": "object"},
                                },
                            },
                        },
                        {
                            "type": "object",
                            "required": ["data"],
                            "additionalProperties": False,
                            "properties": {
                                "data": {
                                    "type": "array", "minItems": 1, "items": {"type": "string"},
                                },
                            },
                        },
                    ],
                },
                "examples": {
                    "CNTK tutorial": {"value": {"input_df": [{_TUTORIAL: EXAMPLE}]}},
                    "AMLPCV": {"value": [{_AMLPCV: EXAMPLE, "parameters": {}}]},
                    "computervision-recipes": {"value": {"data": [EXAMPLE]}},
                },
            },
        },
    },
}  # fmt: skip


@dataclass(frozen=True)
class _Asked:
    contents: list[bytes]
    reply: _Reply


def router(answering: Answering, telemetry: Telemetry, most: int) -> APIRouter:
    """The route, for up to ``most`` images a request."""
    routes = APIRouter()

    @routes.post("/score", responses=ERRORS, openapi_extra=_REQUEST, summary="As the originals")
    @routes.post("/api/v1/service/{name}/score", responses=ERRORS, include_in_schema=False)
    async def score(request: Request) -> JSONResponse:
        started = time.perf_counter()
        with answering.model() as deployed:

            async def parse(body: bytes) -> _Asked:
                return await answering.offload(_asked, body, most, size=len(body))

            async with bodies.parsed(request, answering.admission, parse) as asked:
                scores = await answering.of_images(request, deployed, asked.contents)
            labels = deployed.predictor.labels
        for one in scores:
            telemetry.image(REFUSED if isinstance(one, ImageRefused) else OK)
        request.state.images = len(scores)
        milliseconds = 1000 * (time.perf_counter() - started)
        return JSONResponse(asked.reply(scores, labels, milliseconds))

    return routes


def _asked(body: bytes, most: int) -> _Asked:
    texts, reply = _texts_and_reply(bodies.strict_json(body))
    return _Asked(bodies.of_base64(texts, most), reply)


def _texts_and_reply(content: Any) -> tuple[list[Any], _Reply]:
    match content:
        case {"input_df": [*rows]} if len(content) == 1:
            if len(rows) != 1:
                raise Problem(422, f"input_df: one row is answered, {len(rows)} were sent")
            return _texts(rows, _TUTORIAL, set()), _of_tutorial
        case {"data": [*texts]} if len(content) == 1:
            return texts, _of_recipes
        case [*rows] if rows:
            return _texts(rows, _AMLPCV, {"parameters"}), _of_amlpcv
    raise Problem(
        422,
        f'the JSON must be {{"input_df": [{{"{_TUTORIAL}": base64}}]}}, '
        f'[{{"{_AMLPCV}": base64, "parameters": {{}}}}, …] or {{"data": [base64, …]}}',
    )


def _texts(rows: list[Any], name: str, others: set[str]) -> list[Any]:
    for number, row in enumerate(rows):
        if not isinstance(row, dict) or name not in row or set(row) - {name} - others:
            raise Problem(422, f"row {number}: must have {name!r} and nothing else")
    return [row[name] for row in rows]


def _of_tutorial(scores: _Scores, labels: list[str], milliseconds: float) -> str:
    (probabilities,) = _all(scores)
    best = int(probabilities.argmax())
    return json.dumps(
        {
            "label": labels[best],
            "score": str(probabilities[best]),
            "allScores": str(probabilities),
            "Id2Labels": str(dict(enumerate(labels))),
            "executionTimeMs": str(milliseconds),
        }
    )


def _of_amlpcv(scores: _Scores, labels: list[str], _: float) -> list[list[float]]:
    return [row.tolist() for row in _all(scores)]


def _of_recipes(scores: _Scores, labels: list[str], _: float) -> list[dict[str, str]]:
    return [
        {"label": one.reason, "probability": ""}
        if isinstance(one, ImageRefused)
        else {
            "label": labels[int(one.probabilities.argmax())],
            "probability": str(one.probabilities.max()),
        }
        for one in scores
    ]


def _all(scores: _Scores) -> list[np.ndarray]:
    for number, one in enumerate(scores):
        if isinstance(one, ImageRefused):
            # these contracts have no place for an error of one image
            raise Problem(422, f"image {number}: {one.reason}")
    return [one.probabilities for one in scores if isinstance(one, Score)]

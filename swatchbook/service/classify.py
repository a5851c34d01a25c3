"""``POST /v1/classify``: the service's own contract."""

import sys
import time
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from swatchbook import abstention, files, predict
from swatchbook.errors import ImageRefused
from swatchbook.neighbours import Neighbour
from swatchbook.predict import OK, REFUSED, Prediction, Wishes
from swatchbook.service import bodies
from swatchbook.service.answering import Answering
from swatchbook.service.bodies import Problem
from swatchbook.service.deployment import Deployed
from swatchbook.service.scoring import Score
from swatchbook.service.telemetry import Telemetry

_BASE64 = "iVBORw0KGgoAAAANSUhEUgAA…"


class Options(BaseModel):
    """What to say of each image; in the URL."""

    model_config = ConfigDict(extra="forbid")

    top_k: int = Field(5, ge=1, le=1000, description="classes of each image, the highest first")
    threshold: float = Field(0.0, ge=0, le=1, description="answer from this confidence on")
    max_error: float | None = Field(
        None, gt=0, lt=1, description="find that confidence: at most this share of answers wrong"
    )
    features: bool = Field(False, description="send the features too")
    evidence: int = Field(
        0, ge=0, le=50, description="nearest training images (where the service has them)"
    )


class Class(BaseModel):
    """A class and its calibrated probability."""

    label: str
    probability: float


class Near(BaseModel):
    """A training image and its cosine similarity."""

    sha256: str
    label: str
    similarity: float


class Result(BaseModel):
    """What is said of one image, in the order of the request."""

    status: str = Field(description="ok, not_sure (below the threshold) or refused")
    sha256: str
    reason: str = Field(default="", description="why it is refused")
    predicted: str = ""
    confidence: float = 0.0
    top: list[Class] = []
    features: list[float] | None = None
    evidence: list[Near] | None = None


class Answer(BaseModel):
    """The answer to a request."""

    model: str = Field(description="SHA-256 of the model file")
    milliseconds: float = Field(description="from the headers of the request to this answer")
    results: list[Result]


class Error(BaseModel):
    """Any error."""

    error: str


_REQUEST = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["image"],
                    "properties": {
                        "image": {"type": "array", "minItems": 1,
                                  "items": {"type": "string", "format": "binary"}},
                    },
                    "additionalProperties": False,
                },
            },
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["images"],
                    "properties": {
                        "images": {"type": "array", "minItems": 1, "maxItems": 64,
                                   "items": {"type": "string", "format": "byte"}},
                    },
                    "additionalProperties": False,
                },
                "example": {"images": [_BASE64]},
            },
            "image/*": {"schema": {"type": "string", "format": "binary"}},
        },
    },
}  # fmt: skip
ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": Error, "description": "malformed"},
    401: {"model": Error, "description": "no key, or a wrong one"},
    408: {"model": Error, "description": "the body took too long"},
    413: {"model": Error, "description": "too many images or bytes"},
    415: {"model": Error, "description": "another type or coding of content"},
    422: {"model": Error, "description": "no image, or an option that is not allowed"},
    503: {"model": Error, "description": "no model, or too much to do: see Retry-After"},
}


def router(answering: Answering, telemetry: Telemetry, most: int) -> APIRouter:
    """The route, for up to ``most`` images a request."""
    routes = APIRouter()

    @routes.post(
        "/v1/classify",
        response_model=Answer,
        responses={
            **ERRORS,
            422: {"description": "no image could be used, or an option is not allowed",
                  "content": {"application/json": {"schema": {"anyOf": [
                      {"$ref": "#/components/schemas/Answer"},
                      {"$ref": "#/components/schemas/Error"}]}}}},
        },
        openapi_extra=_REQUEST,
        summary="Which class images have",
    )  # fmt: skip
    async def classify(request: Request, options: Annotated[Options, Query()]) -> JSONResponse:
        started = time.perf_counter()
        with answering.model() as deployed:
            wishes = _wishes(options, deployed)

            async def parse(body: bytes) -> list[bytes]:
                return await bodies.images(request.headers, body, most)

            async with bodies.parsed(request, answering.admission, parse) as contents:
                scores = await answering.of_images(request, deployed, contents)
                # a search for evidence takes time, whatever the size of the images
                size = sys.maxsize if options.evidence else sum(map(len, contents))
                results = await bodies.aside(
                    _results, contents, scores, deployed, wishes, options, size=size
                )
        for result in results:
            telemetry.image(result.status)
        request.state.images = len(results)
        answer = Answer(
            model=deployed.predictor.bundle.digest,
            milliseconds=round(1000 * (time.perf_counter() - started), 2),
            results=results,
        )
        all_refused = all(result.status == REFUSED for result in results)
        return JSONResponse(
            answer.model_dump(exclude_none=True), status_code=422 if all_refused else 200
        )

    return routes


def _wishes(options: Options, deployed: Deployed) -> Wishes:
    threshold = options.threshold
    if options.max_error is not None:
        if threshold:
            raise Problem(422, "threshold and max_error: give one of them")
        rule = abstention.least(deployed.predictor.bundle.rules, options.max_error)
        if rule is None:
            raise Problem(422, f"max_error: {options.max_error:g} can't be had with this model")
        threshold = rule.threshold
    if options.evidence and deployed.known is None:
        raise Problem(422, "evidence: this service was started without training images")
    return Wishes(options.top_k, threshold, options.evidence)


def _results(
    contents: list[bytes],
    scores: list[Score | ImageRefused],
    deployed: Deployed,
    wishes: Wishes,
    options: Options,
) -> list[Result]:
    return [
        _result(content, score, deployed, wishes, options)
        for content, score in zip(contents, scores, strict=True)
    ]


def _result(
    content: bytes,
    score: Score | ImageRefused,
    deployed: Deployed,
    wishes: Wishes,
    options: Options,
) -> Result:
    sha256 = files.digest(content)
    if isinstance(score, ImageRefused):
        return Result(status=REFUSED, sha256=sha256, reason=score.reason)
    near: list[Neighbour] = []
    if deployed.known and wishes.evidence:
        (near,) = deployed.known.nearest(score.features[None], wishes.evidence)
    said: Prediction = predict.of_scores(
        "", sha256, score.probabilities, deployed.predictor.labels, wishes, near
    )
    return Result(
        status=said.status,
        sha256=sha256,
        predicted=said.predicted if said.status == OK else "",
        confidence=said.confidence,
        top=[Class(label=label, probability=p) for label, p in said.top],
        features=score.features.tolist() if options.features else None,
        # digests, not paths: where the project's files stand is nobody's business
        evidence=[
            Near(sha256=one.sha256, label=one.label, similarity=one.similarity) for one in near
        ] if wishes.evidence else None,
    )  # fmt: skip

"""``POST /v1/classify``: the service's own contract."""

import sys
import time
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from swatchbook.base import files
from swatchbook.base.errors import ImageRefused
from swatchbook.bundle import abstention
from swatchbook.prediction import predictions
from swatchbook.prediction.predictions import OK, REFUSED, Neighbour, Prediction, Wishes
from swatchbook.server.problem import Problem
from swatchbook.server.telemetry import Telemetry
from swatchbook.service.answering import Answering
from swatchbook.service.deployment import Deployed
from swatchbook.service.routes import bodies
from swatchbook.service.routes.schemas import ERRORS, REQUEST, Answer, Class, Near, Options, Result
from swatchbook.service.scoring import Score


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
        openapi_extra=REQUEST,
        summary="Which class images have",
    )  # fmt: skip
    async def classify(request: Request, options: Annotated[Options, Query()]) -> JSONResponse:
        started = time.perf_counter()
        with answering.model() as deployed:
            wishes = _wishes(options, deployed)

            async def parse(body: bytes) -> list[bytes]:
                return await bodies.images(request.headers, body, most, answering.offload)

            async with bodies.parsed(request, answering.admission, parse) as contents:
                scores = await answering.of_images(request, deployed, contents)
                # a search for evidence takes time, whatever the size of the images
                size = sys.maxsize if options.evidence else sum(map(len, contents))
                results = await answering.offload(
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
    if threshold is None:
        threshold = deployed.predictor.bundle.threshold
    if options.max_error is not None:
        if options.threshold:
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
    said: Prediction = predictions.of_scores(
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

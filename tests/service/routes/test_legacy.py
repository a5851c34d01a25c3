"""The originals' clients: each gets what its own service gave it."""

import base64
import json
from typing import Any

import numpy as np
import pytest
from support.pictures import encoded, texture
from support.services import Service

GOOD = encoded(texture(1))
TEXT = base64.b64encode(GOOD).decode()


@pytest.fixture
def expected(service: Service) -> dict[str, float]:
    answer = service.post("/v1/classify", data=GOOD, headers={"Content-Type": "image/png"}).json()
    return {one["label"]: one["probability"] for one in answer["results"][0]["top"]}


@pytest.mark.parametrize("path", ["/score", "/api/v1/service/fashion/score"])
def test_the_tutorial_decodes_twice(
    service: Service, expected: dict[str, float], path: str
) -> None:
    answer = service.post(path, json={"input_df": [{"image base64 string": TEXT}]})
    found = json.loads(answer.json())
    assert set(found) == {"label", "score", "allScores", "Id2Labels", "executionTimeMs"}
    assert all(isinstance(value, str) for value in found.values())
    best = max(expected, key=lambda label: expected[label])
    assert found["label"] == best
    assert float(found["score"]) == pytest.approx(expected[best], abs=1e-6)
    scores = np.array(found["allScores"].strip("[]").split(), float)
    assert scores == pytest.approx([expected[name] for name in ("blue", "green", "red")], abs=1e-6)
    assert found["Id2Labels"] == "{0: 'blue', 1: 'green', 2: 'red'}"
    assert float(found["executionTimeMs"]) > 0


def test_amlpcv_gets_score_vectors(service: Service, expected: dict[str, float]) -> None:
    rows = [{"image_in_base64": TEXT, "parameters": {}}] * 3
    found = service.post("/score", json=rows, headers={"X-Marathon-App-Id": ""}).json()
    assert len(found) == 3
    assert found[0] == pytest.approx(
        [expected[name] for name in ("blue", "green", "red")], abs=1e-6
    )


def test_recipes_get_labels_and_an_error_in_its_place(
    service: Service, expected: dict[str, float]
) -> None:
    bad = base64.b64encode(b"junk").decode()
    found = service.post("/score", json={"data": [TEXT, bad]}).json()
    best = max(expected, key=lambda label: expected[label])
    assert found[0]["label"] == best
    assert float(found[0]["probability"]) == pytest.approx(expected[best], abs=1e-6)
    assert found[1] == {"label": "not_image", "probability": ""}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"input_df": []}, 422),
        ({"input_df": [{"image base64 string": TEXT}] * 2}, 422),
        ({"input_df": [{"image": TEXT}]}, 422),
        ({"input_df": [{"image base64 string": TEXT, "url": "x"}]}, 422),
        ({"input_df": [{"image base64 string": "?"}]}, 422),
        ({"input_df": [{"image base64 string": base64.b64encode(b"x").decode()}]}, 422),
        ([], 422),
        ([{"image_in_base64": None}], 422),
        ([1], 422),
        ({"data": [], "more": 1}, 422),
        ({"data": []}, 422),
        ({"data": "x"}, 422),
        ({"data": [TEXT] * 65}, 413),
        ("text", 422),
    ],
)
def test_an_error_has_the_status_of_one(service: Service, body: Any, status: int) -> None:
    answer = service.post("/score", json=body)
    assert (answer.status_code, set(answer.json())) == (status, {"error"})

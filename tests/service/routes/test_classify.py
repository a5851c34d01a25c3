"""``POST /v1/classify``: what is said of images, and that it is what was measured."""

import base64
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.pictures import encoded, texture
from support.project import Project
from support.services import Service, running

from swatchbook.bundle.abstention import Rule
from swatchbook.project import tables
from swatchbook.service.routes import classify
from swatchbook.service.routes.schemas import Options

GOOD = encoded(texture(1))
JPEG = {"Content-Type": "image/jpeg"}


def test_parity_with_evaluate(service: Service, finished: Project) -> None:
    measured = pd.read_csv(finished.folder / "data/predictions.csv")
    test = measured[measured["subset"] == "test"]
    contents = [(finished.folder / path).read_bytes() for path in test["path"]]
    form = [("image", (f"{n}.png", data)) for n, data in enumerate(contents)]
    results = service.post("/v1/classify?top_k=3", files=form).json()["results"]
    for result, row in zip(results, test.to_dict("records"), strict=True):
        assert (result["status"], result["sha256"]) == ("ok", row["sha256"])
        assert result["predicted"] == row["predicted"]
        for one in result["top"]:
            assert one["probability"] == pytest.approx(row[f"p_{one['label']}"], abs=1e-5)


def test_all_forms_of_a_body_say_the_same(service: Service) -> None:
    text = base64.b64encode(GOOD).decode()
    answers = [
        service.post("/v1/classify", data=GOOD, headers=JPEG),
        service.post(
            "/v1/classify", data=GOOD, headers={"Content-Type": "application/octet-stream"}
        ),
        service.post("/v1/classify", files={"anything": ("x", GOOD)}),
        service.post("/v1/classify", json={"images": [text]}),
        service.post("/v1/classify", json={"images": [f"data:image/png;base64,{text}"]}),
    ]
    first = answers[0].json()["results"]
    assert first[0]["predicted"] in ("red", "green", "blue")
    assert [answer.json()["results"] for answer in answers] == [first] * 5


def test_one_bad_image_of_ten_does_not_harm_the_others(service: Service) -> None:  # F06
    form = [("image", (str(n), encoded(texture(n)))) for n in range(10)]
    form[4] = ("image", ("4", b"<html>"))
    answer = service.post("/v1/classify", files=form)
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [result["status"] for result in results] == ["ok"] * 4 + ["refused"] + ["ok"] * 5
    assert results[4]["reason"] == "not_image"


def test_only_bad_images_are_an_error(service: Service) -> None:
    answer = service.post("/v1/classify", files=[("image", ("x", b"junk"))] * 2)
    assert answer.status_code == 422
    assert [result["reason"] for result in answer.json()["results"]] == ["not_image"] * 2


def test_options(service: Service) -> None:
    (whole,) = service.post("/v1/classify?features=true", data=GOOD, headers=JPEG).json()["results"]
    assert len(whole["features"]) == 96
    assert [one["probability"] for one in whole["top"]] == sorted(
        (one["probability"] for one in whole["top"]), reverse=True
    )
    (few,) = service.post("/v1/classify?top_k=1", data=GOOD, headers=JPEG).json()["results"]
    assert few["top"] == whole["top"][:1]
    assert "features" not in few
    (unsure,) = service.post("/v1/classify?threshold=1", data=GOOD, headers=JPEG).json()["results"]
    assert (unsure["status"], unsure["predicted"]) == ("not_sure", "")
    assert unsure["confidence"] == whole["confidence"]
    learnt = service.post("/v1/classify?max_error=0.8", data=GOOD, headers=JPEG)
    assert learnt.json()["results"][0]["status"] == "ok"


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("top_k=0", "top_k: Input should be greater than or equal to 1"),
        ("top_k=many", "top_k: "),
        ("threshold=2", "threshold: "),
        ("threshold=.5&max_error=.1", "threshold and max_error: give one of them"),
        ("max_error=0.0001", "max_error: 0.0001 can't be had with this model"),
        ("evidence=3", "evidence: this service was started without training images"),
        ("url=http://127.0.0.1/", "url: Extra inputs are not permitted"),  # F18
    ],
)
def test_a_wrong_option_is_named(service: Service, query: str, says: str) -> None:
    answer = service.post(f"/v1/classify?{query}", data=GOOD, headers=JPEG)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith(says)


def test_evidence_is_told_by_digest(finished: Project, tmp_path: Path) -> None:
    folder = finished.folder
    options = (folder / "models/model.onnx", tmp_path / "log", "--evidence")
    with running(*options, folder=folder) as service:
        service.wait()
        split = pd.read_csv(folder / "data/split.csv").set_index("sha256")
        sha256 = split.index[split["subset"] == "train"][0]
        data = (folder / split["path"][sha256]).read_bytes()
        answer = service.post("/v1/classify?evidence=2", data=data, headers=JPEG).json()
        near = answer["results"][0]["evidence"]
        assert near[0]["sha256"] == sha256
        assert near[0]["similarity"] == pytest.approx(1, abs=1e-4)
        assert set(near[0]) == {"sha256", "label", "similarity"}


def test_features_are_those_of_the_pipeline(service: Service, finished: Project) -> None:
    known = tables.read_features(finished.folder / "data/features.parquet")
    path = next((finished.folder / "data/images").rglob(f"{known.sha256[0]}.*"))
    answer = service.post("/v1/classify?features=1", data=path.read_bytes(), headers=JPEG).json()
    assert np.allclose(answer["results"][0]["features"], known.vectors[0], atol=1e-5)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [({}, 0.75), ({"threshold": 0.0}, 0.0), ({"threshold": 0.9}, 0.9), ({"max_error": 0.1}, 0.6)],
)
def test_without_being_told_it_answers_from_the_threshold_of_the_bundle(
    options: dict[str, float], wanted: float
) -> None:
    rules = [Rule(0.0, 1.0, 0.2, 0.3), Rule(0.6, 0.7, 0.05, 0.1)]
    bundle = SimpleNamespace(threshold=0.75, rules=rules)
    deployed: Any = SimpleNamespace(predictor=SimpleNamespace(bundle=bundle), known=None)
    assert classify._wishes(Options(**options), deployed).threshold == wanted

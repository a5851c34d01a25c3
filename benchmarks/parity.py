"""The same bytes through evaluate, predict, every route of the service and bare ONNX Runtime.

    python -m benchmarks.parity

In the current project, after `dvc repro`: every test image of data/predictions.csv. For each path
the share of images with the class that evaluate gave, and the largest difference of a probability
from it. Bare ONNX Runtime computes in float32: where the features are of bfloat16 it is another
precision, and its row says so.
"""

import base64
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import requests

from benchmarks import harness, service_rivals
from benchmarks.load import running
from swatchbook.bundle import model_file, predictor
from swatchbook.images import decoding
from swatchbook.images.frame import Frame
from swatchbook.project import tables
from swatchbook.project.paths import MODEL

_AT_ONCE = 16


def main() -> None:
    found = model_file.read(MODEL)
    measured = tables.PREDICTIONS.read()
    test = measured[measured["subset"] == tables.TEST]
    expected = test[[f"p_{label}" for label in found.labels]].to_numpy()
    contents = [Path(path).read_bytes() for path in test["path"]]
    frame = Frame.of(found.metadata)
    pixels = np.stack([decoding.decode(data, frame) for data in contents])
    results = {
        "swatchbook predict": _predicted(list(test["path"]), found.labels),
        "bare ONNX Runtime, float32": np.concatenate(
            [predictor.bare(found, pixels[at : at + 64]) for at in range(0, len(pixels), 64)]
        ),
    }
    with _served() as url:
        name = found.metadata["data_set"]
        for route, ask in _routes(url, name, found.labels).items():
            parts = [
                ask(contents[at : at + _AT_ONCE], pixels[at : at + _AT_ONCE])
                for at in range(0, len(contents), _AT_ONCE)
            ]
            results[route] = np.concatenate(parts)
    rows = []
    for path, scores in results.items():
        same = (np.nanargmax(scores, axis=1) == expected.argmax(axis=1)).mean()
        rows.append((path, f"{same:.1%}", f"{np.nanmax(np.abs(scores - expected)):.1e}"))
    print(f"\n{name}: {len(test)} test images, features of {found.precision}")
    harness.table(["", "same class", "largest difference"], rows)


def _predicted(paths: list[str], labels: list[str]) -> np.ndarray:
    done = subprocess.run(
        [sys.executable, "-m", "swatchbook", "predict", "-", "--format", "json", "--top-k",
         str(len(labels))],
        input="\n".join(paths), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return np.array([_in_order(row["top"], labels) for row in json.loads(done.stdout)])


def _routes(
    url: str, name: str, labels: list[str]
) -> dict[str, Callable[[list[bytes], np.ndarray], np.ndarray]]:
    session = requests.Session()

    def post(path: str, **options: object) -> requests.Response:
        answer = session.post(url + path, timeout=60, **options)  # type: ignore[arg-type]
        answer.raise_for_status()
        return answer

    def texts(contents: list[bytes]) -> list[str]:
        return [base64.b64encode(data).decode() for data in contents]

    def classify(contents: list[bytes], _: np.ndarray) -> np.ndarray:
        files = [("image", (str(number), data)) for number, data in enumerate(contents)]
        rows = post(f"/v1/classify?top_k={len(labels)}", files=files).json()["results"]
        return np.array([_in_order(row["top"], labels) for row in rows])

    def amlpcv(contents: list[bytes], _: np.ndarray) -> np.ndarray:
        rows = [{"image_in_base64": text, "parameters": {}} for text in texts(contents)]
        return np.array(post("/score", json=rows).json())

    def tutorial(contents: list[bytes], _: np.ndarray) -> np.ndarray:
        answers = [
            json.loads(post("/score", json={"input_df": [{"image base64 string": text}]}).json())
            for text in texts(contents)
        ]
        return np.array([row["allScores"].strip("[]").split() for row in answers], float)

    def recipes(contents: list[bytes], _: np.ndarray) -> np.ndarray:
        rows = post("/score", json={"data": texts(contents)}).json()
        scores = np.full((len(rows), len(labels)), np.nan)  # it names the best class only
        for row, said in zip(scores, rows, strict=True):
            row[labels.index(said["label"])] = float(said["probability"])
        return scores

    def infer(tensor: dict[str, object]) -> np.ndarray:
        body = {"inputs": [{"name": "images", **tensor}]}
        output = post(f"/v2/models/{name}/infer", json=body).json()["outputs"][0]
        return np.reshape(output["data"], output["shape"])

    def encoded(contents: list[bytes], _: np.ndarray) -> np.ndarray:
        return infer({"datatype": "BYTES", "shape": [len(contents)], "data": texts(contents)})

    def of_pixels(_: list[bytes], some: np.ndarray) -> np.ndarray:
        # JSON of pixels is long: two at once
        parts = np.array_split(some, max(1, len(some) // 2))
        return np.concatenate(
            [infer({"datatype": "UINT8", "shape": list(part.shape), "data": part.ravel().tolist()})
             for part in parts]
        )  # fmt: skip

    return {
        "POST /v1/classify": classify,
        "POST /score (AMLPCV)": amlpcv,
        "POST /score (tutorial)": tutorial,
        "POST /score (recipes)": recipes,
        "POST /v2/…/infer, BYTES": encoded,
        "POST /v2/…/infer, UINT8": of_pixels,
    }


def _in_order(top: list[dict[str, object] | list[object]], labels: list[str]) -> list[float]:
    by_label = {row["label"]: row["probability"] for row in top if isinstance(row, dict)}
    return [float(str(by_label[label])) for label in labels]


@contextmanager
def _served() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path in (MODEL, MODEL.parent / "golden"):
            (folder / path.name).symlink_to(path.resolve())
        photograph = next(Path("data/images").rglob("*.*")).read_bytes()
        with running(service_rivals.KINDS[0], folder, [photograph], folder / "cache") as target:
            yield target.url.partition("/v1")[0]


if __name__ == "__main__":
    main()

"""Servers for the same network: ours, what most people write, and two with dynamic batching."""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import featurize

# the last two where they are installed: pip install mosec==0.9.8 litserve==0.2.19
KINDS = ["swatchbook", "usual", *filter(importlib.util.find_spec, ("mosec", "litserve"))]
_SIDE = 224


def command(kind: str, folder: Path, port: int) -> list[str]:
    """What starts a server of that kind for the model in ``folder``."""
    if kind == "swatchbook":
        return [sys.executable, "-m", "swatchbook", "serve", "--model", str(folder / "model.onnx"),
                "--port", str(port)]  # fmt: skip
    if kind == "usual":
        return [sys.executable, "-m", "benchmarks.service_rivals", str(port)]
    return [sys.executable, "-m", f"benchmarks.serve_{kind}", "--port", str(port)]


def requests(kind: str, images: list[bytes]) -> tuple[str, list[bytes], dict[str, str]]:
    """The path to ask, bodies and headers."""
    if kind == "litserve":
        start = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
        bodies = [start + image + b"\r\n--x--\r\n" for image in images]
        return "/predict", bodies, {"Content-Type": "multipart/form-data; boundary=x"}
    path = {"swatchbook": "/v1/classify", "usual": "/predict", "mosec": "/inference"}[kind]
    return path, images, {"Content-Type": "image/jpeg"}


def deploy(folder: Path, architecture: str, images: list[bytes]) -> None:
    """Write a bundle of that architecture, with random weights: they cost the same."""
    from swatchbook.base import files
    from swatchbook.bundle import abstention, golden, model_file
    from swatchbook.bundle.golden import Golden
    from swatchbook.bundle.predictor import Predictor
    from swatchbook.classifiers import classifier_export as export
    from swatchbook.classifiers.estimators import train
    from swatchbook.classifiers.parameters import TrainClassifier
    from swatchbook.images import decoding as door
    from swatchbook.images.frame import Frame
    from swatchbook.inference import engines
    from swatchbook.project import models

    featurize.export(architecture, folder / "network.onnx")
    network, facts = models.load(folder / "network.onnx", {"features"})
    width = int(facts["features"])
    random = np.random.default_rng(0)
    labels, folds = np.array(["a", "b", "c"] * 20), np.repeat([0, 1], 30)
    settings = TrainClassifier(kind="logistic", C=[1.0])
    trained = train(random.random((60, width), np.float32), labels, folds, settings)
    classifier = models.serialize(export.to_onnx(trained, width, True), {})
    precision = "bfloat16" if "bfloat16" in engines.precisions("auto") else "float32"
    metadata = {
        **facts, "labels": json.dumps(["a", "b", "c"]), "precision": precision,
        "network": files.digest(network),
    }  # fmt: skip
    rules = abstention.rules(np.array([0.5, 0.9]), np.array([True, True]), np.arange(2))
    models.save(model_file.merged(network, classifier, metadata, rules), folder / "model.onnx")
    made = model_file.read(folder / "model.onnx")
    predictor = Predictor(made, "auto", "auto", [1], 1)
    pixels = door.decode(images[0], Frame(_SIDE, "pad"))
    expected = predictor(pixels[None]).probabilities[0].tolist()
    goldens = [Golden("a.jpg", "a", {predictor.precision: expected})]
    golden.write(golden.beside(folder / "model.onnx"), made.digest, {"a.jpg": images[0]}, goldens)


def usual(port: int) -> None:
    """FastAPI, torchvision's transforms and a PyTorch network, one image a request."""
    import io

    import torch
    import uvicorn
    from fastapi import FastAPI, Request
    from PIL import Image
    from torchvision import transforms

    backbone = featurize.network("resnet18")
    network = torch.nn.Sequential(backbone, torch.nn.Linear(512, 3)).eval()
    preprocess = transforms.Compose([
        transforms.Resize(256),
        transforms.CenterCrop(_SIDE),
        transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ])  # fmt: skip
    app = FastAPI()

    def score(data: bytes) -> list[float]:
        image = Image.open(io.BytesIO(data)).convert("RGB")
        with torch.no_grad():
            scores: list[float] = network(preprocess(image)[None])[0].softmax(0).tolist()
        return scores

    @app.post("/predict")
    async def predict(request: Request) -> dict[str, Any]:
        from starlette.concurrency import run_in_threadpool

        return {"scores": await run_in_threadpool(score, await request.body())}

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error")


if __name__ == "__main__":
    usual(int(sys.argv[1]))

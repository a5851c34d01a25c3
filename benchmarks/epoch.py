"""An epoch of refinement against torchvision's reference script, written as a user would.

    python -m benchmarks.epoch --images 256 --rounds 3 --architecture resnet18

The usual script: ImageFolder, RandomResizedCrop, flip, colour jitter, DataLoader with 2 workers,
float32, SGD (pytorch/vision, references/classification/train.py). Ours: the same network, size,
minibatch and augmentation from decoded images, in float32 and, where the CPU has it, bfloat16.
Two sets: photographs of 0.3 to 12 megapixels, and the same at 256 pixels. The epoch is timed, not
the start of the process; ours has decoded the images before, which is measured apart.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image

from benchmarks import harness

_SIDE = 224
_MINIBATCH = 16
_SMALL = 256


def main() -> None:
    options = harness.arguments(__doc__, images=256, rounds=3, architecture="resnet18")
    with tempfile.TemporaryDirectory() as name:
        sets = _sets(Path(name), options.images)
        for kind, folder in sets.items():

            def run(how: str, precision: str, folder: Path = folder) -> dict[str, float]:
                command = [sys.executable, "-m", "benchmarks.epoch", "--run", how, str(folder)]
                # watching its memory would take a part of one of the two cores
                done = subprocess.run(
                    [*command, options.architecture, precision],
                    cwd=harness.ROOT, stdout=subprocess.PIPE, check=True,
                )  # fmt: skip
                figures: dict[str, float] = json.loads(done.stdout)
                return figures

            variants: dict[str, Any] = {
                "usual script, float32": lambda run=run: run("usual", "float32"),
                "ours, float32": lambda run=run: run("ours", "float32"),
            }
            if _has_bfloat16():
                variants["ours, bfloat16"] = lambda run=run: run("ours", "bfloat16")
            results = harness.alternate(variants, options.rounds)
            usual = results["usual script, float32"]
            rows = []
            for variant, runs in results.items():
                ratios = [
                    {"ratio": run["images_per_second"] / base["images_per_second"]}
                    for run, base in zip(runs, usual, strict=True)
                ]
                rows.append(
                    (
                        variant,
                        harness.spread(runs, "images_per_second"),
                        harness.spread(ratios, "ratio", 2),
                        harness.spread(runs, "decoding", 1),
                    )
                )
            print(f"\n{options.architecture} at {_SIDE} px, minibatch {_MINIBATCH}, {kind}")
            harness.table(["", "images/s", "times the usual script", "decoding once, s"], rows)


def run_usual(folder: Path, architecture: str) -> tuple[float, float]:
    """Seconds of an epoch of the usual script; nothing was decoded before."""
    import torchvision
    from torchvision import transforms

    transform = transforms.Compose(
        [
            transforms.RandomResizedCrop(_SIDE, scale=(0.81, 1), ratio=(1, 1)),
            transforms.RandomHorizontalFlip(),
            transforms.ColorJitter(0.2, 0.2, 0.2),
            transforms.ToTensor(),
            transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )
    dataset = torchvision.datasets.ImageFolder(str(folder), transform)
    loader = torch.utils.data.DataLoader(
        dataset, batch_size=_MINIBATCH, shuffle=True, num_workers=2
    )
    network = _usual_network(architecture, len(dataset.classes)).train()
    criterion = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(network.parameters(), 0.001, momentum=0.9, weight_decay=5e-4)

    def step(pixels: torch.Tensor, labels: torch.Tensor) -> None:
        loss = criterion(network(pixels), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()

    for _ in range(2):  # memory is set up
        step(torch.zeros(_MINIBATCH, 3, _SIDE, _SIDE), torch.zeros(_MINIBATCH, dtype=torch.long))
    started = time.perf_counter()
    for pixels, labels in loader:
        step(pixels, labels)
    return time.perf_counter() - started, 0.0


def run_ours(folder: Path, architecture: str, precision: str) -> tuple[float, float]:
    """Seconds of an epoch, and of decoding all images once before it."""
    from swatchbook.base import files
    from swatchbook.images import store
    from swatchbook.training.batches.minibatches import TrainingData
    from swatchbook.training.networks import architectures
    from swatchbook.training.parameters import RefineDnn
    from swatchbook.training.pytorch.parallel import Group
    from swatchbook.training.pytorch.torch_learner import TorchLearner

    settings = RefineDnn.model_validate(
        {
            "mode": "refine", "architecture": architecture, "pretrained": "none",
            "batch_norm": "train", "head": "random", "optimizer": "sgd",
            "resolution": _SIDE, "minibatch": _MINIBATCH, "precision": precision,
        }
    )  # fmt: skip
    rows = []
    for number, path in enumerate(sorted(folder.rglob("*.jpg"))):
        data = path.read_bytes()
        sha256 = files.digest(data)
        stored = store.add(data, sha256, "jpg").as_posix()
        # one image is enough for validation: the epoch is what is timed
        rows.append((sha256, stored, path.parent.name, 0 if number == 0 else 1))
    images = pd.DataFrame(rows, columns=["sha256", "path", "label", "fold"])
    classes = sorted(set(images["label"]))
    started = time.perf_counter()
    data_of_run = TrainingData(images, classes, settings)
    decoding = time.perf_counter() - started
    learner = TorchLearner(architectures.refinable(settings, len(classes)), settings, Group())
    for _ in range(2):  # memory is set up
        learner.train(next(data_of_run.minibatches(1, 0, _MINIBATCH)), 0.0)
    started = time.perf_counter()
    for batch in data_of_run.minibatches(0, 0, _MINIBATCH):
        learner.train(batch, 0.001)
    return time.perf_counter() - started, decoding


def _usual_network(architecture: str, classes: int) -> torch.nn.Module:
    import torchvision

    if architecture == "efficientnet_lite0":
        from efficientnet_lite_pytorch import EfficientNet

        network: torch.nn.Module = EfficientNet.from_name("efficientnet-lite0")
        network._fc = torch.nn.Linear(1280, classes)
        return network
    made: torch.nn.Module = torchvision.models.get_model(architecture, num_classes=classes)
    return made


def _sets(folder: Path, count: int) -> dict[str, Path]:
    large, small = folder / "large", folder / "small"
    for path in harness.photographs(large, count + 1):
        target = small / path.relative_to(large)
        target.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(path) as image:
            # other bytes for each: their content is what images are known by
            pixels = np.asarray(image.resize((_SMALL, _SMALL))).copy()
        pixels[0, 0] = int(path.stem) % 256, int(path.stem) // 256, 0
        Image.fromarray(pixels).save(target, quality=95)
    return {"photographs of 0.3 to 12 megapixels": large, f"images of {_SMALL} px": small}


def _has_bfloat16() -> bool:
    return bool(torch.cpu.get_capabilities().get("avx512_bf16"))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        how, where, architecture, precision = sys.argv[2:]
        source = Path(where)
        with tempfile.TemporaryDirectory() as place:
            os.chdir(place)
            os.environ["SWATCHBOOK_CACHE"] = place  # nothing is decoded beforehand
            seconds, decoding = (
                run_usual(source, architecture)
                if how == "usual"
                else run_ours(source, architecture, precision)
            )
        count = len(list(source.rglob("*.jpg"))) - (how == "ours")
        print(
            json.dumps(
                {"images_per_second": round(count / seconds, 2), "decoding": round(decoding, 2)}
            )
        )
    else:
        main()

"""Features of photographs: ours against the script that a user would write.

    python -m benchmarks.featurize --images 1000 --rounds 5 --architecture resnet18

The same network (random weights: they cost the same), the same images, alternating. The seconds
of each run go from after its imports to all features in memory: loading the network, decoding
and inference. Memory is the peak of all processes together.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks import harness


def main() -> None:
    options = harness.arguments(__doc__, images=1000, rounds=5, architecture="resnet18")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = harness.photographs(folder / "images", options.images)
        export(options.architecture, folder / "network.onnx")
        (folder / "digests.json").write_text(json.dumps(_digests(paths)))

        def variant(kind: str, precision: str = "") -> dict[str, float]:
            cache = tempfile.mkdtemp(dir=folder)
            return harness.measured(
                [sys.executable, "-m", "benchmarks.featurize", "--run", kind, str(folder),
                 options.architecture, precision],
                SWATCHBOOK_CACHE=cache,
            )  # fmt: skip

        results = harness.alternate(
            {
                "usual script": lambda: variant("usual"),
                "ours, auto": lambda: variant("ours", "auto"),
                "ours, float32": lambda: variant("ours", "float32"),
            },
            options.rounds,
        )
    rows = []
    for kind, runs in results.items():
        ratios = [
            {"ratio": run["images_per_second"] / usual["images_per_second"]}
            for run, usual in zip(runs, results["usual script"], strict=True)
        ]
        rows.append((
            kind, harness.spread(runs, "images_per_second"), harness.spread(ratios, "ratio", 2),
            harness.spread(runs, "memory_mb", 0), harness.spread(runs, "rss_mb", 0),
        ))  # fmt: skip
    print(
        f"\n{options.architecture} at 224 px, {options.images} photographs, {options.rounds} rounds"
    )
    harness.table(["", "images/s", "times the usual script", "peak MB", "sum of resident MB"], rows)


def run_usual(folder: Path, architecture: str) -> float:
    """ImageFolder, the usual transforms, a DataLoader with two workers, batches of 32."""
    import torch
    from torchvision import datasets, transforms

    backbone = network(architecture)
    started = time.perf_counter()
    preprocess = transforms.Compose([
        transforms.Resize(256),
        transforms.CenterCrop(224),
        transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ])  # fmt: skip
    dataset = datasets.ImageFolder(str(folder / "images"), preprocess)
    loader = torch.utils.data.DataLoader(dataset, batch_size=32, num_workers=2)
    backbone.eval()
    features = []
    with torch.no_grad():
        for pixels, _ in loader:
            features.append(backbone(pixels).numpy())
    assert np.isfinite(np.concatenate(features)).all()
    return time.perf_counter() - started


def run_ours(folder: Path, precision: str) -> float:
    """The featurize stage's own code, with an empty cache."""
    from swatchbook.base import machine
    from swatchbook.base.cache import Cache
    from swatchbook.inference import features
    from swatchbook.inference.engines import Network

    digests = json.loads((folder / "digests.json").read_text())
    started = time.perf_counter()
    workers = machine.workers()
    network = Network.load(folder / "network.onnx", precision, "auto", machine.batch(), workers)
    paths = {sha256: Path(path) for sha256, path in digests.items()}
    with Cache(machine.cache_folder() / "features.sqlite") as cache:
        found = features.featurize(paths, network, cache, workers)
    assert found.computed == len(paths)
    return time.perf_counter() - started


def network(architecture: str):  # type: ignore[no-untyped-def]
    import torch
    import torchvision

    if architecture == "efficientnet_lite0":
        from efficientnet_lite_pytorch import EfficientNet

        network = EfficientNet.from_name("efficientnet-lite0")
        network._fc = torch.nn.Identity()
        return network
    network = torchvision.models.get_model(architecture, weights=None)
    network.fc = torch.nn.Identity()
    return network


def export(architecture: str, path: Path) -> None:
    from swatchbook.training.networks import architectures, network_export
    from swatchbook.training.parameters import RefineDnn

    settings = RefineDnn.model_validate({"architecture": architecture, "pretrained": "none"})
    sample = np.zeros((1, 224, 224, 3), np.uint8)
    network_export.export(architectures.build(settings), settings, sample, path)


def _digests(paths: list[Path]) -> dict[str, str]:
    from swatchbook.base import files

    return {files.digest(path.read_bytes()): str(path) for path in paths}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        kind, where, architecture, precision = sys.argv[2:]
        folder = Path(where)
        seconds = (
            run_usual(folder, architecture) if kind == "usual" else run_ours(folder, precision)
        )
        count = len(json.loads((folder / "digests.json").read_text()))
        print(json.dumps({"images_per_second": round(count / seconds, 2)}))
    else:
        main()

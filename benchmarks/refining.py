"""What refinement brings: fixed + SVM, refined + its own head, refined + SVM, over several seeds.

    python -m benchmarks.refining --sets fabric,aerial,textile,skin --seeds 3 --resolution 224

Each seed is another split and another training. The stages run as whole processes, as `dvc repro`
runs them, and their seconds are added up. The sets but `textile` are expected in
SWATCHBOOK_SHARED_DATA (see tests/conftest.py) and left out where it lacks them.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from ruamel.yaml import YAML
from scipy.stats import t

from benchmarks import harness
from swatchbook.project import stage

SHARED = Path(os.environ.get("SWATCHBOOK_SHARED_DATA") or harness.ROOT.parent / "shared" / "data")
VARIANTS = ("fixed + svm", "refined + dnn", "refined + svm")
# folder of the set, every how manieth image of a class is taken, how the split keeps together
SETS = {
    "fabric": ("fabric_patterns", 1, "folder"),
    "aerial": ("aerial_land_use", 2, "group"),
    "textile": ("", 2, "group"),
    "skin": ("skin_lesions/train", 2, "group"),
}
_SHOTS_OF_A_GARMENT = 8


def main() -> None:
    options = harness.arguments(__doc__, sets=",".join(SETS), seeds=3, resolution=224)
    rows: list[tuple[str, ...]] = []
    for name in options.sets.split(","):
        part, every, by = SETS[name]
        if part and not (SHARED / part).is_dir():
            print(f"{name}: left out, {SHARED / part} is not there", file=sys.stderr)
            continue
        with tempfile.TemporaryDirectory() as folder:
            project = Project(Path(folder))
            source = SHARED / part if part else project.package_images()
            project.params["acquire"]["source"] = f"folder:{project.folder / 'source'}"
            copied = _copy(source, project.folder / "source", every, by)
            project.params["split"]["by"] = by
            project.params["refine_dnn"]["resolution"] = options.resolution
            project.run("acquire", "dedupe")
            results = [project.seed(seed) for seed in range(options.seeds)]
        rows += _rows(name, copied, results)
        for row in _rows(name, copied, results):
            print(" | ".join(row), file=sys.stderr)
    print(
        f"\nefficientnet_lite0 at {options.resolution} px; refined by the default parameters; "
        f"mean and 95 % interval (Student's t) over {options.seeds} seeds"
    )
    harness.table(
        ["data", "", "class-average accuracy, %", "accuracy, %", "macro AUC, %",
         "better than fixed + svm by, points", "seconds"],
        rows,
    )  # fmt: skip


class Project:
    """A folder with parameters, in which the stages of this checkout run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.params: dict[str, Any] = YAML(typ="safe").load(harness.ROOT / "params.yaml")
        shutil.copytree(harness.ROOT / "annotations", folder / "annotations")

    def run(self, *stages: str) -> float:
        """Run stages; the seconds they took."""
        YAML(typ="safe").dump(self.params, self.folder / "params.yaml")
        started = time.perf_counter()
        for name in stages:
            environment = {
                **os.environ,
                "PYTHONPATH": str(harness.ROOT),
                "SWATCHBOOK_CACHE": str(self.folder / "cache"),
            }
            command = [sys.executable, "-m", f"stages.{name}"]
            subprocess.run(command, cwd=self.folder, env=environment, check=True, stdout=sys.stderr)
        return time.perf_counter() - started

    def seed(self, seed: int) -> dict[str, dict[str, float]]:
        """All variants with one seed: their metrics and seconds."""
        self.params["split"]["seed"] = self.params["refine_dnn"]["seed"] = seed
        self.run("split")
        fixed = self._variant("fixed", "svm", "refine_dnn", "featurize")
        # what it takes to have the refined network is in both of its variants
        by_head = self._variant("refine", "dnn", "refine_dnn", "featurize")
        by_svm = self._variant("refine", "svm")
        by_svm["seconds"] += by_head.pop("making")
        fixed.pop("making")
        by_svm.pop("making")
        return dict(zip(VARIANTS, (fixed, by_head, by_svm), strict=True))

    def _variant(self, mode: str, kind: str, *making: str) -> dict[str, float]:
        self.params["refine_dnn"]["mode"] = mode
        self.params["train_classifier"]["kind"] = kind
        shutil.rmtree(self.folder / "cache" / "features", ignore_errors=True)
        seconds = self.run(*making)
        total = seconds + self.run("train_classifier", "evaluate")
        metrics = stage.metrics_of((self.folder / "metrics" / "evaluation.json").read_text())
        figures = ("class_average_accuracy", "accuracy", "roc_auc_macro")
        result = {"seconds": total, "making": seconds}
        return result | {figure: 100 * metrics[figure] for figure in figures}

    def package_images(self) -> Path:
        """The default data set as a folder of classes."""
        other = Project(self.folder / "package")
        other.run("acquire")
        manifest = (other.folder / "data" / "manifest.csv").read_text().splitlines()
        names = manifest[0].split(",")
        for line in manifest[1:]:
            row = dict(zip(names, line.split(","), strict=False))
            path = other.folder / row["path"]
            target = other.folder / "images" / row["label"] / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
        return other.folder / "images"


def _copy(source: Path, target: Path, every: int, by: str) -> int:
    count = 0
    for label in sorted(path for path in source.iterdir() if path.is_dir()):
        for path in sorted(path for path in label.rglob("*") if path.is_file())[::every]:
            folder = target / label.name
            if by == "folder":
                garment = (int(path.stem.rpartition("_")[2]) - 1) // _SHOTS_OF_A_GARMENT
                folder /= f"garment{garment}"
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder)
            count += 1
    return count


def _rows(
    name: str, images: int, results: list[dict[str, dict[str, float]]]
) -> Iterable[tuple[str, ...]]:
    for variant in VARIANTS:
        runs = [result[variant] for result in results]
        key = "class_average_accuracy"
        gain = [result[variant][key] - result[VARIANTS[0]][key] for result in results]
        yield (
            f"{name}, {images} images" if variant == VARIANTS[0] else "",
            variant,
            *(
                _interval([run[figure] for run in runs])
                for figure in (key, "accuracy", "roc_auc_macro")
            ),
            "" if variant == VARIANTS[0] else _interval(gain),
            f"{np.mean([run['seconds'] for run in runs]):.0f}",
        )


def _interval(values: list[float]) -> str:
    if len(values) < 2:
        return f"{values[0]:.1f}"
    half = t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return f"{np.mean(values):.1f} ± {half:.1f}"


if __name__ == "__main__":
    main()

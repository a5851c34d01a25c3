"""Golden images: a few test images with the probabilities that a bundle must give for them.

They lie beside the model. Whoever loads it runs them first: another decoder, another engine or a
mixed-up file shows before anybody gets a wrong answer.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from swatchbook.base import files
from swatchbook.base.errors import ImageRefused, NetworkError
from swatchbook.bundle.predictor import Predictor
from swatchbook.images import decoding

if TYPE_CHECKING:
    import pandas as pd

FOLDER = Path("models/golden")
# how far probabilities may be off on another machine: rounding differs from processor to
# processor, and bfloat16 has 8 bits
_TOLERANCE = {"float32": 1e-3, "bfloat16": 0.05}
# for who meets a bundle or its images that are not whole
_ANEW = "make it anew with `swatchbook bundle`"


@dataclass(frozen=True)
class Golden:
    """One image: its ``file``, its true ``label``, and ``probabilities (k,)`` by precision."""

    file: str
    label: str
    probabilities: dict[str, list[float]]


def beside(model: Path) -> Path:
    """The folder of a model's golden images."""
    return model.parent / FOLDER.name


def choose(test: "pd.DataFrame", count: int) -> list[int]:
    """Row numbers of ``count`` images of ``tables.PREDICTIONS``, all classes in turn.

    Rightly predicted ones of medium confidence for their class: at 100 % no error would show.
    """
    right = (test["predicted"] == test["label"]).to_numpy()
    confidence = test["confidence"].to_numpy()
    queues = []
    for label in sorted(set(test["label"])):
        rows = np.flatnonzero((test["label"] == label).to_numpy() & right)
        if len(rows):
            distance = np.abs(confidence[rows] - np.median(confidence[rows]))
            queues.append(rows[np.argsort(distance, kind="stable")].tolist())
    turns = max(map(len, queues), default=0)
    chosen = [queue[turn] for turn in range(turns) for queue in queues if turn < len(queue)]
    return chosen[:count]


def write(folder: Path, digest: str, contents: dict[str, bytes], goldens: list[Golden]) -> None:
    """Write the golden images of the model with SHA-256 ``digest``; others are removed."""
    for name, content in contents.items():
        files.write_bytes(folder / name, content)
    table = {"model": digest, "images": [asdict(golden) for golden in goldens]}
    text = json.dumps(table, indent=1, ensure_ascii=False)
    files.write_bytes(folder / "golden.json", f"{text}\n".encode())
    for path in folder.iterdir():
        if path.name not in {*contents, "golden.json"}:
            path.unlink()


def check(folder: Path, predictor: Predictor) -> float:
    """The largest difference of a probability from what it must be.

    Raises:
        NetworkError: where there are none, they belong to another model, or it gives other
            probabilities than it must.
    """
    goldens = _read(folder, predictor.bundle.digest)
    pixels = [_pixels(folder / golden.file, predictor) for golden in goldens]
    found = [
        row
        for start in range(0, len(pixels), predictor.batch)
        for row in predictor(np.stack(pixels[start : start + predictor.batch])).probabilities
    ]
    return max(
        _difference(folder, golden, row, predictor)
        for golden, row in zip(goldens, found, strict=True)
    )


def _pixels(path: Path, predictor: Predictor) -> np.ndarray:
    try:
        return decoding.decode(path.read_bytes(), predictor.frame)
    except (OSError, ImageRefused) as error:
        raise NetworkError(f"{path}: can't be read: {error}; {_ANEW}") from None


def _difference(folder: Path, golden: Golden, found: np.ndarray, predictor: Predictor) -> float:
    expected = golden.probabilities.get(predictor.precision)
    if expected is None:
        raise NetworkError(
            f"{folder}: no expected probabilities at {predictor.precision}, only at "
            f"{', '.join(golden.probabilities)}; {_ANEW}"
        )
    if len(expected) != len(found):
        raise NetworkError(f"{folder}: made for {len(expected)} classes, not {len(found)}; {_ANEW}")
    difference = float(np.abs(found - expected).max())
    # not `>`: a NaN is over every tolerance
    if not difference <= _TOLERANCE[predictor.precision]:
        raise NetworkError(
            f"{folder / golden.file}: the model gives "
            f"{predictor.labels[int(found.argmax())]!r} {found.max():.3f}, where it must give "
            f"{predictor.labels[int(np.argmax(expected))]!r} {max(expected):.3f} "
            f"({predictor.engine}, {predictor.precision})"
        )
    return difference


def _read(folder: Path, digest: str) -> list[Golden]:
    path = folder / "golden.json"
    try:
        table = json.loads(path.read_bytes())
        goldens = [Golden(**row) for row in table["images"]]
        belongs = table["model"] == digest
    except FileNotFoundError:
        raise NetworkError(
            f"{path}: no such file; `swatchbook bundle` writes it beside the model"
        ) from None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise NetworkError(f"{path}: can't be read: {error}; {_ANEW}") from None
    if not belongs:
        raise NetworkError(f"{folder}: belongs to another model ({table['model'][:16]}); {_ANEW}")
    if not goldens:
        raise NetworkError(f"{path}: names no image; {_ANEW}")
    for golden in goldens:
        # a path inside a file can point anywhere
        if Path(golden.file).name != golden.file:
            raise NetworkError(f"{path}: {golden.file!r} is not a name in this folder; {_ANEW}")
    return goldens

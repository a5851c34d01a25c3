"""Tables of made-up images, as the stages write them, for tests and benchmarks of the browser."""

import hashlib
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from swatchbook.project import tables
from swatchbook.review.choices import KINDS

CLASSES = ("dotted", "plain", "striped")


def digest(number: int) -> str:
    """Of image ``number``."""
    return hashlib.sha256(str(number).encode()).hexdigest()


def write_tables(
    count: int, classes: Sequence[str] = CLASSES, seed: int = 0
) -> dict[str, pd.DataFrame]:
    """Manifest, curated, split, predictions and suspects of ``count`` images; what was written."""
    chance = np.random.default_rng(seed)
    names = np.array(classes)
    label = names[chance.integers(0, len(names), count)]
    p = chance.dirichlet(np.full(len(names), 0.5), count)
    sha256 = [digest(number) for number in range(count)]
    images = pd.DataFrame({
        "sha256": sha256, "path": [f"data/images/{one[:2]}/{one}.png" for one in sha256],
        "label": label, "source": [f"{a}/{n:06}.png" for n, a in enumerate(label)],
    })  # fmt: skip
    manifest = images.assign(
        file_sha256=sha256, status="ok", width=chance.integers(20, 4000, count),
        height=chance.integers(20, 4000, count), bytes=chance.integers(100, 10**6, count),
        format="PNG", dhash="0" * 64,
    )  # fmt: skip
    reasons = ["", "duplicate: x", "near-duplicate: x", "conflict: a, b", "excluded"]
    kinds = chance.choice(reasons, count, p=[0.9, 0.04, 0.03, 0.02, 0.01])
    curated = images.assign(
        group=[f"g{number // 2}" if number % 10 < 2 else f"g{number}-" for number in range(count)],
        kept=kinds == "",
        reason=kinds,
        part="",
    )
    kept = curated[curated["kept"]]
    test = chance.random(len(kept)) < 0.25
    split = kept.assign(
        subset=np.where(test, "test", "train"),
        fold=np.where(test, -1, chance.integers(0, 4, len(kept))),
    )
    of = p[kept.index]
    predictions = kept.assign(
        subset=split["subset"], predicted=names[of.argmax(axis=1)], confidence=of.max(axis=1)
    )
    each = pd.DataFrame(of, predictions.index, [f"p_{name}" for name in names])
    predictions = pd.concat([predictions, each], axis=1)
    odd = predictions.sample(min(len(predictions), max(1, count // 5)), random_state=seed)
    pick = random.Random(seed)
    suspects = odd.assign(
        kind=[pick.choice(KINDS[1:]) for _ in range(len(odd))],
        suggested=[pick.choice([*names, ""]) for _ in range(len(odd))],
        score=np.linspace(1, 0, len(odd)), why="odd, 'quoted'",
    )  # fmt: skip
    written = {
        "manifest": manifest, "curated": curated, "split": split, "predictions": predictions,
        "suspects": suspects,
    }  # fmt: skip
    for name, some in list(written.items()):
        table = getattr(tables, name.upper())
        absent = {
            column: "" if kind == "str" else 0
            for column, kind in table.columns.items()
            if column not in some
        }
        frame = written[name] = some.assign(**absent)
        more = tuple(column for column in frame if str(column).startswith("p_"))
        table.write(frame, more)
    Path("params.yaml").write_text("acquire:\n  data_set: made\n  source: folder:none\n")
    return written

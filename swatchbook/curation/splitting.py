"""A test part and folds that can't leak: what belongs together never stands on both sides.

Within each class, groups stand in the order of a keyed hash. The first share of that order is
the test part, equal stretches of the rest are the folds. So the split is stratified to within
one image, needs no random state, and hardly moves when images are added.
"""

import hashlib
from pathlib import PurePosixPath

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from swatchbook.base.errors import DataError
from swatchbook.project import tables
from swatchbook.project.tables import TEST, TRAIN

_LISTED = 5


def split(images: pd.DataFrame, test_share: float, folds: int, seed: int) -> pd.DataFrame:
    """Assign whole groups (column ``group``) to the test part and to folds.

    Returns ``images`` with ``subset`` (test or train) and ``fold`` (0…folds−1, −1 in test),
    sorted by digest.
    """
    position = _positions(images, seed)
    rest = (position - test_share) / (1 - test_share)
    fold = np.floor(rest * folds).clip(upper=folds - 1).astype(int)
    test = position < test_share
    out = images.assign(subset=np.where(test, TEST, TRAIN), fold=fold.where(~test, -1))
    return out.sort_values("sha256", ignore_index=True)


def split_by_list(images: pd.DataFrame, test: set[str], folds: int, seed: int) -> pd.DataFrame:
    """As ``split``, with the test part given by its digests.

    Other images of the same groups are left out of training: see ``left_out_of_training``.
    """
    chosen = images["sha256"].isin(test)
    if chosen.all():
        raise DataError(
            "split.by: the test part has all images and leaves none for training; take some out"
        )
    near = images["group"].isin(set(images.loc[chosen, "group"]))
    train = split(images[~near], 0.0, folds, seed)
    out = pd.concat([train, images[chosen].assign(subset=TEST, fold=-1)])
    return out.sort_values("sha256", ignore_index=True)


def tested_by_source(curated: pd.DataFrame) -> set[str]:
    """Digests of the kept images that the source has in its test part; else in its validation
    part.

    Raises:
        DataError: where the source has neither.
    """
    kept = curated[curated["kept"]]
    for part in (TEST, tables.VALIDATION):
        if (kept["part"] == part).any():
            return set(kept.loc[kept["part"] == part, "sha256"])
    raise DataError(
        "split.by: source, but no image of the source is in a test or validation part; it takes "
        "acquire.layout: split with folders train and test, or a table with a column for it"
    )


def left_out_of_training(curated: pd.DataFrame, split_images: pd.DataFrame) -> int:
    """How many files aren't in training because one like them is in a given test part."""
    tested = set(split_images.loc[split_images["subset"] == TEST, "group"])
    rows = curated[tables.counts_as_labelled(curated) & curated["group"].isin(tested)]
    # what the source has in its own test part was not for training
    in_split = rows["kept"] & rows["sha256"].isin(set(split_images["sha256"]))
    return int((~in_split & (rows["part"] != TEST)).sum())


def join_folders(images: pd.DataFrame) -> pd.DataFrame:
    """Widen the groups so that all images of a source folder share one with their duplicates.

    ``images`` are all rows of ``tables.CURATED``; those in conflict or excluded link nothing.
    """
    linking = tables.counts_as_labelled(images)
    images = images[linking | images["kept"]]
    folders = images["source"].map(lambda name: str(PurePosixPath(name).parent))
    group_number, groups = pd.factorize(images["group"])
    folder_number, _ = pd.factorize(folders)
    size = len(groups) + folder_number.max(initial=-1) + 1
    links = coo_array(
        (np.ones(len(images), bool), (group_number, folder_number + len(groups))),
        shape=(size, size),
    )
    component = connected_components(links, directed=False)[1][group_number]
    return images.assign(group=images["group"].groupby(component).transform("min"))


def check(split_images: pd.DataFrame, folds: int) -> None:
    """Raise DataError where a group stands on two sides or a class is too small.

    Every class needs an image in the test part and in at least two folds.
    """
    sides = split_images.groupby("group")[["subset", "fold"]].nunique().max(axis=1)
    leaks = list(sides.index[sides > 1])
    if leaks:
        where = split_images[split_images["group"] == leaks[0]]
        raise DataError(
            f"split: {len(leaks)} groups of near-duplicates stand on both sides, "
            f"first {' and '.join(where['source'].iloc[[0, -1]])}; "
            "run dedupe again: `dvc repro --force dedupe`"
        )
    if split_images["label"].nunique() < 2:
        count = split_images["label"].nunique()
        raise DataError(f"split: {count} class with usable images; at least 2 are needed")
    small = []
    for label, rows in split_images.groupby("label"):
        tested = (rows["subset"] == TEST).any()
        if not tested or rows.loc[rows["subset"] == TRAIN, "fold"].nunique() < 2:
            small.append(f"{label} ({rows['group'].nunique()})")
    if small:
        listed = ", ".join(small[:_LISTED]) + (", …" if len(small) > _LISTED else "")
        raise DataError(
            f"split: {len(small)} classes are too small for a test part and {folds} folds: "
            f"{listed}; about {folds + 1} separate images (groups) each are needed"
        )


def metrics(split_images: pd.DataFrame) -> dict[str, object]:
    """Counts per subset and class, and the number of groups on both sides (always 0)."""
    counts = split_images.groupby(["subset", "label"]).size()
    sides = split_images.groupby("group")["subset"].nunique()
    return {
        "train": int((split_images["subset"] == TRAIN).sum()),
        "test": int((split_images["subset"] == TEST).sum()),
        "groups": len(sides),
        "leaking_groups": int((sides > 1).sum()),
        "per_class": {
            subset: {str(label): int(n) for label, n in counts[subset].items()}
            for subset in sorted(set(split_images["subset"]))
        },
    }


def _positions(images: pd.DataFrame, seed: int) -> pd.Series:
    """Where each image's group stands in its class, from 0 to 1, by keyed hash."""
    order = images["group"].map(lambda group: _keyed(group, seed))
    stratum = images.groupby("group")["label"].transform(_majority)
    frame = pd.DataFrame({"stratum": stratum, "order": order, "group": images["group"]})
    sizes = frame.groupby(["stratum", "order", "group"]).size().rename("size").reset_index()
    # reset_index keeps them sorted by stratum and order
    per_stratum = sizes.groupby("stratum")["size"]
    middle = per_stratum.cumsum() - sizes["size"] / 2
    position = middle / per_stratum.transform("sum")
    return images["group"].map(pd.Series(position.to_numpy(), index=sizes["group"]))


def _majority(labels: pd.Series) -> str:
    return str(labels.mode().iloc[0])  # mode sorts: ties go to the first in the alphabet


def _keyed(group: str, seed: int) -> str:
    return hashlib.blake2b(group.encode(), key=str(seed).encode(), digest_size=8).hexdigest()

"""Images that a person should look at: labels that are likely wrong, and odd or poor pictures.

Nothing is changed by it. What a person has said of an image (annotations) is not doubted.
"""

from collections.abc import Mapping
from dataclasses import asdict

import faiss
import numpy as np
import pandas as pd

from swatchbook.project import tables
from swatchbook.review.choices import KINDS
from swatchbook.review.image_quality import Look

# of grey values of 0 to 255; blur as a share of the class's median sharpness
_DARK, _BRIGHT, _FLAT, _BLURRED = 25.0, 240.0, 6.0, 0.05


def label_errors(predictions: pd.DataFrame) -> pd.DataFrame:
    """Images whose label another class beats, by the probabilities of one that hasn't seen them.

    ``predictions`` has ``sha256, path, label, subset`` and ``p_<class>``, out of fold for the
    training part. An image counts as another class's where its probability reaches what is usual
    for images of that class (the mean over those labelled so in the training part), so that a
    classifier which is too sure or too shy of a class does no harm: confident learning
    (Northcutt, Jiang and Chuang, JAIR 2021). ``score`` is by how much that class is ahead.
    """
    classes = tables.classes_of(predictions)
    chances = predictions[tables.probability_columns(classes)].to_numpy()
    own = np.searchsorted(classes, predictions["label"].to_numpy(str))
    reference = (predictions["subset"] == tables.TRAIN).to_numpy()
    usual = np.array(
        [
            chances[reference & (own == number), number].mean()
            if (reference & (own == number)).any()
            else 1.0
            for number in range(len(classes))
        ]
    )
    rows = np.arange(len(own))
    of_label = chances[rows, own]
    others = np.where(chances >= usual, chances, -1.0)
    others[rows, own] = -1.0
    best = others.argmax(axis=1)
    ahead = others[rows, best] - of_label
    chosen = np.flatnonzero((others[rows, best] > 0) & (ahead > 0))
    found = predictions.iloc[chosen][["sha256", "path", "label", "subset"]].copy()
    found["kind"] = "label"
    found["suggested"] = [classes[number] for number in best[chosen]]
    found["score"] = ahead[chosen]
    of_best = others[rows, best][chosen]
    found["why"] = [
        f"{high:.0%} {best_name}, {low:.0%} {label}"
        for high, best_name, low, label in zip(
            of_best, found["suggested"], of_label[chosen], found["label"], strict=True
        )
    ]
    return found


def conflicts(curated: pd.DataFrame) -> pd.DataFrame:
    """Images whose bytes stand in several classes: nobody but a person can say which is right."""
    found = curated[tables.outcomes(curated) == tables.CONFLICT].drop_duplicates("sha256").copy()
    found["why"] = found["reason"].str.removeprefix(f"{tables.CONFLICT}: ")
    return _of_kind(found.assign(score=1.0, subset=""), "conflict")


def near_duplicates(curated: pd.DataFrame, subset: Mapping[str, str]) -> pd.DataFrame:
    """Images that hardly differ from one of another class; the rarer label is the suspect."""
    kept = curated[curated["kept"]]
    # those that dedupe left out for a larger one count too
    counted = curated[tables.counts_as_labelled(curated)]
    counts = counted.groupby(["group", "label"]).size().rename("count").reset_index()
    counts = counts.sort_values(["group", "count", "label"], ascending=[True, False, True])
    mixed = counts[counts.duplicated("group", keep=False)]
    most = mixed.drop_duplicates("group").set_index("group")["label"]
    found = kept[kept["group"].isin(most.index)].copy()
    found["suggested"] = found["group"].map(most)
    found = found[found["suggested"] != found["label"]]
    found["why"] = [f"hardly differs from an image of {label}" for label in found["suggested"]]
    found["subset"] = found["sha256"].map(subset).fillna("")
    return _of_kind(found.assign(score=1.0), "near_duplicate", suggested=found["suggested"])


def outliers(
    split: pd.DataFrame, vectors: np.ndarray, neighbours: int, least: float
) -> pd.DataFrame:
    """Images far from all others: the mean cosine distance to the nearest ``neighbours``.

    ``vectors`` ``(n, d) float32`` belong to the rows of ``split``. ``score`` is how many robust
    standard deviations (1.4826 times the median of absolute deviations) a distance lies above
    the median; suspects are those of at least ``least``.
    """
    count = min(neighbours, len(vectors) - 1)
    if count < 1:
        return _of_kind(split.iloc[:0].assign(why="", score=0.0), "outlier")
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    index = faiss.IndexFlatIP(unit.shape[1])
    index.add(np.ascontiguousarray(unit, np.float32))
    nearest, _ = index.search(np.ascontiguousarray(unit, np.float32), count + 1)
    distances = 1 - nearest[:, 1:].mean(axis=1)  # the first one is the image itself
    middle = np.median(distances)
    spread = 1.4826 * np.median(np.abs(distances - middle))
    scores = (distances - middle) / max(float(spread), 1e-9)
    far = scores >= least
    found = split[far].assign(score=scores[far])
    found["why"] = [f"{score:.0f} deviations from the median distance" for score in found["score"]]
    return _of_kind(found, "outlier")


def poor(split: pd.DataFrame, looks: Mapping[str, Look], resolution: int) -> pd.DataFrame:
    """Pictures that are dark, bright, flat, blurred or tiny; the first of these that one is.

    ``split`` has ``width`` and ``height`` too. Blur is relative: a twentieth of the median
    sharpness of its class, because a smooth class is not a blurred one. ``score`` is how far
    beyond its threshold a picture lies, as a share: 0 at the threshold, 1 where it can't be worse.
    """
    rows = split[split["sha256"].isin(looks)]
    seen = pd.DataFrame(
        [asdict(looks[sha256]) for sha256 in rows["sha256"]],
        rows.index,
        list(asdict(Look(0, 0, 0))),
    )
    usual = seen["sharpness"].groupby(rows["label"]).transform("median")
    side = rows[["width", "height"]].min(axis=1)
    tests = {
        "dark": (1 - seen["brightness"] / _DARK, "mean brightness {brightness:.0f} of 255"),
        "bright": (
            1 - (255 - seen["brightness"]) / (255 - _BRIGHT),
            "mean brightness {brightness:.0f} of 255",
        ),
        "flat": (1 - seen["contrast"] / _FLAT, "standard deviation {contrast:.1f} of 255"),
        "blurred": (
            1 - seen["sharpness"] / (_BLURRED * usual.clip(lower=1e-9)),
            "under a twentieth of its class's sharpness",
        ),
        "tiny": (1 - side / (resolution / 2), "under half of what the network sees"),
    }
    parts = []
    for kind, (beyond, why) in tests.items():
        chosen = beyond > 0
        words = [why.format_map(look) for look in seen[chosen].to_dict("index").values()]
        parts.append(_of_kind(rows[chosen].assign(why=words, score=beyond[chosen]), kind))
    return pd.concat(parts).drop_duplicates("sha256")


def ranked(parts: list[pd.DataFrame], decided: set[str]) -> pd.DataFrame:
    """All suspects, the most telling kinds and highest scores first, one row an image and kind.

    ``decided`` are the digests of images on which a person has acted: they are left out.
    """
    rows = pd.concat([part[list(tables.SUSPECTS.columns)] for part in parts], ignore_index=True)
    rows = rows[~rows["sha256"].isin(decided)]
    rows["order"] = rows["kind"].map({kind: number for number, kind in enumerate(KINDS)})
    rows = rows.sort_values(["order", "score", "sha256"], ascending=[True, False, True])
    return rows.drop(columns="order").reset_index(drop=True)


def _of_kind(rows: pd.DataFrame, kind: str, suggested: pd.Series | str = "") -> pd.DataFrame:
    return rows.assign(kind=kind, suggested=suggested)[list(tables.SUSPECTS.columns)]

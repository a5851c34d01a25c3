"""What a page is told of images: a stretch of a selection, and all of one."""

from typing import Any

import numpy as np

from swatchbook.browser.data.columns_of_tables import NONE, OUTCOMES, SUBSETS, TEXTS
from swatchbook.browser.data.groups import bits
from swatchbook.browser.data.query import NO_ACT, Query
from swatchbook.browser.desk import View
from swatchbook.browser.labels.acts import Act
from swatchbook.review.choices import KINDS

MOST = 500
# a group of more is shown in part
_MOST_MEMBERS = 200
# of the images near one on the map, as many have another label
_ISLAND, _MOST_ISLANDS = 0.6, 60
# of a digest: as many as name an image among a thousand million
DIGITS = 20


def stretch(view: View, query: Query, offset: int, limit: int) -> dict[str, Any]:
    """So many rows of a selection, a list a column; codes of classes are places in ``classes``."""
    c, codes = view.columns, view.acts.codes
    rows = view.selections.rows(query, codes)
    some = rows[offset : offset + min(limit, MOST)]
    return {
        "snapshot": c.snapshot,
        "until": view.acts.latest,
        "total": len(rows),
        "offset": offset,
        "sha256": [digest.decode()[:DIGITS] for digest in c.sha256[some]],
        "label": _codes(c.label[some]),
        "given": _codes(c.given[some]),
        "predicted": _codes(c.predicted[some]),
        "confidence": [_rounded(value) for value in c.confidence[some]],
        "subset": [SUBSETS[code] for code in c.subset[some]],
        "outcome": [OUTCOMES[code] for code in c.outcome[some]],
        "suspect": c.suspect[some].tolist(),
        "act": codes[some].tolist(),
    }


def state(view: View | None, why_not: str) -> dict[str, Any]:
    """What a page asks for now and then: whether something is newer than what it shows."""
    if view is None:
        return {"snapshot": "", "why": why_not, "images": 0, "classes": []}
    c, codes = view.columns, view.acts.codes
    return {
        "snapshot": c.snapshot,
        "why": why_not,
        "images": len(c),
        "classes": view.acts.classes,
        "kinds": list(KINDS),
        "frequent": _frequent(view),
        "missing": c.missing,
        "until": view.acts.latest,
        "acts": int(np.count_nonzero(codes != NO_ACT)),
        **view.acts.can,
    }


def whole(view: View, row: int) -> dict[str, Any]:
    """All that is known of one image."""
    c = view.columns
    top = [
        {"label": c.name_of(int(code)), "probability": round(float(p), 6)}
        for code, p in zip(c.top[row], c.top_p[row], strict=True)
        if code != NONE
    ]
    sha256 = c.sha256[row].decode()
    return {
        "snapshot": c.snapshot,
        "sha256": sha256,
        "label": c.name_of(int(c.label[row])),
        "given": c.name_of(int(c.given[row])),
        "predicted": c.name_of(int(c.predicted[row])),
        "confidence": _rounded(c.confidence[row]),
        "top": top,
        "subset": SUBSETS[c.subset[row]],
        "fold": int(c.fold[row]),
        "group": int(c.group[row]),
        "outcome": OUTCOMES[c.outcome[row]],
        "suspicions": c.suspected(row),
        "width": int(c.width[row]),
        "height": int(c.height[row]),
        "bytes": int(c.size[row]),
        **{name: c.text(row, name) for name in TEXTS},
        "act": int(view.acts.codes[row]),
        "acts": [_act(act) for act in view.acts.of(sha256)],
    }


def _act(act: Act) -> dict[str, str]:
    return {
        "label": act.label, "note": act.note, "annotator": act.annotator, "time": act.time,
    }  # fmt: skip


def near(view: View, row: int, similarity: float) -> dict[str, Any]:
    """One of the most similar images."""
    c = view.columns
    return {
        "sha256": c.sha256[row].decode()[:DIGITS], "label": c.name_of(int(c.label[row])),
        "similarity": similarity,
    }  # fmt: skip


def groups(view: View, kind: str, offset: int, limit: int) -> dict[str, Any]:
    """So many groups of a kind of ``data.groups.KINDS``.

    Each has its ``group`` (−1: an image alone), ``why``, the ``count`` of its images and
    ``members``; ``bits`` is by how many a member's hash differs from that of the first one.
    """
    found = view.groups.of(kind)
    some = found[offset : offset + limit]
    return {
        "total": len(found), "offset": offset, "snapshot": view.columns.snapshot,
        "until": view.acts.latest, "groups": [_of_group(view, kind, rows) for rows in some],
    }  # fmt: skip


def _of_group(view: View, kind: str, rows: np.ndarray) -> dict[str, Any]:
    c = view.columns
    first = int(rows[0])
    why = [one["why"] for one in c.suspected(first) if one["kind"] == "conflict"]
    return {
        "group": int(c.group[first]) if kind != "conflict" else -1,
        "why": why[0] if kind == "conflict" and why else "",
        "count": len(rows),
        "members": [_of_member(view, int(row), first) for row in rows[:_MOST_MEMBERS]],
    }


def _of_member(view: View, row: int, first: int) -> dict[str, Any]:
    c = view.columns
    return {
        "sha256": c.sha256[row].decode()[:DIGITS],
        "label": c.name_of(int(c.label[row])),
        "predicted": "" if c.predicted[row] == NONE else c.name_of(int(c.predicted[row])),
        "subset": SUBSETS[c.subset[row]],
        "outcome": OUTCOMES[c.outcome[row]],
        "name": c.text(row, "source").rpartition("/")[2],
        "size": f"{c.width[row]} × {c.height[row]}",
        "bits": bits(c.text(row, "dhash"), c.text(first, "dhash")),
        "act": int(view.acts.codes[row]),
    }


def placed(view: View) -> dict[str, Any]:
    """Of the map what it is, and the images that stand among those of other labels."""
    found, share = view.layout.placed(), view.layout.islands()
    some = np.flatnonzero(np.nan_to_num(share) > _ISLAND)
    order = some[np.argsort(-share[some], kind="stable")][:_MOST_ISLANDS]
    return {
        "snapshot": view.columns.snapshot, "map": found.name, "kind": found.kind,
        "images": int(np.isfinite(found.positions[:, 0]).sum()), "islands": [
            {**near(view, int(row), 0.0), "share": round(float(share[row]), 3)} for row in order
        ],
    }  # fmt: skip


def points(view: View) -> bytes:
    """Of the images on the map, one column after the other, little-endian: ``x``, ``y`` float32,
    row int32, code of label and of prediction uint16, of subset and whether suspected uint8."""
    c, positions = view.columns, view.layout.placed().positions
    rows = np.flatnonzero(np.isfinite(positions[:, 0]))
    columns = (
        (positions[rows, 0], "<f4"), (positions[rows, 1], "<f4"), (rows, "<i4"),
        (c.label[rows], "<u2"), (c.predicted[rows], "<u2"), (c.subset[rows], "u1"),
        (c.suspect[rows] != 0, "u1"),
    )  # fmt: skip
    return b"".join(np.ascontiguousarray(column, kind).tobytes() for column, kind in columns)


def conflict(acts: list[Act]) -> list[dict[str, str]]:
    """What others have said meanwhile."""
    return [{"sha256": act.sha256[:DIGITS], **_act(act)} for act in acts]


def _frequent(view: View) -> list[int]:
    """The nine classes with most images, as keys 1 to 9 mean them."""
    known = view.columns.label[view.columns.label != NONE]
    counts = np.bincount(known, minlength=len(view.columns.classes))
    order: list[int] = np.argsort(-counts, kind="stable")[:9].tolist()
    return order


def _codes(column: np.ndarray) -> list[int]:
    return [-1 if code == NONE else int(code) for code in column]


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)

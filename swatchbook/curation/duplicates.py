"""Groups of near-duplicates, and which image of each group goes on."""

import faiss
import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from swatchbook.curation.annotations import EXCLUDE
from swatchbook.project import tables

_QUERIES_AT_ONCE = 256
_EDGES_AT_ONCE = 2_000_000


# of a mean of a sixteenth of the image, of 255: what copies of one picture may differ in
_LUMA, _CHROMA = 48, 20


def group_hashes(
    hashes: list[str], max_distance: int, colours: list[str] | None = None
) -> np.ndarray:
    """Connected components of hashes that differ in at most ``max_distance`` bits.

    Takes hashes in hexadecimal, all of one length, and of each image the ``colours`` of
    ``perceptual_hash``, which must be alike too; returns a component number for each,
    ``(n,) int``. Where a hash says little, less difference is allowed: a simple object on a
    plain ground has few set bits, and two of them differ in few although they are different
    things. The distance is in proportion to the rarer bit value: all of it where half are set.

    Exact: each pair is found, because hashes that differ in at most m bits
    agree, but for one bit, in one of m // 2 + 1 pieces (multi-index hashing, Norouzi, Punjani
    and Fleet, CVPR 2012; here faiss ``IndexBinaryMultiHash``).
    """
    both = list(zip(hashes, colours or [""] * len(hashes), strict=True))
    distinct = sorted(set(both))
    number = {pair: n for n, pair in enumerate(distinct)}
    positions = np.array([number[pair] for pair in both], int)
    if len(distinct) < 2 or (max_distance == 0 and not colours):
        return positions
    codes = _bytes([code for code, _ in distinct])
    grids = _bytes([grid for _, grid in distinct]).astype(np.int16)
    grids = grids.reshape(len(distinct), grids.shape[1] // 3, 3)
    bits = codes.shape[1] * 8
    flips = 0 if max_distance < 8 else 1
    pieces = max_distance // (flips + 1) + 1
    index = faiss.IndexBinaryMultiHash(bits, pieces, min(bits // pieces, 28))
    index.nflip = flips
    index.add(codes)
    components = np.arange(len(distinct))
    edges: list[np.ndarray] = []
    set_bits = np.bitwise_count(codes).sum(axis=1, dtype=int)
    told = np.minimum(set_bits, bits - set_bits)
    allowed = max_distance * 2 * told / bits
    for start in range(0, len(codes), _QUERIES_AT_ONCE):
        limits, distances, found = index.range_search(
            codes[start : start + _QUERIES_AT_ONCE], max_distance + 1
        )
        queries = np.repeat(np.arange(start, start + len(limits) - 1), np.diff(limits.astype(int)))
        near = distances <= np.minimum(allowed[queries], allowed[found])
        pairs = np.stack([queries, found])[:, near & (queries < found)]
        edges.append(pairs[:, _alike(grids[pairs[0]], grids[pairs[1]])])
        if sum(some.shape[1] for some in edges) > _EDGES_AT_ONCE:
            components, edges = _joined(components, edges), []
    numbers: np.ndarray = _joined(components, edges)[positions]
    return numbers


def curate(manifest: pd.DataFrame, max_distance: int, keep: str) -> pd.DataFrame:
    """Decide for each usable row of the manifest whether it goes on.

    ``manifest`` holds rows with status ``ok`` and, in ``annotated``, the label a person gave
    (empty: none; ``exclude``: leave it out). Returns the columns of ``tables.CURATED``, sorted
    by digest and source:

    - excluded by annotation;
    - conflict: the same bytes in two classes, left out in all of them unless a person decided;
    - duplicate: the same bytes again, the first source stays;
    - near-duplicate (``keep='one'``): of a group, the largest image of each class stays.

    Where the source says which part an image is in, that of its test part stays.

    The group is the first 16 digits of its smallest digest; it doesn't depend on the order.
    """
    tested = manifest["part"].eq(tables.TEST)
    rows = manifest.assign(rank=~tested).sort_values(
        ["sha256", "rank", "source"], ignore_index=True
    )
    rows["label"] = rows["annotated"].where(rows["annotated"] != "", rows["label"])
    rows["reason"] = ""
    rows.loc[rows["label"] == EXCLUDE, "reason"] = f"{tables.EXCLUDED} by annotation"
    classes = rows.groupby("sha256")["label"].transform(
        lambda labels: " | ".join(sorted(set(labels)))
    )
    conflict = (rows["reason"] == "") & (classes != rows["label"])
    rows.loc[conflict, "reason"] = f"{tables.CONFLICT}: in classes " + classes
    again = (rows["reason"] == "") & rows.duplicated("sha256")
    rows.loc[again, "reason"] = f"{tables.DUPLICATE} of " + rows["sha256"].str[:16]
    rows["group"] = rows["sha256"].str[:16]
    alive = rows.index[rows["reason"] == ""]
    if len(alive):
        rows.loc[alive, "group"] = _group_names(rows.loc[alive], max_distance)
        by_digest = rows.loc[alive].set_index("sha256")["group"]
        rows.loc[again, "group"] = rows.loc[again, "sha256"].map(by_digest)
        if keep == "one":
            dropped, kept_instead = _smaller(rows.loc[alive])
            rows.loc[dropped, "reason"] = f"{tables.NEAR_DUPLICATE} of " + kept_instead
    rows["kept"] = rows["reason"] == ""
    return rows.sort_values(["sha256", "source"], ignore_index=True)[[*tables.CURATED.columns]]


def lost_classes(manifest: pd.DataFrame, curated: pd.DataFrame) -> list[str]:
    """A sentence for each class of the source that keeps none of its images.

    ``manifest`` holds the usable rows as for ``curate``. Images that a person gave another class
    are not lost.
    """
    own = manifest["label"].where(manifest["annotated"] == "", manifest["annotated"])
    own = own.where(own != EXCLUDE, manifest["label"])
    keeps = set(curated.loc[curated["kept"], "label"])
    images = {name: set(manifest.loc[own == name, "sha256"]) for name in sorted(set(own))}
    outcome = tables.outcomes(curated)
    said = []
    for label, digests in images.items():
        if label not in keeps:
            causes = tables.counted(outcome[curated["sha256"].isin(digests)])
            listed = ", ".join(f"{count} {cause}" for cause, count in causes.items())
            said.append(f"class {label!r}: none of its {len(digests)} images is kept ({listed})")
    return said


def metrics(curated: pd.DataFrame) -> dict[str, object]:
    """Counts of what was kept and why the rest was not."""
    outcome = tables.outcomes(curated)
    usable = curated[tables.counts_as_labelled(curated)]
    groups = usable.drop_duplicates("sha256").groupby("group")
    return {
        "kept": int(curated["kept"].sum()),
        "duplicates": int((outcome == tables.DUPLICATE).sum()),
        "near_duplicates_dropped": int((outcome == tables.NEAR_DUPLICATE).sum()),
        "near_duplicate_groups": int((groups.size() > 1).sum()),
        "largest_group": int(groups.size().max()) if len(usable) else 0,
        "groups_across_classes": int((groups["label"].nunique() > 1).sum()),
        "conflicts": int(curated.loc[outcome == tables.CONFLICT, "sha256"].nunique()),
        "excluded": int((outcome == tables.EXCLUDED).sum()),
        "kept_per_class": tables.counted(curated.loc[curated["kept"], "label"]),
    }


def _alike(grids: np.ndarray, others: np.ndarray) -> np.ndarray:
    apart = np.abs(grids - others).max(axis=1, initial=0)
    alike: np.ndarray = (apart <= (_LUMA, _CHROMA, _CHROMA)).all(axis=1)
    return alike


def _bytes(codes: list[str]) -> np.ndarray:
    return np.array([np.frombuffer(bytes.fromhex(code), np.uint8) for code in codes])


def _joined(components: np.ndarray, edges: list[np.ndarray]) -> np.ndarray:
    if not edges:
        return components
    first, second = np.concatenate(edges, axis=1)
    nodes = np.arange(len(components))
    # earlier components re-enter as edges to their number, so no edge list is kept
    rows = np.concatenate([first, nodes])
    columns = np.concatenate([second, components])
    graph = coo_array((np.ones(len(rows), bool), (rows, columns)), shape=(len(nodes), len(nodes)))
    labels: np.ndarray = connected_components(graph, directed=False)[1]
    # the number of a component must itself be one of its nodes
    first_node = np.full(labels.max() + 1, len(nodes))
    np.minimum.at(first_node, labels, nodes)
    joined: np.ndarray = first_node[labels]
    return joined


def _group_names(rows: pd.DataFrame, max_distance: int) -> pd.Series:
    components = pd.Series(
        group_hashes(list(rows["dhash"]), max_distance, list(rows["colours"])), index=rows.index
    )
    return rows["sha256"].groupby(components).transform("min").str[:16]


def _smaller(rows: pd.DataFrame) -> tuple[pd.Index, pd.Series]:
    ranked = rows.assign(pixels=rows["width"] * rows["height"]).sort_values(
        ["rank", "pixels", "bytes", "sha256"], ascending=[True, False, False, True]
    )
    largest = ranked.groupby(["group", "label"])["sha256"].transform("first")
    dropped = ranked.index[ranked["sha256"] != largest]
    return dropped, largest.loc[dropped].str[:16]

"""Groups of near-duplicates, and which image of each group goes on."""

import faiss
import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from swatchbook import tables

_QUERIES_AT_ONCE = 256
_EDGES_AT_ONCE = 2_000_000


def group_hashes(hashes: list[str], max_distance: int) -> np.ndarray:
    """Connected components of hashes that differ in at most ``max_distance`` bits.

    Takes hashes in hexadecimal, all of one length; returns a component number for each,
    ``(n,) int``. Where a hash says little, less difference is allowed: a simple object on a
    plain ground has few set bits, and two of them differ in few although they are different
    things. The distance is in proportion to the rarer bit value: all of it where half are set.

    Exact: each pair is found, because hashes that differ in at most m bits
    agree, but for one bit, in one of m // 2 + 1 pieces (multi-index hashing, Norouzi, Punjani
    and Fleet, CVPR 2012; here faiss ``IndexBinaryMultiHash``).
    """
    distinct, positions = np.unique(np.array(hashes, dtype=str), return_inverse=True)
    if max_distance == 0 or len(distinct) < 2:
        return positions
    codes = np.array([np.frombuffer(bytes.fromhex(code), np.uint8) for code in distinct])
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
        pairs = np.stack([queries, found])
        edges.append(pairs[:, near & (queries < found)])
        if sum(some.shape[1] for some in edges) > _EDGES_AT_ONCE:
            components, edges = _joined(components, edges), []
    return _joined(components, edges)[positions]


def curate(manifest: pd.DataFrame, max_distance: int, keep: str) -> pd.DataFrame:
    """Decide for each usable row of the manifest whether it goes on.

    ``manifest`` holds rows with status ``ok`` and, in ``annotated``, the label a person gave
    (empty: none; ``exclude``: leave it out). Returns the columns of ``tables.CURATED``, sorted
    by digest and source:

    - excluded by annotation;
    - conflict: the same bytes in two classes, left out in all of them unless a person decided;
    - duplicate: the same bytes again, the first source stays;
    - near-duplicate (``keep='one'``): of a group, the largest image of each class stays.

    The group is the first 16 digits of its smallest digest; it doesn't depend on the order.
    """
    rows = manifest.sort_values(["sha256", "source"], ignore_index=True)
    rows["label"] = rows["annotated"].where(rows["annotated"] != "", rows["label"])
    rows["reason"] = ""
    rows.loc[rows["label"] == "exclude", "reason"] = "excluded by annotation"
    classes = rows.groupby("sha256")["label"].transform(
        lambda labels: " | ".join(sorted(set(labels)))
    )
    conflict = (rows["reason"] == "") & (classes != rows["label"])
    rows.loc[conflict, "reason"] = "conflict: in classes " + classes
    again = (rows["reason"] == "") & rows.duplicated("sha256")
    rows.loc[again, "reason"] = "duplicate of " + rows["sha256"].str[:16]
    rows["group"] = rows["sha256"].str[:16]
    alive = rows.index[rows["reason"] == ""]
    if len(alive):
        rows.loc[alive, "group"] = _group_names(rows.loc[alive], max_distance)
        by_digest = rows.loc[alive].set_index("sha256")["group"]
        rows.loc[again, "group"] = rows.loc[again, "sha256"].map(by_digest)
        if keep == "one":
            dropped, kept_instead = _smaller(rows.loc[alive])
            rows.loc[dropped, "reason"] = "near-duplicate of " + kept_instead
    rows["kept"] = rows["reason"] == ""
    return rows[["sha256", "path", "label", "source", "group", "kept", "reason"]]


def metrics(curated: pd.DataFrame) -> dict[str, object]:
    """Counts of what was kept and why the rest was not."""
    usable = curated[~curated["reason"].str.startswith(("conflict", "excluded"))]
    groups = usable.drop_duplicates("sha256").groupby("group")
    return {
        "kept": int(curated["kept"].sum()),
        "duplicates": int(curated["reason"].str.startswith("duplicate").sum()),
        "near_duplicates_dropped": int(curated["reason"].str.startswith("near-duplicate").sum()),
        "near_duplicate_groups": int((groups.size() > 1).sum()),
        "largest_group": int(groups.size().max()) if len(usable) else 0,
        "groups_across_classes": int((groups["label"].nunique() > 1).sum()),
        "conflicts": int(curated[curated["reason"].str.startswith("conflict")]["sha256"].nunique()),
        "excluded": int(curated["reason"].str.startswith("excluded").sum()),
        "kept_per_class": tables.counted(curated.loc[curated["kept"], "label"]),
    }


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
    components = pd.Series(group_hashes(list(rows["dhash"]), max_distance), index=rows.index)
    return rows["sha256"].groupby(components).transform("min").str[:16]


def _smaller(rows: pd.DataFrame) -> tuple[pd.Index, pd.Series]:
    ranked = rows.assign(pixels=rows["width"] * rows["height"]).sort_values(
        ["pixels", "bytes", "sha256"], ascending=[False, False, True]
    )
    largest = ranked.groupby(["group", "label"])["sha256"].transform("first")
    dropped = ranked.index[ranked["sha256"] != largest]
    return dropped, largest.loc[dropped].str[:16]

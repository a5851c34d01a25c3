"""Features of shards by a network: the very ones that the stage ``featurize`` computes."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from swatchbook.base.errors import DataError, ImageRefused
from swatchbook.images import decoding
from swatchbook.inference import features
from swatchbook.inference.engines import Network
from swatchbook.prediction.decoder import Decoder
from swatchbook.prediction.predictions import OK, REFUSED
from swatchbook.shards import scoring
from swatchbook.shards.chunks import Chunks

WHAT = "features"


def facts(network: Network, sample_frac: float, seed: int) -> dict[str, Any]:
    """What two runs must have in common to write to one folder."""
    return {
        "what": WHAT,
        **network.origin,
        "batch": network.batch,
        "door": decoding.DOOR_VERSION,
        "sample_frac": sample_frac,
        "seed": seed if sample_frac < 1 else 0,
    }


def featurize(
    folder: Path, shard: int, chunks: Chunks, network: Network, decoder: Decoder
) -> pa.Table:
    """``path, sha256, status, reason, features`` of a shard's images; of refused ones none.

    Raises:
        DataError: where the shard is not the one that the manifest tells of.
    """
    rows: list[dict[str, Any]] = []
    found = iter(_decoded(folder, shard, chunks, decoder))
    while some := list(islice(found, network.batch)):
        pixels = [one for one in some if isinstance(one, np.ndarray)]
        vectors = iter(network.features(np.stack(pixels)) if pixels else ())
        for one in some:
            if isinstance(one, ImageRefused):
                rows.append({"status": REFUSED, "reason": one.reason, "features": None})
            else:
                rows.append({"status": OK, "reason": "", "features": next(vectors)})
    wanted = chunks.wanted(shard)
    return pa.table(
        {
            **{name: pa.array(list(wanted[name]), pa.string()) for name in ("path", "sha256")},
            **{
                name: pa.array([row[name] for row in rows], pa.string())
                for name in ("status", "reason")
            },
            "features": pa.array(
                [row["features"] for row in rows], pa.list_(pa.float32(), network.width)
            ),
        }
    )


def take_in(chunks: Chunks) -> int:
    """Put features into this machine's cache, where the stage ``featurize`` finds them; how many.

    Raises:
        DataError: where these are no features.
    """
    if chunks.facts.get("what") != WHAT:
        raise DataError(
            f"{chunks.folder}: holds {chunks.facts.get('what')}, not features; "
            "`swatchbook spark featurize` makes them"
        )
    before = features.prefix(chunks.facts, chunks.facts["door"])
    count = 0
    with features.cache_of(chunks.facts["network"]) as cache:
        for rows in chunks.all():
            whole = rows.filter(pc.equal(rows["status"], OK))
            if not whole.num_rows:
                continue
            vectors = whole["features"].combine_chunks().flatten().to_numpy()
            vectors = vectors.reshape(whole.num_rows, -1)
            digests = whole["sha256"].to_pylist()
            cache.put(
                {
                    f"{before}{sha256}": vector.tobytes()
                    for sha256, vector in zip(digests, vectors, strict=True)
                }
            )
            count += len(digests)
    return count


def _decoded(
    folder: Path, shard: int, chunks: Chunks, decoder: Decoder
) -> Iterator[np.ndarray | ImageRefused]:
    changed: set[int] = set()

    def contents() -> Iterator[tuple[int, bytes]]:
        for number, image in enumerate(scoring.images(folder, shard, chunks)):
            try:
                content = scoring.content(image)
            except ImageRefused:
                changed.add(number)
                content = b""
            yield number, content

    for number, result in decoder.each(contents()):
        yield ImageRefused("changed") if number in changed else result

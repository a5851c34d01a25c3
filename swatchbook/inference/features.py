"""Features of images, each paid for once: a cache by image, network and precision."""

import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from swatchbook.base import caches
from swatchbook.base.cache import Cache
from swatchbook.base.errors import DataError, ImageRefused
from swatchbook.images import decoding, store
from swatchbook.inference.engines import Network

_STORE_EVERY = 256


@dataclass(frozen=True)
class Featurized:
    """Features ``(n, d) float32`` of the images that could be read, in the order asked for.

    ``unreadable`` has the reason of each image that could not; ``computed`` of the images had
    a forward pass, in ``seconds``.
    """

    sha256: list[str]
    vectors: np.ndarray
    unreadable: dict[str, str]
    computed: int
    seconds: float


def cache_of(digest: str) -> Cache:
    """This machine's features of the network with that SHA-256."""
    return Cache(caches.folder(caches.FEATURES) / f"{digest[:16]}.sqlite")


def prefix(origin: Mapping[str, str], door: int = decoding.DOOR_VERSION) -> str:
    """What keys of the cache begin with, before an image's digest: see ``Network.origin``."""
    return "|".join([origin["network"], origin["engine"], origin["precision"], str(door), ""])


def image_of(key: str) -> str:
    """The SHA-256 of the image whose features are cached under ``key``."""
    return key.rpartition("|")[2]


def featurize(paths: dict[str, Path], network: Network, cache: Cache, workers: int) -> Featurized:
    """Features of the images at ``paths`` (by digest), from the cache where it has them.

    An image whose bytes are gone, changed or can't be decoded is reported, not fatal.

    Raises:
        DataError: where not one image can be read.
    """
    before = prefix(network.origin)
    known = {
        image_of(key): np.frombuffer(value, np.float32)
        for key, value in cache.get(f"{before}{sha256}" for sha256 in paths).items()
    }
    missing = [sha256 for sha256 in paths if sha256 not in known]
    unreadable: dict[str, str] = {}
    started = time.perf_counter()
    learnt: dict[str, bytes] = {}
    bar = tqdm(
        total=len(paths), initial=len(known), unit="image", disable=not sys.stderr.isatty(),
        desc=f"{network.engine} {network.precision}, {len(known)} cached",
    )  # fmt: skip
    with bar:
        for done, refused in _computed(missing, paths, network, workers):
            known.update(done)
            unreadable.update(refused)
            learnt.update({f"{before}{sha256}": row.tobytes() for sha256, row in done.items()})
            bar.update(len(done) + len(refused))
            if len(learnt) >= _STORE_EVERY:
                cache.put(learnt)
                learnt = {}
    cache.put(learnt)
    found = [sha256 for sha256 in paths if sha256 in known]
    if not found:
        raise DataError(
            f"featurize: none of {len(paths)} images can be read, "
            f"first {next(iter(paths.values()))}; "
            "`dvc pull data/images` or `dvc repro acquire` brings them"
        )
    return Featurized(
        found,
        np.stack([known[sha256] for sha256 in found]),
        unreadable,
        len(missing) - len(unreadable),
        time.perf_counter() - started,
    )


_Batch = tuple[dict[str, np.ndarray], dict[str, str]]


def _computed(
    digests: list[str], paths: dict[str, Path], network: Network, workers: int
) -> Iterator[_Batch]:
    # each thread decodes a batch and runs it: both release the interpreter, none waits for
    # the other, and two batches a thread is all that is ever in memory
    waiting: deque[Future[_Batch]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for start in range(0, len(digests), network.batch):
                some = {sha256: paths[sha256] for sha256 in digests[start : start + network.batch]}
                waiting.append(pool.submit(_batch, some, network))
                if len(waiting) >= 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _batch(paths: dict[str, Path], network: Network) -> _Batch:
    pixels: dict[str, np.ndarray] = {}
    refused: dict[str, str] = {}
    for sha256, path in paths.items():
        try:
            pixels[sha256] = store.pixels(sha256, path, network.frame)
        except ImageRefused as error:
            refused[sha256] = error.reason
    if not pixels:
        return {}, refused
    features = network.features(np.stack(list(pixels.values())))
    return dict(zip(pixels, features, strict=True)), refused

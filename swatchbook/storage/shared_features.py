"""Features shared over remote storage, so that colleagues don't compute them again.

What a push adds is a *pack*: a cache file named by the SHA-256 of its bytes. Packs never change, so
any number of people may push at once, and one that was damaged or tampered with is not used.
"""

import re
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from swatchbook.base import caches, files
from swatchbook.base.cache import Cache
from swatchbook.base.errors import DataError
from swatchbook.inference import features
from swatchbook.storage.remotes import Remote

FOLDER = "swatchbook/features"
# of storage that can't say what it holds (HTTP)
_INDEX = "swatchbook/features.txt"
# the first digits of the network's digest, and the pack's own; names come from storage
_PACK = re.compile(r"([0-9a-f]{16})/([0-9a-f]{64})")
_VALUES_OF_PACK = 20_000


@dataclass(frozen=True)
class MovedFeatures:
    """What a push or pull moved. Packs that are ``damaged`` were left out."""

    values: int
    packs: int
    damaged: list[str]


def pull(remote: Remote) -> MovedFeatures:
    """Take in all features that storage has and this machine lacks.

    One that is damaged here counts as here until `swatchbook verify` has removed it.

    Raises:
        DataError: storage refuses.
    """
    values = packs = 0
    left_out = []
    for name in _listed(remote):
        known = _keys_of(remote, name)
        with features.cache_of(name[:16]) as cache:
            here = set(cache.keys())
            if known and here.issuperset(known):
                continue
            with tempfile.TemporaryDirectory() as folder:
                pack = Path(folder) / "pack"
                remote.download(f"{FOLDER}/{name}", pack)
                if not is_whole(pack, name):
                    left_out.append(name)
                    continue
                with Cache(pack) as content:
                    rows = dict(content.items())
            cache.put({key: value for key, value in rows.items() if key not in here})
        _remember(remote, name, list(rows))
        values += len(rows.keys() - here)
        packs += 1
    return MovedFeatures(values, packs, left_out)


def push(remote: Remote, networks: Collection[str], images: Collection[str]) -> MovedFeatures:
    """Add to storage what it lacks: features of ``images`` made by ``networks``, by SHA-256.

    Only of those: the cache of this machine holds the images of other projects too. What storage
    has and this machine lacks is taken in first.

    Raises:
        DataError: storage refuses, or is for reading only.
    """
    if not remote.can_list:
        raise DataError(
            f"remote {remote.name!r}: {remote.url} can't be listed: it is for reading; "
            "name one to write to"
        )
    left_out = pull(remote).damaged
    own = set(images)
    there: set[str] = set()
    for name in _listed(remote):
        there.update(_keys_of(remote, name))
    values = packs = 0
    for digest in sorted(networks):
        with features.cache_of(digest) as cache:
            here = cache.keys()
            missing = [key for key in here if features.image_of(key) in own and key not in there]
            for rows in _in_packs(cache, missing):
                with tempfile.TemporaryDirectory() as folder:
                    pack = Path(folder) / "pack"
                    with Cache(pack) as content:
                        content.put(rows)
                    name = f"{digest[:16]}/{files.sha256(pack)}"
                    remote.upload(pack, f"{FOLDER}/{name}")
                _remember(remote, name, list(rows))
                values += len(rows)
                packs += 1
    _update_index(remote)
    return MovedFeatures(values, packs, left_out)


def is_whole(pack: Path, name: str) -> bool:
    """Whether a file that was fetched is the pack of that name."""
    return bool(_PACK.fullmatch(name)) and files.sha256(pack) == name[17:]


def _update_index(remote: Remote) -> None:
    # again while others push: theirs may be listed by now, and not in the index that they wrote
    for _ in range(5):
        listed = _listed(remote)
        if listed == _index(remote):
            return
        with tempfile.TemporaryDirectory() as folder:
            index = Path(folder) / "index"
            index.write_text("".join(f"{name}\n" for name in listed), encoding="ascii")
            remote.upload(index, _INDEX)


def _in_packs(cache: Cache, keys: list[str]) -> Iterator[dict[str, bytes]]:
    for start in range(0, len(keys), _VALUES_OF_PACK):
        if rows := cache.get(keys[start : start + _VALUES_OF_PACK]):
            yield rows


def _listed(remote: Remote) -> list[str]:
    """The packs that storage has."""
    if remote.can_list:
        return [name for name in remote.files(FOLDER) if _PACK.fullmatch(name)]
    return _index(remote)


def _index(remote: Remote) -> list[str]:
    if not remote.has(_INDEX):
        return []
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder) / "index"
        remote.download(_INDEX, index)
        lines = index.read_text(encoding="ascii", errors="replace").splitlines()
    return sorted({name for name in lines if _PACK.fullmatch(name)})


def _remember(remote: Remote, name: str, keys: list[str]) -> None:
    with _memory() as memory:
        memory.put({f"{remote.url}|{name}": "\n".join(keys).encode()})


def _keys_of(remote: Remote, name: str) -> list[str]:
    """The keys of a pack that was pushed from here or taken in; none of one never seen."""
    entry = f"{remote.url}|{name}"
    with _memory() as memory:
        found = memory.get([entry])
    return found[entry].decode().splitlines() if entry in found else []


def _memory() -> Cache:
    return caches.opened(caches.PACKS)

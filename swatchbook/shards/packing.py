"""Images into shards: so many in one file that a machine of many can be given its share of them."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from swatchbook.acquisition.candidate import Candidate
from swatchbook.base import files
from swatchbook.base.errors import DataError, ImageRefused
from swatchbook.shards import manifest, paths, shard_file, unfinished
from swatchbook.shards.manifest import Manifest
from swatchbook.shards.shard_file import PackedImage

LEFT_OUT = "left_out.csv"
# why a file is not packed, beside what reading it may end with
NAMED_TWICE = "named_twice"


@dataclass(frozen=True)
class Size:
    """A shard has at most so many ``images``, and ends with the one that fills ``bytes``."""

    images: int = 1000
    bytes: int = 64 * 2**20


@dataclass(frozen=True)
class Packed:
    """What came of it: ``left_out`` counts by reason; named = packed + left out."""

    manifest: Manifest
    left_out: Counter[str]


def pack(
    candidates: Iterable[Candidate],
    out: Path,
    size: Size,
    facts: Callable[[], dict[str, Any]] = dict,
    columns: Callable[[str], dict[str, Any]] = lambda name: {},
) -> Packed:
    """Write shards, manifest and ``left_out.csv`` to the new folder ``out``, all at once.

    ``facts`` (asked at the end) and ``columns`` (of an image by its name) are kept in the manifest.

    Whatever their bytes are, images are packed: what they are worth is said where they are scored.
    What can't be read, or was named before, is left out with its reason. Equal files in equal order
    give equal bytes.

    Raises:
        DataError: where ``out`` is there, or no image could be read.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise _taken(out)
    out = out.resolve()
    unfinished.remove(out.parent, f".{out.name}.packing-")
    making = out.parent / unfinished.name(f".{out.name}.packing-")
    making.mkdir(parents=True)
    try:
        packed = _packed(candidates, making, size, facts, columns)
        _put(making, out)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return packed


def _taken(out: Path) -> DataError:
    return DataError(
        f"--out: {str(out)!r} is there already; choose another folder, or remove it first"
    )


def _put(making: Path, out: Path) -> None:
    """Put a finished pack in its place; without the manifest, which comes last, it is none."""
    if not out.exists():
        making.rename(out)
        return
    if any(out.iterdir()):
        raise _taken(out)
    # an empty folder that is there may be a volume, which can't be renamed over
    for path in sorted(making.iterdir(), key=lambda path: path.name == paths.FACTS):
        shutil.move(path, out / path.name)


def _packed(
    candidates: Iterable[Candidate],
    folder: Path,
    size: Size,
    facts: Callable[[], dict[str, Any]],
    columns: Callable[[str], dict[str, Any]],
) -> Packed:
    rows: list[dict[str, Any]] = []
    left_out: list[tuple[str, str]] = []
    waiting: list[PackedImage] = []
    named: set[str] = set()
    shard = total = 0

    def finish() -> None:
        nonlocal shard, total
        with files.replacing(folder / shard_file.name(shard)) as temporary:
            shard_file.write(waiting, temporary)
        shard, total = shard + 1, 0
        waiting.clear()

    for candidate in candidates:
        if candidate.name in named:
            left_out.append((candidate.name, NAMED_TWICE))
            continue
        named.add(candidate.name)
        try:
            content = candidate.content()
        except ImageRefused as refused:
            left_out.append((candidate.name, refused.reason))
            continue
        image = PackedImage(candidate.name, files.digest(content), content)
        own = (image.path, image.sha256, len(content), shard, len(waiting))
        rows.append(dict(zip(manifest.COLUMNS, own, strict=True)) | columns(image.path))
        waiting.append(image)
        total += len(content)
        if len(waiting) >= size.images or total >= size.bytes:
            finish()
    if waiting:
        finish()
    counts = Counter(reason for _, reason in left_out)
    if not rows:
        why = ", ".join(f"{count} {reason}" for reason, count in counts.most_common())
        raise DataError(f"pack: no image could be read{f' ({why})' if why else ''}; name others")
    found = manifest.new(
        pd.DataFrame(rows), named=len(rows) + len(left_out),
        left_out=dict(sorted(counts.items())), **facts(),
    )  # fmt: skip
    with files.replacing(folder / LEFT_OUT) as temporary:
        pd.DataFrame(left_out, columns=["path", "reason"]).to_csv(temporary, index=False)
    found.write(folder)
    return Packed(found, counts)

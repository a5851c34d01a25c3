"""From a source to the store and the manifest, reading only what wasn't seen before."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd

from swatchbook.acquisition import losses
from swatchbook.acquisition.candidate import NO_FAULT, Candidate, Origin, check_alike
from swatchbook.base import files
from swatchbook.base.cache import Cache
from swatchbook.base.errors import DataError, ImageRefused
from swatchbook.fetching import downloader
from swatchbook.images import depth, store
from swatchbook.images.frame import Levels
from swatchbook.project import tables
from swatchbook.search import provider
from swatchbook.untrusted.examination import Examined, Examiner

_AT_ONCE = 500


@dataclass(frozen=True)
class Acquired:
    """The manifest's rows, how many files were read, and how many were known from before.

    ``same``: of those that were read, how many had the bytes of a known one.
    """

    manifest: pd.DataFrame
    read: int
    known: int
    same: int


@dataclass(frozen=True)
class _Row(Origin):
    sha256: str = ""
    path: str = ""
    label: str = ""
    source: str = ""
    part: str = ""
    status: str = "quarantined"
    reason: str = ""
    width: int = 0
    height: int = 0
    bytes: int = 0
    format: str = ""
    dhash: str = ""
    colours: str = ""
    file_sha256: str = ""
    peak: float = 0.0


def acquire(candidates: Iterable[Candidate], seen: Cache, examiner: Examiner) -> Acquired:
    """Examine and store the images of ``candidates``.

    Returns one row per candidate, sorted by source and digest: ``ok``, or ``quarantined`` with
    a reason of ``limits.REASONS``. ``seen`` remembers each file by its stamp and each image by
    its digest, so that a second run reads only new files.
    """
    rows: list[_Row] = []
    read = known = same = 0
    for batch in _batches(candidates):
        reused = _reused(batch, seen, examiner.settings)
        fresh = [candidate for candidate in batch if candidate.stamp not in reused]
        known += len(batch) - len(fresh)
        read += sum(not candidate.reason for candidate in fresh)
        rows += [
            _row(candidate, reused[candidate.stamp])
            for candidate in batch
            if candidate.stamp in reused
        ]
        found, again = _examined(fresh, seen, examiner)
        rows += found
        same += again
    frame = pd.DataFrame(
        [asdict(row) for row in rows], columns=[field.name for field in fields(_Row)]
    )
    check_alike(set(frame["label"]))
    frame = frame.sort_values(["source", "sha256"], ignore_index=True)
    return Acquired(frame, read, known, same)


def check(manifest: pd.DataFrame, max_bad_fraction: float) -> None:
    """Raise DataError where nothing, or too little, of a source can be used."""
    if manifest.empty:
        raise DataError("acquire.source: it holds no files; name the folder of your images")
    bad = manifest[manifest["status"] != "ok"]
    if len(bad) == len(manifest):
        raise DataError(
            f"acquire.source: none of {len(manifest)} files can be used: "
            f"{losses.causes(bad)}{losses.cure(bad)}"
        )
    # links die, and texts are no images: neither says anything about the rest
    missing = bad["reason"].map(downloader.is_reason)
    missing |= bad["reason"].isin([*provider.REASONS, *NO_FAULT])
    bad, had = bad[~missing], len(manifest) - int(missing.sum())
    if len(bad) > max_bad_fraction * had:
        raise DataError(
            f"acquire.max_bad_fraction: {len(bad)} of {had} files can't be used "
            f"({losses.causes(bad)}; {losses.first(bad)}), more than {max_bad_fraction:g} of them"
            f"{losses.cure(bad)}"
        )


def dark_or_cut(manifest: pd.DataFrame, levels: Levels | None) -> str:
    """What is wrong with the ``levels`` of images of more than 8 bits, in a sentence; or nothing.

    ``manifest`` is that of ``acquire``, with the greatest value of each.
    """
    deep = manifest.loc[(manifest["status"] == "ok") & (manifest["peak"] > 0), "peak"]
    if deep.empty:
        return ""
    peak = int(deep.max())
    if levels is None and peak < depth.MOST // 4:
        bits = peak.bit_length()
        return (
            f"{len(deep)} images of more than 8 bits have no value above {peak}: where 65535 is "
            f"white, they are nearly black. `refine_dnn.levels: [0, {2**bits - 1}]` shows what "
            "they hold"
        )
    if levels is not None and (above := int((deep > levels[1]).sum())):
        return (
            f"refine_dnn.levels: {above} of {len(deep)} images have values above "
            f"{levels[1]:g}, which are shown as white (the greatest is {peak})"
        )
    return ""


def metrics(manifest: pd.DataFrame) -> dict[str, Any]:
    """Counts per class and per reason."""
    good = manifest[manifest["status"] == "ok"]
    bad = manifest[manifest["status"] != "ok"]
    return {
        "files": len(manifest),
        "images": int(good["sha256"].nunique()),
        "quarantined": len(bad),
        "per_class": tables.counted(good["label"]),
        "per_reason": tables.counted(bad["reason"]),
    }


def _batches(candidates: Iterable[Candidate]) -> Iterator[list[Candidate]]:
    batch: list[Candidate] = []
    for candidate in candidates:
        batch.append(candidate)
        if len(batch) == _AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def _reused(batch: list[Candidate], seen: Cache, settings: str) -> dict[str, _Row]:
    stamps = {f"stamp|{c.stamp}": c.stamp for c in batch if c.stamp and not c.reason}
    digests = {stamps[key]: value.decode() for key, value in seen.get(stamps).items()}
    verdicts = seen.get({_verdict_key(sha256, settings) for sha256 in digests.values()})
    rows = {}
    for stamp, sha256 in digests.items():
        verdict = verdicts.get(_verdict_key(sha256, settings))
        if verdict is None:
            continue
        row = _Row(**json.loads(verdict))
        # an image that isn't in this clone's store must be read again to be put there
        if row.status != "ok" or Path(row.path).is_file():
            rows[stamp] = row
    return rows


def _examined(fresh: list[Candidate], seen: Cache, examiner: Examiner) -> tuple[list[_Row], int]:
    """A row for each of ``fresh``, and how many of them had the bytes of a known file."""
    learnt: dict[str, bytes] = {}
    contents: dict[int, bytes] = {}
    rows: list[_Row] = []
    known: dict[int, _Row] = {}

    def readable() -> Iterator[tuple[int, bytes]]:
        for number, candidate in enumerate(fresh):
            try:
                data = candidate.content()
            except ImageRefused as refused:
                rows.append(_row(candidate, _Row(reason=refused.reason)))
                continue
            row = _known(data, seen, examiner.settings)
            if row is None:
                contents[number] = data
                yield number, data
            else:
                known[number] = row

    for number, found in examiner.examine(readable()):
        data = contents.pop(number)
        sha256 = files.digest(data)
        row = _verdict(data, sha256, found)
        if isinstance(found, Examined):
            store.add(found.smaller or data, row.sha256, found.facts.extension)
        # a timeout or crash may be this machine's fault: tried again next time
        if row.reason not in ("timeout", "decoder_crash"):
            learnt[_verdict_key(sha256, examiner.settings)] = json.dumps(asdict(row)).encode()
            _remember(fresh[number], row, learnt)
        rows.append(_row(fresh[number], row))
    for number, row in known.items():
        _remember(fresh[number], row, learnt)
        rows.append(_row(fresh[number], row))
    seen.put(learnt)
    return rows, len(known)


def _known(data: bytes, seen: Cache, settings: str) -> _Row | None:
    """What the same bytes were found to be in another place, which need not be examined again."""
    key = _verdict_key(files.digest(data), settings)
    verdict = seen.get([key]).get(key)
    if verdict is None:
        return None
    row = _Row(**json.loads(verdict))
    if row.status == "ok":
        if row.sha256 != row.file_sha256 and not Path(row.path).is_file():
            return None  # what is stored is a smaller copy, which has to be made
        if row.sha256 == row.file_sha256:
            store.add(data, row.sha256, Path(row.path).suffix[1:])
    return row


def _remember(candidate: Candidate, row: _Row, learnt: dict[str, bytes]) -> None:
    if candidate.stamp and row.file_sha256:
        learnt[f"stamp|{candidate.stamp}"] = row.file_sha256.encode()


def _verdict(data: bytes, file_sha256: str, found: Examined | ImageRefused) -> _Row:
    if isinstance(found, ImageRefused):
        return _Row(
            sha256=file_sha256, bytes=len(data), reason=found.reason, file_sha256=file_sha256
        )
    facts, stored = found.facts, found.smaller or data
    sha256 = files.digest(stored) if found.smaller else file_sha256
    return _Row(
        sha256=sha256,
        path=store.path_of(sha256, facts.extension).as_posix(),
        status="ok",
        width=facts.width,
        height=facts.height,
        bytes=len(stored),
        format=facts.format,
        dhash=found.dhash,
        colours=found.colours,
        file_sha256=file_sha256,
        peak=facts.peak,
    )


def _row(candidate: Candidate, verdict: _Row) -> _Row:
    own = {
        "label": candidate.label, "source": candidate.name, "part": candidate.part,
        **asdict(candidate.origin),
    }  # fmt: skip
    return _Row(**{**asdict(verdict), **own})


def _verdict_key(sha256: str, settings: str) -> str:
    return f"image|{settings}|{sha256}"

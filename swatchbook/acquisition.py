"""From a source to the store and the manifest, reading only what wasn't seen before."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd

from swatchbook import download, files, images, store, tables
from swatchbook.cache import Cache
from swatchbook.errors import DataError, ImageRefused
from swatchbook.examination import Examined, Examiner
from swatchbook.search import provider
from swatchbook.sources.candidate import Candidate, Origin, check_case

_AT_ONCE = 500


@dataclass(frozen=True)
class Acquired:
    """The manifest's rows, how many files were read, and how many were known from before."""

    manifest: pd.DataFrame
    read: int
    known: int


@dataclass(frozen=True)
class _Row(Origin):
    sha256: str = ""
    path: str = ""
    label: str = ""
    source: str = ""
    status: str = "quarantined"
    reason: str = ""
    width: int = 0
    height: int = 0
    bytes: int = 0
    format: str = ""
    dhash: str = ""
    file_sha256: str = ""


def acquire(candidates: Iterable[Candidate], seen: Cache, examiner: Examiner) -> Acquired:
    """Examine and store the images of ``candidates``.

    Returns one row per candidate, sorted by source and digest: ``ok``, or ``quarantined`` with
    a reason of ``images.REASONS``. ``seen`` remembers each file by its stamp and each image by
    its digest, so that a second run reads only new files.
    """
    rows: list[_Row] = []
    read = known = 0
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
        rows += _examined(fresh, seen, examiner)
    frame = pd.DataFrame(
        [asdict(row) for row in rows], columns=[field.name for field in fields(_Row)]
    )
    check_case(set(frame["label"]))
    return Acquired(frame.sort_values(["source", "sha256"], ignore_index=True), read, known)


def check(manifest: pd.DataFrame, max_bad_fraction: float) -> None:
    """Raise DataError where nothing, or too little, of a source can be used."""
    if manifest.empty:
        raise DataError("acquire.source: it holds no files")
    bad = manifest[manifest["status"] != "ok"]
    if len(bad) == len(manifest):
        raise DataError(
            f"acquire.source: none of {len(manifest)} files can be used: {_causes(bad)}"
        )
    # links die: what isn't there any more says nothing about the rest
    missing = bad["reason"].map(download.is_reason) | bad["reason"].isin([*provider.REASONS])
    bad, had = bad[~missing], len(manifest) - int(missing.sum())
    if len(bad) > max_bad_fraction * had:
        raise DataError(
            f"acquire.max_bad_fraction: {len(bad)} of {had} files can't be used "
            f"({_causes(bad)}), more than {max_bad_fraction:g} of them"
        )


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


def _causes(bad: pd.DataFrame) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in tables.counted(bad["reason"]).items())


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


def _examined(fresh: list[Candidate], seen: Cache, examiner: Examiner) -> Iterator[_Row]:
    learnt: dict[str, bytes] = {}
    contents: dict[int, bytes] = {}
    refusals: dict[int, ImageRefused] = {}

    def readable() -> Iterator[tuple[int, bytes]]:
        for number, candidate in enumerate(fresh):
            try:
                if candidate.reason:
                    raise ImageRefused(candidate.reason)
                contents[number] = candidate.read()
                if len(contents[number]) > images.MAX_BYTES:
                    raise ImageRefused("too_large")
            except ImageRefused as refused:
                contents.pop(number, None)
                refusals[number] = refused
            else:
                yield number, contents[number]

    for number, found in examiner.examine(readable()):
        data = contents.pop(number)
        sha256 = files.digest(data)
        row = _verdict(data, sha256, found)
        if isinstance(found, Examined):
            store.add(found.smaller or data, row.sha256, found.facts.extension)
        # a timeout or crash may be this machine's fault: tried again next time
        if row.reason not in ("timeout", "decoder_crash"):
            learnt[_verdict_key(sha256, examiner.settings)] = json.dumps(asdict(row)).encode()
            if fresh[number].stamp:
                learnt[f"stamp|{fresh[number].stamp}"] = sha256.encode()
        yield _row(fresh[number], row)
    for number, refused in refusals.items():
        yield _row(fresh[number], _Row(reason=refused.reason))
    seen.put(learnt)


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
        file_sha256=file_sha256,
    )


def _row(candidate: Candidate, verdict: _Row) -> _Row:
    own = {"label": candidate.label, "source": candidate.name, **asdict(candidate.origin)}
    return _Row(**{**asdict(verdict), **own})


def _verdict_key(sha256: str, settings: str) -> str:
    return f"image|{settings}|{sha256}"

"""What a source holds before any of it is taken: classes, counts, and what looks wrong."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from swatchbook.acquisition import layout, losses, sources
from swatchbook.acquisition.candidate import NO_FAULT, Candidate, Origin, check_alike, unread
from swatchbook.acquisition.kinds import url_list
from swatchbook.acquisition.parameters import Acquire
from swatchbook.acquisition.sources import How
from swatchbook.base import files, lists
from swatchbook.base.errors import DataError, ImageRefused, ParamsError
from swatchbook.images import formats
from swatchbook.pipeline import params_file
from swatchbook.project import params

_FEW = 20
_LISTED = 5
_LINES_LOOKED_AT = 100
_ALWAYS = ("data_set", "source")
_LISTS = (".tsv", ".csv", ".txt")


def listed(kind: str, path: Path, how: How) -> list[tuple[Candidate, str]]:
    """The candidates of a source, each with what tells its content from others'."""
    return [(item, _content_of(item)) for item in _candidates(kind, path, how)]


def problems(listed: list[tuple[Candidate, str]]) -> list[str]:
    """What is likely to be wrong with a source, in words, of its candidates and their content."""
    said: list[str] = []
    found = [item for item, _ in listed]
    counts = Counter(item.label for item in found if not item.reason)
    if len(counts) < 2:
        said.append(f"{len(counts)} classes: a classifier needs two")
    for label, count in sorted(counts.items()):
        if count < _FEW:
            said.append(
                f"class {label!r} has {_count(count)}: with under {_FEW} little can be said"
            )
    try:
        check_alike(set(counts))
    except DataError as error:
        said.append(str(error))
    known = {label.casefold() for label in counts}
    inner: Counter[tuple[str, str]] = Counter()
    for item in found:
        parts = PurePosixPath(item.name).parts[:-1]
        if item.label in parts and not item.origin.url:
            below = parts[parts.index(item.label) + 1 :]
            inner.update((item.label, part) for part in below if part.casefold() in known)
    for label, folders in sorted(_below(found).items()):
        if len(folders) > 1 and not {name.casefold() for name in folders} & known:
            said.append(f"sub-folders {_few(sorted(folders))} count as {label!r}")
    if called := sorted(label for label in counts if label.casefold() in layout.PARTS):
        said.append(f"classes {_few(called)} are called like the parts of a split")
    for (label, part), count in sorted(inner.items()):
        said.append(
            f"folder {part!r} inside class {label!r}: its {_count(count)} count as {label!r}"
        )
    for reason, count in sorted(Counter(item.reason for item in found if item.reason).items()):
        if reason == "no_files":
            empty = sorted(item.label for item in found if item.reason == reason)
            said.append(f"no file in the class folders {_few(empty)}")
        elif reason in NO_FAULT:
            said.append(f"{_count(count)} left out: {reason}")
        else:
            cure = f" ({losses.CURES[reason]})" if reason in losses.CURES else ""
            said.append(f"{_count(count)} can't be used: {reason}{cure}")
    labels = defaultdict(set)
    for item, content in listed:
        if content:
            labels[content].add(item.label)
    if several := sum(len(own) > 1 for own in labels.values()):
        stand = "1 image stands" if several == 1 else f"{several} images stand"
        left_out = "it will be" if several == 1 else "they will be"
        said.append(f"{stand} in more than one class: {left_out} left out")
    return said


def _below(found: list[Candidate]) -> dict[str, set[str]]:
    """Of each class, the folders that stand right below its own and hold images."""
    below: defaultdict[str, set[str]] = defaultdict(set)
    for item in found:
        parts = PurePosixPath(item.name).parts[:-1]
        if item.label in parts[:-1] and not item.reason and not item.origin.url:
            below[item.label].add(parts[parts.index(item.label) + 1])
    return below


def _few(names: list[str]) -> str:
    return ", ".join(names[:_LISTED]) + (", …" if len(names) > _LISTED else "")


def _count(files: int) -> str:
    return f"{files} file{'s' * (files != 1)}"


def _content_of(item: Candidate) -> str:
    """What tells one image from another: its digest, or its URL; empty where it can't be read."""
    if item.reason or item.origin.url:
        return "" if item.reason else item.origin.url
    try:
        data = item.read()
    except ImageRefused:
        return ""  # acquire will say why
    # equal texts are no image in two classes
    return files.digest(data) if formats.looks_like_image(data) else ""


def kind_of(path: Path) -> str:
    """What kind of source stands at ``path``. Raises DataError where there is none."""
    if path.is_dir():
        return "folder"
    if not path.is_file():
        raise DataError(
            f"init: {str(path)!r} is neither a folder nor a file; name what holds your images"
        )
    if path.suffix.lower() not in _LISTS:
        return "archive"
    first = lists.lines_of(path)[:_LINES_LOOKED_AT]
    return "urls" if any("://" in line for line in first) else "table"


def _candidates(kind: str, path: Path, how: How) -> Iterator[Candidate]:
    if kind != "urls":
        yield from sources.candidates(f"{kind}:{path}", how)
        return
    # what is listed, without fetching any
    for row in url_list.read(str(path)):
        yield Candidate(row.url, row.label, "", "", unread, Origin(row.url))


def set_keys(path: Path, values: dict[str, str], keep_split: bool = False) -> None:
    """Set values of the section ``acquire``, and whether ``split.by`` is ``source``.

    All else, comments too, is left as it is: what is the default already isn't written.
    """
    usual = Acquire().model_dump()
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    before = re.sub(r"^acquire: *\{ *\}", "acquire:", before, flags=re.M)
    # always quoted: 2024, true and 1e3 would not be text
    content = params.parsed(before, path)
    there = content.get("acquire") or {}
    quoted = {
        ("acquire", key): "'" + text.replace("'", "''") + "'"
        for key, text in values.items()
        if key in _ALWAYS or text != there.get(key, usual[key])
    }
    by = (content.get("split") or {}).get("by")
    if keep_split or by == "source":
        quoted["split", "by"] = "source" if keep_split else "group"
    text = params_file.with_values(before, quoted)
    try:
        new = params.section_of(Acquire, params.parsed(text, path)).model_dump()
    except ParamsError as error:
        raise ParamsError(
            f"{path}: its section acquire has another form than init can change ({error}); write "
            f"{' and '.join(f'{key}: {value}' for key, value in values.items())} there yourself"
        ) from None
    assert values.items() <= new.items()
    files.write_bytes(path, text.encode())

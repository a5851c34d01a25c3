"""``swatchbook init``: begin with one's own images."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import click

from swatchbook import annotations, files, params, sources, terminal
from swatchbook.errors import DataError, ImageRefused, ParamsError
from swatchbook.sources import url_list
from swatchbook.sources.candidate import Candidate, Origin, check_case, unread

_FEW = 20
_LISTS = (".tsv", ".csv", ".txt")


@click.command("init")
@click.argument("name")
@click.option("--from", "location", required=True, help="Folder, zip or tar file, or list of URLs.")
def command(name: str, location: str) -> None:
    """Point the project at your images and say what is there.

    Writes acquire.data_set and acquire.source in params.yaml, and annotations/NAME.csv:
    swatchbook init shirts --from ~/shirts
    """
    path = Path(location).expanduser().absolute()
    kind = _kind(path)
    # the schema knows which names can be used
    params.checked({"acquire": {"data_set": name, "source": f"{kind}:{path}"}})
    found = [(item, _content_of(item)) for item in _listed(kind, path)]
    _set(Path(params.PATH), {"data_set": name, "source": f"{kind}:{path}"})
    table = annotations.FOLDER / f"{name}.csv"
    if not table.exists():
        files.write_bytes(table, b"sha256,label,note,annotator,time\n")
    usable = [item for item, _ in found if not item.reason]
    counts = Counter(item.label for item in usable)
    listed = ", ".join(f"{label} {count}" for label, count in sorted(counts.items()))
    _say(f"{len(counts)} classes, {len(usable)} files: {listed}")
    for problem in problems(found):
        _say(f"look at this: {problem}")
    _say(f"params.yaml, {table}; next: make repro")


def _say(text: str) -> None:
    click.echo(f"init: {terminal.plain(text)}")


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
        check_case(set(counts))
    except DataError as error:
        said.append(str(error))
    known = {label.casefold() for label in counts}
    inner: Counter[tuple[str, str]] = Counter()
    for item in found:
        parts = PurePosixPath(item.name).parts[:-1]
        if item.label in parts and not item.origin.url:
            below = parts[parts.index(item.label) + 1 :]
            inner.update((item.label, part) for part in below if part.casefold() in known)
    for (label, part), count in sorted(inner.items()):
        said.append(
            f"folder {part!r} inside class {label!r}: its {_count(count)} count as {label!r}"
        )
    for reason, count in sorted(Counter(item.reason for item in found if item.reason).items()):
        said.append(f"{_count(count)} can't be used: {reason}")
    labels = defaultdict(set)
    for item, content in listed:
        if content:
            labels[content].add(item.label)
    if several := sum(len(own) > 1 for own in labels.values()):
        stand = "1 image stands" if several == 1 else f"{several} images stand"
        left_out = "it will be" if several == 1 else "they will be"
        said.append(f"{stand} in more than one class: {left_out} left out")
    return said


def _count(files: int) -> str:
    return f"{files} file{'s' * (files != 1)}"


def _content_of(item: Candidate) -> str:
    """What tells one image from another: its digest, or its URL; empty where it can't be read."""
    if item.reason or item.origin.url:
        return "" if item.reason else item.origin.url
    try:
        return files.digest(item.read())
    except ImageRefused:
        return ""  # acquire will say why


def _kind(path: Path) -> str:
    if path.is_dir():
        return "folder"
    if not path.is_file():
        raise DataError(f"init: {str(path)!r} is neither a folder nor a file")
    return "urls" if path.suffix.lower() in _LISTS else "archive"


def _listed(kind: str, path: Path) -> Iterator[Candidate]:
    if kind != "urls":
        yield from sources.candidates(f"{kind}:{path}")
        return
    # what is listed, without fetching any
    for row in url_list.read(str(path)):
        yield Candidate(row.url, row.label, "", "", unread, Origin(row.url))


def _set(path: Path, values: dict[str, str]) -> None:
    """Set values of the section ``acquire``, and leave all else, comments too, as it is."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    starts = [number for number, line in enumerate(lines) if line.startswith("acquire:")]
    if not starts:
        starts = [len(lines)]
        lines.append("acquire:")
    start = starts[0]
    lines[start] = re.sub(r"^acquire: *\{ *\}", "acquire:", lines[start])
    for key, value in values.items():
        # always quoted: 2024, true and 1e3 would not be text
        written = "'" + value.replace("'", "''") + "'"
        end = next(
            (n for n in range(start + 1, len(lines)) if re.match(r"[^ #]", lines[n])), len(lines)
        )
        for number in range(start + 1, end):
            if found := re.match(rf"(  {key}:) *.*?( +#.*)?$", lines[number]):
                lines[number] = f"{found[1]} {written}{found[2] or ''}"
                break
        else:
            lines.insert(start + 1, f"  {key}: {written}")
    text = "\n".join(lines) + "\n"
    try:
        new = params.checked(params.parsed(text, path)).acquire.model_dump()
    except ParamsError as error:
        raise ParamsError(
            f"{path}: its section acquire has another form than init can change ({error}); write "
            f"{' and '.join(f'{key}: {value}' for key, value in values.items())} there yourself"
        ) from None
    assert values.items() <= new.items()
    files.write_bytes(path, text.encode())

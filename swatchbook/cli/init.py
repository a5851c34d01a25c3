"""``swatchbook init``: begin with one's own images."""

import re
from collections import Counter, defaultdict
from pathlib import Path, PurePosixPath

import click

from swatchbook import annotations, files, params, sources
from swatchbook.errors import DataError, ImageRefused
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
    found = list(_listed(kind, path))
    usable = [item for item in found if not item.reason]
    counts = Counter(item.label for item in usable)
    listed = ", ".join(f"{label} {count}" for label, count in sorted(counts.items()))
    click.echo(f"init: {len(counts)} classes, {len(usable)} files: {listed}")
    for problem in problems(found, contents=kind != "urls"):
        click.echo(f"init: look at this: {problem}")
    _set(Path(params.PATH), {"data_set": name, "source": f"{kind}:{path}"})
    table = annotations.FOLDER / f"{name}.csv"
    if not table.exists():
        files.write_bytes(table, b"sha256,label,note,annotator,time\n")
    click.echo(f"init: params.yaml, {table}; next: make repro")


def problems(found: list[Candidate], contents: bool) -> list[str]:
    """What is likely to be wrong with a source, in words; ``contents``: whether files are read."""
    said: list[str] = []
    counts = Counter(item.label for item in found if not item.reason)
    if len(counts) < 2:
        said.append(f"{len(counts)} classes: a classifier needs two")
    for label, count in sorted(counts.items()):
        if count < _FEW:
            said.append(f"class {label!r} has {count} files: with under {_FEW} little can be said")
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
        said.append(f"folder {part!r} inside class {label!r}: its {count} files count as {label!r}")
    for reason, count in sorted(Counter(item.reason for item in found if item.reason).items()):
        said.append(f"{count} files can't be used: {reason}")
    labels = defaultdict(set)
    for item in found:
        if not item.reason:
            try:
                labels[files.digest(item.read()) if contents else item.name].add(item.label)
            except ImageRefused:
                continue  # acquire will say why
    if several := sum(len(own) > 1 for own in labels.values()):
        said.append(f"{several} images stand in more than one class: they will be left out")
    return said


def _kind(path: Path) -> str:
    if path.is_dir():
        return "folder"
    if not path.is_file():
        raise DataError(f"init: {str(path)!r} is neither a folder nor a file")
    return "urls" if path.suffix.lower() in _LISTS else "archive"


def _listed(kind: str, path: Path) -> list[Candidate]:
    if kind != "urls":
        return list(sources.candidates(f"{kind}:{path}"))
    # what is listed, without fetching any
    return [
        Candidate(row.url, row.label, "", "", unread, Origin(row.url))
        for row in url_list.read(str(path))
    ]


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
        plain = re.fullmatch(r"[\w./:=~-]+", value)
        written = value if plain else "'" + value.replace("'", "''") + "'"
        end = next(
            (n for n in range(start + 1, len(lines)) if re.match(r"[^ #]", lines[n])), len(lines)
        )
        for number in range(start + 1, end):
            if found := re.match(rf"(  {key}:) *.*?( +#.*)?$", lines[number]):
                lines[number] = f"{found[1]} {written}{found[2] or ''}"
                break
        else:
            lines.insert(start + 1, f"  {key}: {written}")
    files.write_bytes(path, ("\n".join(lines) + "\n").encode())

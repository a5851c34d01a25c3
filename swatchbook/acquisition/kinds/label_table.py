"""Files of one's own with their classes in a table: ``id,label``, ``path;class``, as Kaggle has."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from swatchbook.acquisition.candidate import Candidate, check_label, is_hidden, located, unread
from swatchbook.acquisition.kinds import folder
from swatchbook.acquisition.layout import PARTS
from swatchbook.base import lists
from swatchbook.base.errors import DataError, did_you_mean
from swatchbook.base.text import as_text
from swatchbook.images import formats

# what such columns are called
_FILE = ("file", "filename", "file_name", "path", "filepath", "image", "image_path", "image_id",
         "image_name", "img", "id", "name")  # fmt: skip
_LABEL = ("label", "class", "category", "target", "class_name", "label_name", "breed", "species",
          "dx", "y")  # fmt: skip
_PART = ("split", "part", "subset", "set", "fold")


@dataclass(frozen=True)
class Columns:
    """The names of the columns with the file, its class and its part; empty: found by name."""

    file: str = ""
    label: str = ""
    part: str = ""


@dataclass(frozen=True)
class _Row:
    number: int
    file: str
    label: str
    part: str


def candidates(location: str, columns: Columns) -> Iterator[Candidate]:
    """One candidate for each row, in order, then one for each file that no row names.

    A file is named by its path from the table's folder, or by as much of its end, with or
    without its extension, as makes it the only one.

    Raises:
        DataError: where the table can't be read, its columns can't be told, or a row means
            several files.
    """
    path = located(location)
    if not path.is_file():
        raise DataError(f"acquire.source: {location!r} is not a file; name the table itself")
    rows = _rows(path, columns)
    listed = {PurePosixPath(one.name): one for one in folder.unlabelled(str(path.parent))}
    files = {name.relative_to(path.parent.as_posix()): one for name, one in listed.items()}
    files.pop(PurePosixPath(path.name), None)
    find = _finder(list(files), path)
    used: set[PurePosixPath] = set()
    for row in rows:
        name = find(row)
        if name is None:
            yield Candidate(row.file, row.label, "", "vanished", unread, part=row.part)
            continue
        used.add(name)
        yield replace(
            files[name], name=str(name), label=row.label, part=row.part,
            stamp=_stamp(path.parent / name),
        )  # fmt: skip
    for name in files:
        if name not in used and name.suffix.lower() in formats.SUFFIXES:
            yield Candidate(str(name), "", "", "not_listed", unread)


def _stamp(path: Path) -> str:
    try:
        return folder.stamp_of(path, path.stat())
    except OSError:  # gone, or a name that is no UTF-8: it is read each time
        return ""


def _rows(path: Path, columns: Columns) -> list[_Row]:
    lines = lists.rows_of(lists.lines_of(path), path)
    _, names = next(lines, (0, []))
    if not names:
        raise DataError(f"{path}: names no image; write a row for each: file,label")
    file = _column(path, names, "acquire.file_column", columns.file, _FILE)
    label = _column(path, names, "acquire.label_column", columns.label, _LABEL)
    part = names.index(columns.part) if columns.part in names else _found(names, _PART)
    if columns.part and columns.part not in names:
        raise _no_column(path, names, "acquire.part_column", columns.part)
    rows = []
    for number, fields in lines:
        if len(fields) != len(names) or not fields[file] or not fields[label]:
            raise DataError(
                f"{path}, line {number}: {','.join(fields)[:80]!r} is not {','.join(names)}; "
                "give it as many fields"
            )
        where = f"{path}, line {number}: class"
        said = PARTS.get(fields[part].casefold(), "") if part is not None else ""
        rows.append(_Row(number, fields[file], check_label(fields[label], where), said))
    if not rows:
        raise DataError(f"{path}: names no image; write a row for each: file,label")
    return rows


def _column(path: Path, names: list[str], key: str, wanted: str, known: tuple[str, ...]) -> int:
    if wanted:
        if wanted not in names:
            raise _no_column(path, names, key, wanted)
        return names.index(wanted)
    found = _found(names, known)
    if found is None:
        raise DataError(
            f"{path}: which of its columns {', '.join(map(repr, names))} holds the "
            f"{'file' if known is _FILE else 'class'}? Name it: {key}"
        )
    return found


def _found(names: list[str], known: tuple[str, ...]) -> int | None:
    lower = [name.lower() for name in names]
    return next((lower.index(name) for name in known if name in lower), None)


def _no_column(path: Path, names: list[str], key: str, wanted: str) -> DataError:
    return DataError(
        f"{key}: {path} has no column {wanted!r}.{did_you_mean(wanted, names)} "
        f"It has {', '.join(names)}"
    )


def _finder(files: list[PurePosixPath], path: Path) -> Callable[[_Row], PurePosixPath | None]:
    """What looks up the file that a row means."""
    by_end: defaultdict[str, list[PurePosixPath]] = defaultdict(list)
    for name in files:
        if is_hidden(name):
            continue
        by_end[name.name].append(name)
        if name.suffix.lower() in formats.SUFFIXES:
            by_end[name.stem].append(name)

    def find(row: _Row) -> PurePosixPath | None:
        wanted = PurePosixPath(as_text(row.file.replace("\\", "/").encode()).removeprefix("./"))
        named = by_end.get(wanted.name, [])
        above = wanted.parts[:-1]
        fitting = [
            one for one in named if one.parts[:-1][len(one.parts) - 1 - len(above) :] == above
        ]
        exact = [one for one in fitting if one == wanted or one.with_suffix("") == wanted]
        chosen = exact or fitting
        if len(chosen) > 1:
            raise DataError(
                f"{path}, line {row.number}: {row.file!r} means {len(chosen)} files, {chosen[0]} "
                "and others: give more of the path"
            )
        return chosen[0] if chosen else None

    return find

"""What the folders of a file's name mean: wrapping, a part of a split, its class, or detail."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from swatchbook.acquisition.candidate import Candidate, check_label, is_hidden, unread
from swatchbook.base.errors import DataError
from swatchbook.images import formats
from swatchbook.project.parts import TEST, TRAIN, VALIDATION

Kind = Literal["auto", "classes", "split"]
# names that published sets have for their parts
PARTS = {
    "train": TRAIN, "training": TRAIN,
    "val": VALIDATION, "valid": VALIDATION, "validation": VALIDATION, "dev": VALIDATION,
    "test": TEST, "testing": TEST, "eval": TEST,
}  # fmt: skip
# beside their images, systems and people leave a few others: a preview, a cover
_STRAY = 0.1
_LISTED = 5


@dataclass(frozen=True)
class Layout:
    """``depth`` of the class folder; ``split``: the folder above it is a part of a split."""

    depth: int = 0
    split: bool = False

    def label(self, name: PurePosixPath) -> str:
        """The class of a file, in Unicode normal form C; empty where it stands in none.

        Raises:
            DataError: where the folder's name can't be a class name everywhere.
        """
        if self.depth < 0 or len(name.parts) < self.depth + 2:
            return ""
        return check_label(name.parts[self.depth], "class folder")

    def part(self, name: PurePosixPath) -> str:
        """``train``, ``val`` or ``test``; empty where the source has no parts."""
        # a text may stand in any folder
        return PARTS.get(name.parts[self.depth - 1].casefold(), "") if self.split else ""

    def without_files(
        self, folders: Iterable[PurePosixPath], files: Iterable[PurePosixPath]
    ) -> list[Candidate]:
        """One for each visible class folder that holds no file at any depth."""
        filled = {file.parts[: self.depth + 1] for file in files}
        own = {folder for folder in folders if len(folder.parts) == self.depth + 1}
        return [
            Candidate(f"{folder}/", self.label(folder / "any"), "", "no_files", unread)
            for folder in sorted(own)
            if folder.parts not in filled and not is_hidden(folder)
        ]


def of(names: Iterable[PurePosixPath], kind: Kind = "auto") -> Layout:
    """The layout of a source by the names of its files.

    Outer folders that hold nothing but folders are looked through. ``auto``: folders called
    train, val and test that hold the same classes are an error, for they are no classes.

    Raises:
        DataError: where they are no layout of ``kind``.
    """
    every = list(names)
    names = [name for name in every if name.suffix.lower() in formats.SUFFIXES] or every
    depth = _wrappers(names)
    inner: defaultdict[str, set[str]] = defaultdict(set)
    for name in names:
        folders = name.parts[depth:-1]
        if folders:
            inner[folders[0]].update(folders[1:2])
    parts = sorted(folder for folder in inner if folder.casefold() in PARTS)
    if kind == "split":
        if others := sorted(set(inner) - set(parts)):
            raise DataError(
                f"acquire.layout: split, but folder {others[0]!r} is no part of a split: "
                f"{', '.join(PARTS)}; move it away, or set acquire.layout: classes"
            )
        return Layout(depth + 1, split=True)
    held = [inner[part] for part in parts if inner[part]]
    if kind == "auto" and len(held) > 1 and (common := set.intersection(*held)):
        raise DataError(
            f"acquire.source: folders {', '.join(parts)} all hold {_few(sorted(common))}: a set "
            "that is split already. Set acquire.layout: split, and to keep its split also "
            "split.by: source (`swatchbook init … --keep-split` sets both); "
            "if they are classes, acquire.layout: classes"
        )
    return Layout(depth)


def _wrappers(names: Sequence[PurePosixPath]) -> int:
    """How many outer folders are just wrapping: they hold all images, in folders."""
    depth = 0
    while True:
        inside = [name for name in names if len(name.parts) > depth + 1]
        deeper = [name for name in inside if len(name.parts) > depth + 2]
        one_folder = len({name.parts[: depth + 1] for name in inside}) == 1
        if not one_folder or len(deeper) < (1 - _STRAY) * len(names):
            return depth
        # a class with stray files and one folder of images inside is a class
        if len(deeper) < len(names) and len({name.parts[depth + 1] for name in deeper}) < 2:
            return depth
        depth += 1


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:_LISTED]) + (", …" if len(names) > _LISTED else "")

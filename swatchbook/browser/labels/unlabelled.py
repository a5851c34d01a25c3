"""New images in a folder: ranked, labelled in a page, and put where the source takes them from.

What is said of them stands in the folder itself, in the form of label fixes (``.labels.csv``), so
that it outlives a restart; nothing of the project changes before they are taken in.
"""

import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from swatchbook.acquisition.candidate import check_label
from swatchbook.acquisition.kinds import folder as folders
from swatchbook.acquisition.parameters import Acquire
from swatchbook.base import files, text
from swatchbook.base.errors import BusyError, DataError, ImageRefused
from swatchbook.browser.listing import DIGITS
from swatchbook.curation import acts_file, annotations
from swatchbook.images import formats, store
from swatchbook.project import params, paths, tables
from swatchbook.review import selection

if TYPE_CHECKING:
    from swatchbook.prediction.new_images import NewImages

LABELS = ".labels.csv"
_TAKEN = "taken in"
_TOP = 3


@dataclass(frozen=True)
class _Looked:
    """What was found, of which state of the folder and the models; or ``why_not``."""

    stamp: object
    images: "NewImages | None"
    why_not: str = ""


@dataclass(frozen=True)
class Taken:
    """How many images of each class were copied, and by name why others were not."""

    counts: dict[str, int]
    passed_over: dict[str, str]


class Unlabelled:
    """The images of one folder; for several threads. ``annotator`` is who labels."""

    def __init__(self, folder: str, annotator: str) -> None:
        self.folder = folder
        self._labels = Path(folder).expanduser() / LABELS
        self._annotator = annotator
        self._lock = threading.Lock()
        self._looked: _Looked | None = None
        self._looking: threading.Thread | None = None

    def state(self, criterion: str, count: int) -> dict[str, Any]:
        """Up to ``count`` images, most worth a label first; or that it is still looking.

        What was taken in is no longer among them.
        """
        looked = self._newest()
        if looked is None:
            return {"state": "looking"}
        if looked.images is None:
            return {"state": "none", "why": looked.why_not}
        found, said = looked.images, self._said()
        taken = set(said.loc[said["note"] == _TAKEN].index)
        rows = np.flatnonzero([sha256 not in taken for sha256 in found.sha256])
        vectors, chances = found.vectors[rows], found.probabilities[rows]
        # of all criteria one asks how far what is labelled is away; the features may be gigabytes
        known = tables.read_features().vectors if criterion == "diversity" else vectors[:0]
        chosen, scores = selection.select(criterion, chances, vectors, known, count, seed=0)
        return {
            "state": "done",
            "total": len(rows),
            "taken": len(taken),
            "labelled": int((said["label"].ne("") & said["note"].ne(_TAKEN)).sum()),
            "left_out": found.left_out,
            "images": [
                _image(found, int(rows[place]), float(score), said)
                for place, score in zip(chosen, scores, strict=True)
            ],
        }

    def file(self, digits: str) -> tuple[str, str]:
        """Digest and path of one of them. Raises DataError."""
        for sha256, path in self._files().items():
            if sha256.startswith(digits):
                return sha256, str(path)
        raise DataError(f"no new image {digits[:12]} is here any more: load it again")

    def say(self, labels: dict[str, str]) -> None:
        """Say of images (by the beginning of their digest) what they are; ``annotations.EXCLUDE``:
        nothing for this project; empty: nothing is said any more.

        Raises:
            DataError: an image that is not here, or no name for a class.
        """
        whole = {self.file(digits)[0]: label for digits, label in labels.items()}
        for label in set(labels.values()) - {""}:
            check_label(label, "class")
        self._write(whole, "")

    def take_in(self) -> Taken:
        """Copy what is labelled into the class folders of the source.

        ``make update`` reads what was copied. What can't be copied is passed over by name: it has
        vanished or changed, or is no longer a new image.

        Raises:
            DataError: the source is no folder, can't be written to, or a label is no class name.
            BusyError: the folder is being looked at just now.
        """
        settings = params.load(Acquire)
        kind, _, location = settings.source.partition(":")
        if kind != "folder":
            raise DataError(
                f"acquire.source: {settings.source} is no folder that images can be put into; set "
                f"it to folder:PATH first (the labels stay in {self._labels})"
            )
        if self._looked is None or self._looked.stamp != self._stamp():
            raise BusyError(f"{self.folder} is being looked at: wait a moment, and try it again")
        base, there = folders.class_folders(location, settings.layout)
        said = self._said()
        wanted = said[
            said["label"].ne("") & said["label"].ne(annotations.EXCLUDE) & said["note"].ne(_TAKEN)
        ]
        # the file came with the folder, and may be anybody's: a label is a name, never a path
        for label in set(wanted["label"]):
            check_label(label, f"{self._labels}: class")
        here, taken, done = self._files(), Taken({}, {}), dict[str, str]()
        try:
            for sha256, label in wanted["label"].items():
                path = here.get(str(sha256))
                try:
                    if path is None:
                        raise ImageRefused("vanished")
                    data = store.content(str(sha256), path)
                except ImageRefused as refused:
                    taken.passed_over[str(path or sha256)] = refused.reason
                    continue
                place = there.get(label, base / label)
                name = f"{path.stem[:40]}-{str(sha256)[:12]}.{formats.extension_of(data)}"
                files.write_bytes(place / name, data)
                done[str(sha256)] = label
                taken.counts[label] = taken.counts.get(label, 0) + 1
        except OSError as error:
            raise DataError(f"{error.filename}: {error.strerror}; let this user write it") from None
        finally:
            # whatever comes: what was copied is known to be
            if done:
                self._write(done, _TAKEN)
        return taken

    def _write(self, labels: dict[str, str], note: str) -> None:
        try:
            with acts_file.locked(self._labels):
                acts_file.append(self._labels, labels, note, self._annotator)
        except OSError as error:
            raise DataError(f"{self.folder}: {error.strerror}; let this user write it") from None

    def _files(self) -> dict[str, Path]:
        found = self._looked.images if self._looked else None
        return dict(zip(found.sha256, found.paths, strict=True)) if found else {}

    def _said(self) -> pd.DataFrame:
        """The last act on each image, by its digest."""
        acts = acts_file.read(self._labels).sort_values("time", kind="stable")
        return acts.drop_duplicates("sha256", keep="last").set_index("sha256")

    def _newest(self) -> _Looked | None:
        """What was found last; while a newer look is at work the one before, where it has any."""
        stamp = self._stamp()
        with self._lock:
            if self._looked and self._looked.stamp == stamp:
                return self._looked
            if self._looking is None or not self._looking.is_alive():
                self._looking = threading.Thread(target=self._look, args=[stamp], daemon=True)
                self._looking.start()
            return self._looked if self._looked and self._looked.images else None

    def _look(self, stamp: object) -> None:
        # not at the top: it brings the engines along
        from swatchbook.prediction import new_images

        try:
            looked = _Looked(stamp, new_images.of_folder(self.folder))
        except Exception as error:  # of engines and of disks, too: said, and not tried for ever
            looked = _Looked(stamp, None, str(error) or type(error).__name__)
        with self._lock:
            self._looked = looked

    def _stamp(self) -> object:
        found = []
        for path in (tables.MANIFEST.path, paths.CLASSIFIER):
            try:
                state = path.stat()
                found.append((state.st_ino, state.st_size, state.st_mtime_ns))
            except OSError:
                found.append((0, 0, 0))
        # not the folder's own time: labels are written into it
        return found, sorted(_visible(Path(self.folder).expanduser()))


def _visible(folder: Path) -> list[str]:
    """The names of all files at any depth that no dot hides."""
    return [
        f"{here}/{name}"
        for here, _, names in os.walk(folder)
        for name in names
        if not name.startswith(".")
    ]


def _image(found: "NewImages", row: int, score: float, said: pd.DataFrame) -> dict[str, Any]:
    sha256 = found.sha256[row]
    order = np.argsort(-found.probabilities[row], kind="stable")[:_TOP]
    return {
        "sha256": sha256[:DIGITS],
        "name": text.as_text(os.fsencode(found.paths[row].name)),
        "score": round(score, 4),
        "top": [(found.classes[n], round(float(found.probabilities[row, n]), 4)) for n in order],
        "said": str(said["label"].get(sha256, "")),
    }

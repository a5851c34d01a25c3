"""What people say of labels: read, written at once, undone and done again; each is a row in git.

Rows that were written together have one time and one annotator: they are one *action*. Undoing one
appends rows that bring back what was said before it, so that it outlives a restart and shows in
the diff; its note says which action it undid.
"""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd

from swatchbook.acquisition.candidate import check_alike, check_label
from swatchbook.base.errors import DataError, SwatchbookError
from swatchbook.browser.data.columns import Columns
from swatchbook.browser.data.query import EXCLUDED, NO_ACT
from swatchbook.curation import acts_file, annotations

_UNDO, _REDO = "undo ", "redo "
_UNREAD = object()


@dataclass(frozen=True)
class Act:
    """What was said of one image: its ``label`` (``exclude``: leave it out; empty: nothing).

    ``row`` is −1 of an image that is no longer in the source.
    """

    row: int
    sha256: str
    label: str
    note: str
    annotator: str
    time: str


class Conflict(SwatchbookError):
    """Others have said something of images meanwhile: ``acts`` has the last of each."""

    def __init__(self, acts: list[Act]) -> None:
        first = acts[0]
        more = f" and {len(acts) - 1} more" if len(acts) > 1 else ""
        super().__init__(
            f"{first.annotator or 'somebody'} has said something of {first.sha256[:12]}{more} "
            "meanwhile; look at it again"
        )
        self.acts = acts


@dataclass
class Action:
    """Acts that were written together: of one time and one annotator."""

    time: str
    note: str
    acts: list[Act] = field(default_factory=list)


class Acts:
    """The acts on the images of one state of the tables; for several threads.

    ``codes (n,) int32`` is of each image the code of the class that the last act gave it, NO_ACT
    or EXCLUDED; ``classes`` are those of the tables and those that people made.
    """

    def __init__(self, data_set: str, columns: Columns, annotator: str) -> None:
        self._data_set = data_set
        self._columns = columns
        self._annotator = annotator
        self._path = annotations.path_of(data_set)
        self._lock = threading.RLock()
        self._stamp: object = _UNREAD
        self._by_image: dict[str, list[Act]] = {}
        self._done: list[Action] = []
        self._undone: list[Action] = []
        self.latest = ""
        self.classes = list(columns.classes)
        self.codes = np.zeros(0, np.int32)
        self.refresh()

    def refresh(self) -> None:
        """Read what others have written, if they have. Raises DataError."""
        with self._lock:
            stamp = _stamp(self._path)
            if stamp == self._stamp:
                return
            self._read()
            self._stamp = stamp

    def of(self, sha256: str) -> list[Act]:
        """All acts on an image, the last one last."""
        with self._lock:
            return list(self._by_image.get(sha256, ()))

    def do(
        self,
        labels: Mapping[int, str],
        note: str,
        seen: Mapping[int, str] | None = None,
        until: str | None = None,
    ) -> str:
        """Say of rows their label (``annotations.EXCLUDE``, or nothing); return the action's time.

        Of an image whose last act the page has not ``seen`` (by row its time, empty for none), or
        which is later than ``until``, nothing is written.

        Raises:
            Conflict: there are such images; then nothing at all is written.
            DataError: a class that is not known.
        """
        known = {*self.classes, annotations.EXCLUDE, ""}
        for label in set(labels.values()) - known:
            raise DataError(f"class {label!r} is not known; make it first")
        with self._lock, acts_file.locked(self._path):
            self.refresh()
            self._check_seen(labels, seen, until)
            return self._write(labels, note)

    def add_class(self, name: str) -> str:
        """Make a class that no image has yet; return its name in the form that is written.

        Raises:
            DataError: not a name for a class, or one that differs from another in case only.
        """
        label = check_label(name.strip(), "class")
        if label == annotations.EXCLUDE:
            raise DataError(
                f"class {label!r}: acts that leave images out are called so; name it otherwise"
            )
        with self._lock:
            self.refresh()
            check_alike({*self.classes, label})
            if label not in self.classes:
                annotations.add_class(self._data_set, label)
                self._stamp = _UNREAD
                self.refresh()
        return label

    def undo(self) -> Action:
        """Take back the last action of this annotator that is not undone; return it.

        Raises:
            Conflict: somebody has since said something else of its images.
            DataError: there is none.
        """
        with self._lock, acts_file.locked(self._path):
            self.refresh()
            if not self._done:
                raise DataError("nothing to undo: every act of yours is taken back; see /changes")
            action = self._done[-1]
            self._check_last(action)
            here = [act for act in action.acts if act.row >= 0]
            before = {act.row: self._before(act.sha256, action.time) for act in here}
            self._write(before, f"{_UNDO}{action.time}")
            return action

    def redo(self) -> Action:
        """Do again what was undone last; return it. Raises as ``undo``."""
        with self._lock, acts_file.locked(self._path):
            self.refresh()
            if not self._undone:
                raise DataError("nothing to do again: nothing was undone; see /changes")
            action = self._undone[-1]
            self._check_last(action)
            labels = {act.row: act.label for act in action.acts if act.row >= 0}
            self._write(labels, f"{_REDO}{action.time}")
            return action

    @property
    def can(self) -> dict[str, str]:
        """What undo and redo would do, in a word or two; empty: nothing."""
        with self._lock:
            last = {"undo": self._done[-1:], "redo": self._undone[-1:]}
            return {name: _said(some[0]) if some else "" for name, some in last.items()}

    def _check_seen(
        self, labels: Mapping[int, str], seen: Mapping[int, str] | None, until: str | None
    ) -> None:
        late = []
        for row in labels:
            last = self._last(self._digest(row))
            if last is None:
                continue
            if seen is not None and row in seen:
                is_late = last.time != seen[row]
            else:
                is_late = until is not None and last.time > until
            if is_late:
                late.append(last)
        if late:
            raise Conflict(late)

    def _check_last(self, action: Action) -> None:
        """What was said last of its images is of this annotator, whose stack this is."""
        last = [self._last(act.sha256) for act in action.acts]
        late = [act for act in last if act and act.annotator != self._annotator]
        if late:
            raise Conflict(late)

    def _before(self, sha256: str, time: str) -> str:
        earlier = [act.label for act in self._by_image[sha256] if act.time < time]
        return earlier[-1] if earlier else ""

    def _last(self, sha256: str) -> Act | None:
        acts = self._by_image.get(sha256)
        return acts[-1] if acts else None

    def _digest(self, row: int) -> str:
        return str(self._columns.sha256[row].decode())

    def _write(self, labels: Mapping[int, str], note: str) -> str:
        came = self._columns.came
        by_file = {came[row].decode(): label for row, label in labels.items()}
        time = acts_file.append(self._path, by_file, note, self._annotator, self.latest)
        action = Action(time, note)
        for row, label in labels.items():
            sha256 = self._digest(row)
            action.acts.append(Act(row, sha256, label, note, self._annotator, time))
        self._take(action, self._annotator, self.codes)
        # what stands there now is what is known here
        self._stamp = _stamp(self._path)
        return time

    def _read(self) -> None:
        frame = annotations.read(self._data_set)
        new = annotations.new_classes(self._data_set)
        self.classes = list(dict.fromkeys([*self._columns.classes, *new]))
        # others look at the old ones until these are whole
        codes = np.full(len(self._columns), NO_ACT, np.int32)
        self._by_image, self._done, self._undone, self.latest = {}, [], [], ""
        timed = frame["time"] != ""
        # in the order in which they count: see annotations.latest
        ordered = frame[timed].sort_values(["time", "annotator", "label", "note"], kind="stable")
        for _, some in groupby(
            _acts(pd.concat([frame[~timed], ordered]), self._columns),
            key=lambda act: (act.time, act.annotator, act.note),
        ):
            acts = list(some)
            self._take(Action(acts[0].time, acts[0].note, acts), acts[0].annotator, codes)
        self.codes = codes

    def _take(self, action: Action, annotator: str, codes: np.ndarray) -> None:
        for act in action.acts:
            self._by_image.setdefault(act.sha256, []).append(act)
            if act.row >= 0:
                codes[act.row] = self._code(act.label)
        self.latest = max(self.latest, action.time)
        if annotator != self._annotator or not action.time:
            return
        of = action.note[len(_UNDO) :]
        if action.note.startswith(_UNDO) and self._done and self._done[-1].time == of:
            self._undone.append(self._done.pop())
        elif action.note.startswith(_REDO) and self._undone and self._undone[-1].time == of:
            self._done.append(self._undone.pop())
        else:
            self._done.append(action)
            self._undone.clear()

    def _code(self, label: str) -> int:
        if label == annotations.EXCLUDE:
            return EXCLUDED
        return self.classes.index(label) if label in self.classes else NO_ACT


def _acts(frame: pd.DataFrame, columns: Columns) -> Iterator[Act]:
    """The rows of a file of acts, with the digests of stored images."""
    if frame.empty:
        return
    files = frame["sha256"].to_numpy(str)
    rows = columns.rows_of_files(files)
    images = files.copy()
    images[rows >= 0] = columns.sha256[rows[rows >= 0]].astype(str)
    fields = (frame[name] for name in ("label", "note", "annotator", "time"))
    for row, sha256, *values in zip(rows.tolist(), images.tolist(), *fields, strict=True):
        yield Act(row, sha256, *values)


def _said(action: Action) -> str:
    count = len(action.acts)
    images = f"{count} image{'s' * (count != 1)}"
    labels = {act.label for act in action.acts}
    (label,) = labels if len(labels) == 1 else ("several classes",)
    what = {annotations.EXCLUDE: "left out", "": "taken back"}.get(label, f"→ {label}")
    return f"{images} {what}"


def _stamp(path: Path) -> object:
    try:
        state = path.stat()
    except FileNotFoundError:
        return None
    return state.st_ino, state.st_size, state.st_mtime_ns

"""What is on the desk: states of the tables, and the acts on their images, for all requests."""

import threading
from dataclasses import dataclass

from swatchbook.base.errors import DataError, SwatchbookError
from swatchbook.browser.data import columns
from swatchbook.browser.data.columns import Columns
from swatchbook.browser.data.groups import Groups
from swatchbook.browser.data.layout import Layout
from swatchbook.browser.data.query import Selections
from swatchbook.browser.data.similar import Similar
from swatchbook.browser.labels.acts import Acts
from swatchbook.project import params
from swatchbook.project.shared_keys import DataSet, DeepLevels

_KEPT = 3


@dataclass(frozen=True)
class View:
    """One state of the tables, and what people say of its images."""

    columns: Columns
    selections: Selections
    similar: Similar
    layout: Layout
    groups: Groups
    acts: Acts


class Gone(SwatchbookError):
    """A state of the tables that is no longer on the desk."""


class Desk:
    """The newest state, and a few before it: nothing is swapped under somebody's hands."""

    def __init__(self, annotator: str) -> None:
        self._annotator = annotator
        self._lock = threading.Lock()
        self._views: dict[str, View] = {}
        self._stamp: object = None
        self._newest = ""
        self.why_not = ""

    def newest(self) -> View | None:
        """The state of the tables now; where there is none ``why_not`` says why.

        While a run writes them, the last one that was whole.
        """
        with self._lock:
            stamp = columns.stamp()
            if stamp != self._stamp:
                self._load()
                self._stamp = stamp
            view = self._views.get(self._newest)
        if view:
            view.acts.refresh()
        return view

    def view(self, snapshot: str) -> View:
        """That state; without a name the newest.

        Raises:
            Gone: it was put away.
            DataError: there is none.
        """
        if snapshot in self._views:
            found = self._views[snapshot]
            found.acts.refresh()
            return found
        if snapshot:
            raise Gone("the results are newer than this page: load it again")
        newest = self.newest()
        if newest is None:
            raise DataError(self.why_not)
        return newest

    def known(self) -> View:
        """The newest state that was read already; pictures don't wait for one that is being read.

        Raises:
            DataError: there is none.
        """
        found = self._views.get(self._newest)
        return found or self.view("")

    @staticmethod
    def levels() -> tuple[float, float] | None:
        """Of images of more than 8 bits, as params.yaml says."""
        return params.load(DeepLevels).pair

    def _load(self) -> None:
        try:
            found = columns.load()
        except DataError as error:
            # a run that is at work has taken a table away; the state before it is still right
            self.why_not = str(error)
            return
        self.why_not = ""
        self._newest = found.snapshot
        if found.snapshot not in self._views:
            acts = Acts(params.load(DataSet).data_set, found, self._annotator)
            layout = Layout(found)
            self._views[found.snapshot] = View(
                found, Selections(found, layout), Similar(found), layout, Groups(found), acts
            )
        for old in list(self._views)[:-_KEPT]:
            del self._views[old]

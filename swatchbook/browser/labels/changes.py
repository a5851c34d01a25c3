"""Acts that are not in a commit yet, as git shows them."""

import subprocess
from dataclasses import dataclass

import numpy as np

from swatchbook.browser.data.query import Query
from swatchbook.browser.desk import View
from swatchbook.curation import annotations
from swatchbook.project import params
from swatchbook.project.shared_keys import DataSet

_MOST_LINES = 2000


@dataclass(frozen=True)
class Changes:
    """The lines of the diff of ``path``, how many ``more`` there are, and how many images have a
    label that the next run changes."""

    path: str
    diff: list[str]
    more: int
    pending: int


def of(view: View) -> Changes:
    """Those of the project in the working folder."""
    path = annotations.path_of(params.load(DataSet).data_set)
    command = ["git", "--no-optional-locks", "diff", "--no-color", "--no-ext-diff", "HEAD", "--"]
    done = subprocess.run([*command, str(path)], capture_output=True, check=False)
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    if not lines and path.is_file() and not _is_known(str(path)):
        lines = [f"+{line}" for line in path.read_text(encoding="utf-8").splitlines()]
    pending = view.selections.rows(Query({"act": ("pending",)}), view.acts.codes)
    more = max(0, len(lines) - _MOST_LINES)
    return Changes(path.as_posix(), lines[:_MOST_LINES], more, int(np.size(pending)))


def _is_known(path: str) -> bool:
    command = ["git", "ls-files", "--error-unmatch", "--", path]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0

"""What git keeps of runs: commits, the experiments that DVC made from them, and their small files.

Read by git itself: DVC's own collection of the same takes seconds, and leaves out what it does
not count as a metric.
"""

import re
import subprocess
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from swatchbook.base.errors import DataError

# the run that is in no commit yet
WORKSPACE = "workspace"
# https://dvc.org/doc/user-guide/experiment-management: refs/exps/<baseline>/<name>
_EXPERIMENT = re.compile(r"refs/exps/([0-9a-f]{2})/([0-9a-f]{38})/(.+)")


@dataclass(frozen=True)
class Kept:
    """A commit: of a branch, or of an experiment. ``name`` is a branch, tag or experiment."""

    revision: str
    time: datetime
    name: str = ""


def commits(count: int) -> list[Kept]:
    """The last ``count`` commits along first parents, newest first; 0: all.

    Raises:
        DataError: outside a git repository, or where nothing is committed.
    """
    most = ["-n", str(count)] if count else []
    lines = _git("log", "--first-parent", "--format=%H%x00%cI%x00%D", *most).splitlines()
    found = []
    for line in lines:
        revision, time, names = line.split("\0")
        found.append(Kept(revision, datetime.fromisoformat(time), _name(names)))
    return found


def experiments() -> dict[str, list[Kept]]:
    """DVC's experiments by the commit that each began from, newest first."""
    form = "%(refname)%00%(objectname)%00%(committerdate:iso-strict)"
    lines = _git("for-each-ref", "--sort=-committerdate", f"--format={form}", "refs/exps")
    found: dict[str, list[Kept]] = {}
    for line in lines.splitlines():
        ref, revision, time = line.split("\0")
        if parts := _EXPERIMENT.fullmatch(ref):
            kept = Kept(revision, datetime.fromisoformat(time), parts[3])
            found.setdefault(parts[1] + parts[2], []).append(kept)
    return found


def resolved(name: str) -> str:
    """The commit that git knows by ``name``; empty where it knows none."""
    if name.startswith("-"):
        return ""
    command = ["git", "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def branches_and_tags() -> list[str]:
    """The names of branches of this clone, then tags."""
    form = "--format=%(refname:short)"
    return _git("for-each-ref", form, "refs/heads", "refs/tags").splitlines()


def is_shallow() -> bool:
    """Whether this clone has a part of the history only."""
    return _git("rev-parse", "--is-shallow-repository").strip() == "true"


def contents(revisions: Collection[str], paths: Collection[str]) -> dict[tuple[str, str], bytes]:
    """Files of commits by revision and path (from the current folder); those that are there."""
    asked = [(revision, path) for revision in revisions for path in paths]
    # ./ is the current folder, which may be a part of the repository
    lines = "".join(f"{revision}:./{path}\n" for revision, path in asked)
    done = subprocess.run(
        ["git", "cat-file", "--batch"], input=lines.encode(), capture_output=True, check=False
    )
    found: dict[tuple[str, str], bytes] = {}
    rest = done.stdout
    for key in asked:
        head, _, rest = rest.partition(b"\n")
        if head.endswith(b" missing") or not head:
            continue
        size = int(head.rsplit(b" ", 1)[1])
        found[key], rest = rest[:size], rest[size + 1 :]
    return found


def _name(decorations: str) -> str:
    names = [name.strip() for name in decorations.split(",") if name.strip()]
    for prefix in ("HEAD -> ", "tag: "):
        for name in names:
            if name.startswith(prefix):
                return name.removeprefix(prefix)
    return next((name for name in names if "/" not in name and name != "HEAD"), "")


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    except OSError as error:
        raise DataError(f"git can't be run: {error}; install it") from None
    if done.returncode:
        raise DataError(
            f"no history of runs here: {done.stderr.strip().splitlines()[0]} (`git init`?)"
        )
    return done.stdout

"""Commits, experiments and their files, as git itself keeps them."""

import subprocess
from pathlib import Path

import pytest

from swatchbook.base.errors import DataError
from swatchbook.experiments.history import git_history


def git(*arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    command = ["git", *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def revisions(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two commits of a project in a sub-folder of a repository, newest first."""
    git("init", "-q", "-b", "main")
    Path("deep/project").mkdir(parents=True)
    monkeypatch.chdir("deep/project")
    found = []
    for text in ("first", "second"):
        Path("a.txt").write_text(text)
        git("add", "-A")
        git("commit", "-qm", text)
        found.insert(0, git("rev-parse", "HEAD"))
    git("tag", "v1", found[1])
    return found


def test_commits_are_newest_first_with_the_name_of_their_branch_or_tag(
    revisions: list[str],
) -> None:
    found = git_history.commits(0)
    assert [one.revision for one in found] == revisions
    assert [one.name for one in found] == ["main", "v1"]
    assert found[0].time >= found[1].time
    assert [one.revision for one in git_history.commits(1)] == revisions[:1]


def test_experiments_stand_under_the_commit_that_they_began_from(revisions: list[str]) -> None:
    base = revisions[1]
    git("update-ref", f"refs/exps/{base[:2]}/{base[2:]}/nasty-tune", revisions[0])
    # what DVC keeps there beside them: queued and failed ones
    git("update-ref", "refs/exps/celery/stash", revisions[0])
    found = git_history.experiments()
    assert list(found) == [base]
    assert [(one.name, one.revision) for one in found[base]] == [("nasty-tune", revisions[0])]


def test_files_are_read_by_their_path_from_the_project(revisions: list[str]) -> None:
    Path("a.txt").write_text("of the workspace")
    found = git_history.contents(revisions, ["a.txt", "b.txt"])
    assert found == {(revisions[0], "a.txt"): b"second", (revisions[1], "a.txt"): b"first"}


def test_files_of_any_content_are_told_apart(revisions: list[str]) -> None:
    contents = {"empty": b"", "lines": b"\n\n", "like": b"x missing\n", "binary": bytes(range(256))}
    for name, content in contents.items():
        Path(name).write_bytes(content)
    git("add", "-A")
    git("commit", "-qm", "odd")
    head = git("rev-parse", "HEAD")
    found = git_history.contents([head], [*contents, "nothing"])
    assert {path: content for (_, path), content in found.items()} == contents


def test_outside_a_repository_it_is_one_line(own_folder: Path) -> None:
    with pytest.raises(DataError, match="no history of runs here: fatal: not a git repository"):
        git_history.commits(3)

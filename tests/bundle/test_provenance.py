"""What a model was made of."""

import subprocess
from pathlib import Path

from swatchbook.bundle import provenance


def git(*arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    done = subprocess.run(
        ["git", *identity, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_the_commit_of_the_code_is_not_that_of_results() -> None:
    assert provenance.code() == ""  # no repository
    git("init", "-q")
    assert provenance.code() == ""  # no commit
    Path("stages").mkdir()
    Path("stages/split.py").write_text("1")
    git("add", "-A")
    git("commit", "-qm", "code")
    first = git("rev-parse", "HEAD")
    Path("dvc.lock").write_text("results")
    git("add", "-A")
    git("commit", "-qm", "results")
    assert provenance.code() == first
    Path("stages/split.py").write_text("2")
    assert provenance.code() == f"{first}+"


def test_parameters_are_known_by_their_values() -> None:
    params = {"split": {"seed": 0, "folds": 4}, "acquire": {"source": "folder:a"}}
    digest = provenance.parameters(params, ["split"])
    # neither the order nor what other stages are given counts
    alike = {"acquire": {"source": "folder:b"}, "split": {"folds": 4, "seed": 0}}
    assert provenance.parameters(alike, ["split"]) == digest
    assert provenance.parameters({"split": {"seed": 1, "folds": 4}}, ["split"]) != digest
    assert provenance.parameters({}, ["split"]) == provenance.parameters({"split": {}}, ["split"])

"""What a model was made of."""

import subprocess
from pathlib import Path

from swatchbook import provenance
from swatchbook.params_schema import Params


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
    params = Params()
    digest = provenance.parameters(params, ["split"])
    assert digest == provenance.parameters(Params.model_validate({"split": {"seed": 0}}), ["split"])
    other = Params.model_validate({"split": {"seed": 1}})
    assert digest != provenance.parameters(other, ["split"])
    assert provenance.parameters(other, ["dedupe"]) == provenance.parameters(params, ["dedupe"])


def test_versions_name_what_shapes_a_result() -> None:
    assert {"python", "onnxruntime", "pillow", "torch"} <= set(provenance.versions())

"""The split stage: a given test part, and folders that stay together."""

import pandas as pd
import pytest
from support.project import Project

pytestmark = pytest.mark.pipeline


def test_a_given_list_is_the_test_part(project: Project) -> None:
    project.set("split.by", "list")
    names = [f"{label}\t{label}_{n:03}.png" for label in ("red", "green", "blue") for n in (7, 8)]
    (project.folder / "annotations" / "tiny.test.tsv").write_text("\n".join(names))
    project.run("python", "-m", "stages.split")
    split = pd.read_csv(project.folder / "data/split.csv")
    chosen = split.loc[split["subset"] == "test", "source"]
    assert sorted(chosen) == sorted(
        f"{name.split(chr(9))[0]}/{name.split(chr(9))[1]}" for name in names
    )


def test_one_folder_a_class_is_too_few_groups_and_says_so(project: Project) -> None:
    before = project.bytes("data/split.csv")
    project.set("split.by", "folder")
    done = project.run("python", "-m", "stages.split", ok=False)
    assert done.returncode == 2
    assert "3 classes are too small" in done.stderr
    assert project.bytes("data/split.csv") == before

"""The dedupe stage: label fixes are versioned changes that reach the split."""

import pandas as pd
import pytest
from support.project import Project

pytestmark = pytest.mark.pipeline


def test_a_label_fix_is_applied_and_costs_no_forward_pass(project: Project) -> None:
    curated = pd.read_csv(project.folder / "data/curated.csv")
    single = curated.drop_duplicates("sha256", keep=False)
    kept = single[single["kept"] & (single["label"] == "red")]["sha256"].tolist()
    fixes = project.folder / "annotations" / "tiny.csv"
    fixes.write_text(
        f"sha256,label,note,annotator,time\n{kept[0]},green,,me,1\n{kept[1]},exclude,,me,2\n"
    )
    output = project.run("dvc", "repro").stdout
    assert "1 excluded" in output
    assert "51 from the cache, 0 computed" in output
    split = pd.read_csv(project.folder / "data/split.csv").set_index("sha256")
    assert split.loc[kept[0], "label"] == "green"
    assert kept[1] not in split.index


def test_a_class_that_is_gone_is_a_warning_and_changes_nothing(project: Project) -> None:  # D5
    before = project.bytes("data/curated.csv")
    image = next(path.stem for path in (project.folder / "data/images").rglob("*.png"))
    fixes = project.folder / "annotations" / "tiny.csv"
    fixes.write_text(f"sha256,label\n{image},gren\n")
    done = project.run("python", "-m", "stages.dedupe")
    assert done.stderr.startswith(
        "warning: annotations/tiny.csv, line 2: class 'gren' is not there"
    )
    assert done.stderr.count("\n") == 1
    assert project.bytes("data/curated.csv") == before

"""The dedupe stage: label fixes are versioned changes that reach the split."""

import pandas as pd
import pytest
from conftest import Project

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


def test_an_unknown_class_is_one_line_and_leaves_the_table_alone(project: Project) -> None:
    before = project.bytes("data/curated.csv")
    fixes = project.folder / "annotations" / "tiny.csv"
    fixes.write_text("sha256,label\n" + "0" * 64 + ",gren\n")
    done = project.run("python", "-m", "stages.dedupe", ok=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: annotations/tiny.csv, line 2: class 'gren' is not known")
    assert done.stderr.count("\n") == 1
    assert project.bytes("data/curated.csv") == before

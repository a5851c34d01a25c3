"""The featurize stage: an image that went bad since acquire."""

import shutil
from pathlib import Path

import pytest
from support.project import Project

pytestmark = pytest.mark.pipeline


def test_an_image_that_went_bad_is_listed_and_not_fatal(project: Project) -> None:
    split = (project.folder / "data/split.csv").read_text().splitlines()
    victim = project.folder / split[5].split(",")[1]
    victim.chmod(0o644)
    victim.write_bytes(b"rotten")
    cache = Path(project.environment["SWATCHBOOK_CACHE"])
    shutil.rmtree(cache / "features")
    output = project.run("python", "-m", "stages.featurize").stdout
    assert "51 computed" in output
    assert "1 unreadable" in output
    assert "changed" in (project.folder / "data/unreadable.csv").read_text()
    project.run("python", "-m", "stages.train_classifier")
    project.run("python", "-m", "stages.evaluate")

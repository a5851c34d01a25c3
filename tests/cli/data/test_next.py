"""``swatchbook next``: new images ranked, and what was left out said."""

from pathlib import Path

import pytest
from support.pictures import new_images
from support.project import Project

pytestmark = pytest.mark.pipeline


def test_next_ranks_new_images_and_says_what_it_left_out(finished: Project, tmp_path: Path) -> None:
    known = next((finished.folder / "data" / "images").rglob("*.png"))
    folder = new_images(tmp_path / "new", 4, known)
    for criterion in ("diversity", "margin"):
        command = ("python", "-m", "swatchbook", "next", "--from", str(folder), "--n", "3")
        done = finished.run(*command, "--by", criterion)
        rows = [line.split("\t") for line in done.stdout.splitlines()]
        assert rows[0] == ["path", "predicted", "confidence", criterion]
        assert len({row[0] for row in rows[1:]}) == 3
        assert {Path(row[0]).name for row in rows[1:]} <= {f"{n}.png" for n in range(4)}
        assert "bad.png: not_image" in done.stderr
        assert "3 of 4 new images by" in done.stderr


def test_a_folder_without_new_images_is_an_error(finished: Project, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = finished.run(
        "python", "-m", "swatchbook", "next", "--from", str(tmp_path / "empty"), ok=False
    )
    assert done.returncode == 2
    assert "no new image in" in done.stderr

"""``swatchbook predict`` as people use it: on a terminal, in a pipe, killed, misused."""

import csv
import json
import os
import pty
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from support.pictures import encoded, texture
from support.project import Project

from swatchbook.base.errors import DataError
from swatchbook.cli import swatchbook
from swatchbook.prediction import prediction_files

PREDICT = ("python", "-m", "swatchbook", "predict")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(5):
        (folder / f"{number}.png").write_bytes(encoded(texture(500 + number, number)))
    (folder / "bad.jpg").write_bytes(b"junk")
    return folder


def test_in_a_pipe_it_is_csv_and_the_summary_is_apart(finished: Project, photos: Path) -> None:
    done = finished.run(*PREDICT, str(photos), "--top-k", "2", "--evidence", "1")
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert [row["status"] for row in rows] == ["ok"] * 5 + ["refused"]
    assert rows[5]["reason"] == "not_image"
    assert rows[0]["label_1"] == rows[0]["predicted"] in ("red", "green", "blue")
    assert float(rows[0]["p_1"]) >= float(rows[0]["p_2"])
    assert rows[0]["neighbours"].count(":") == 2
    assert done.stderr == "predict: 6 images: 5 answered, 1 refused\n"


def test_on_a_terminal_it_is_a_table(finished: Project, photos: Path) -> None:
    (photos / "0.png").rename(photos / "\x1b[31mred.png")
    leader, follower = pty.openpty()
    subprocess.run(
        [*PREDICT, str(photos), "--threshold", "1"], cwd=finished.folder, check=True,
        env=finished.environment, stdout=follower, stderr=follower, timeout=60,
    )  # fmt: skip
    said = os.read(leader, 65536).decode().replace("\r\n", "\n")
    os.close(leader)
    os.close(follower)
    assert "not sure" in said
    assert "not_image" in said
    assert "\x1b[31m" not in said
    assert "\\x1b[31mred.png" in said
    assert said.endswith("predict: 6 images: 0 answered, 5 not sure, 1 refused\n")


def test_an_error_rate_becomes_a_threshold(finished: Project, photos: Path) -> None:
    done = finished.run(*PREDICT, str(photos), "--max-error", "0.7", "--format", "json")
    assert len(json.loads(done.stdout)) == 6
    assert "predict: not sure below 0.000: of images like the training set's, 100%" in done.stderr
    done = finished.run(*PREDICT, str(photos), "--max-error", "0.001", ok=False)
    assert done.returncode == 2
    assert "--max-error: 0.001 can't be had with 95 % confidence; the least is" in done.stderr


def test_a_killed_run_goes_on(finished: Project, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(600):
        (folder / f"{number:03}.png").write_bytes(encoded(texture(number, number, 200)))
    out = tmp_path / "out.csv"
    partial = out.with_name("out.csv.partial")
    command = [*PREDICT, str(folder), "--out", str(out)]
    run = subprocess.Popen(
        command, cwd=finished.folder, env=finished.environment, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    while run.poll() is None and not (partial.is_file() and partial.stat().st_size > 30_000):
        time.sleep(0.01)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    assert not out.exists()
    known = len(partial.read_bytes().splitlines()) - 1
    assert 0 < known < 600
    done = finished.run(*command)
    assert "images are in" in done.stderr
    assert "600 images: 600 answered" in done.stderr
    assert not partial.exists()
    whole = pd.read_csv(out)
    assert sorted(whole["path"]) == sorted(str(path) for path in folder.iterdir())
    again = finished.run(*PREDICT, str(folder), "--out", str(tmp_path / "again.csv"))
    assert "are in" not in again.stderr
    assert (tmp_path / "again.csv").read_bytes() == out.read_bytes()


def test_what_another_list_had_is_not_mixed_in(
    finished: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [tmp_path / f"{number}.png" for number in range(3)]
    for number, name in enumerate(names):
        name.write_bytes(encoded(texture(number)))
    monkeypatch.chdir(tmp_path)
    model = str(finished.folder / "models/model.onnx")
    command = ["predict", "list.txt", "--model", model, "--out", "out.csv"]

    def said(*, killed: bool = False) -> str:
        with pytest.MonkeyPatch.context() as patch:
            if killed:  # when all is in the journal, and nothing in the file
                patch.setattr(prediction_files, "write", lambda *_: 1 / 0)
            return CliRunner().invoke(swatchbook, command).output

    Path("list.txt").write_text("0.png\n1.png")
    said(killed=True)
    assert not Path("out.csv").exists()
    Path("list.txt").write_text("1.png\n2.png")
    assert "2 images: 2 answered" in said()
    assert list(pd.read_csv("out.csv")["path"]) == ["1.png", "2.png"]
    # a list that names one twice has two rows of it, also after a kill (U8)
    Path("list.txt").write_text("1.png\n2.png\n1.png")
    said(killed=True)
    assert "3 images: 3 answered" in said()
    assert list(pd.read_csv("out.csv")["path"]) == ["1.png", "2.png", "1.png"]
    Path("list.txt").write_text("1.png\n2.png")
    # the same words in another folder are other images
    said(killed=True)
    Path("other").mkdir()
    shutil.copy("list.txt", "other")
    shutil.copy("out.csv.partial", "other")
    monkeypatch.chdir("other")
    with pytest.raises(DataError, match="begun with another model, other images or options"):
        CliRunner().invoke(swatchbook, command, catch_exceptions=False)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["none.png"], "error: 'none.png' is no file, folder, archive, list, pattern or URL"),
        (["{photos}", "--out", "x.xls"], "error: --out: 'x.xls' must end with one of"),
        (["{photos}", "--format", "parquet"], "--format parquet: needs --out"),
        (["{photos}", "--format", "csv", "--out", "x.json"], "of another format"),
        (["{photos}", "--threshold", ".5", "--max-error", ".1"], "give one of them"),
        (["{photos}", "--model", "params.yaml"], "error: params.yaml: not an ONNX file"),
        (["{photos}", "--model", "models/network.onnx"], "not a bundle"),
    ],
)
def test_a_mistake_is_one_line(
    finished: Project, photos: Path, options: list[str], says: str
) -> None:
    arguments = [option.format(photos=photos) for option in options]
    done = finished.run(*PREDICT, *arguments, ok=False)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_model_that_gives_other_answers_is_not_used(project: Project, photos: Path) -> None:
    path = project.folder / "models/golden/golden.json"
    table = json.loads(path.read_text())
    table["images"][0]["probabilities"]["float32"].reverse()
    path.write_text(json.dumps(table))
    done = project.run(*PREDICT, str(photos), ok=False)
    assert done.returncode == 2
    assert "where it must give" in done.stderr

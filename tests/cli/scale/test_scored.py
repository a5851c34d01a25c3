"""From files to shards, to results of several processes, to one table: as people walk it."""

import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from click.testing import CliRunner, Result
from support.pictures import encoded, texture
from support.project import Project

from swatchbook.base.errors import DataError
from swatchbook.cli import swatchbook
from swatchbook.shards import chunks, shard_file
from swatchbook.shards.shard_file import PackedImage

COMMAND = ("python", "-m", "swatchbook")


def run(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(swatchbook, [str(one) for one in arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(26):
        name = {3: "_3.png", 4: "4.PNG"}.get(number, f"{number:02}.png")
        (folder / name).write_bytes(encoded(texture(700 + number, number)))
    whole = (folder / "00.png").read_bytes()
    (folder / "empty.png").write_bytes(b"")
    (folder / "page.jpg").write_bytes(b"<html>404</html>")
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    return folder


@pytest.fixture
def shards(photos: Path, tmp_path: Path) -> Path:
    run("pack", photos, "--out", tmp_path / "shards", "--shard-images", 8)
    return tmp_path / "shards"


@pytest.mark.usefixtures("inside")
def test_any_number_of_parts_gives_what_predict_gives(
    photos: Path, shards: Path, tmp_path: Path
) -> None:
    # one image of a shard is another than the manifest says
    images = list(shard_file.read(shards, 1))
    images[2] = PackedImage(images[2].path, images[2].sha256, images[2].content[:-1] + b"!")
    shard_file.write(images, shards / shard_file.name(1))
    for part in (1, 2, 3):
        said = run("predict", shards, "--shard", f"{part}/3", "--out", tmp_path / "parts").output
        assert f"(part {part} of 3; " in said
    run("predict", shards, "--out", tmp_path / "one")
    for shard in range(4):
        parts, one = (
            (tmp_path / name / f"chunk={shard:05}" / "part.parquet").read_bytes()
            for name in ("parts", "one")
        )
        assert parts == one

    table = tmp_path / "all.parquet"
    result = run("scored", tmp_path / "parts", "--merge", table, "--max-refused", 0.2)
    assert result.output.startswith("scored: 29 images = 25 ok + 4 refused\n")
    found = pd.read_parquet(table)
    assert list(found["path"]) == sorted(str(path) for path in photos.iterdir())
    assert Counter(found["reason"]) == {
        "": 25, "empty": 1, "not_image": 1, "truncated": 1, "changed": 1,
    }  # fmt: skip

    run("predict", photos, "--out", tmp_path / "files.csv")
    files = pd.read_csv(tmp_path / "files.csv", keep_default_na=False)
    same = found["reason"] != "changed"
    assert (found["predicted"][same] == files["predicted"][same]).all()
    confidence = pd.to_numeric(files["confidence"][same & (found["status"] == "ok")])
    assert (confidence == found["confidence"][confidence.index]).all()
    assert found.filter(like="p_").max(axis=1)[confidence.index].to_numpy() == pytest.approx(
        confidence.to_numpy(), abs=1e-7
    )

    run("scored", tmp_path / "parts", "--merge", tmp_path / "all.csv", "--max-refused", 0.2)
    assert len(pd.read_csv(tmp_path / "all.csv")) == 29
    result = run("scored", tmp_path / "parts", code=1)
    assert "13.8% of the images are refused (allowed 1.0%" in result.output


@pytest.mark.usefixtures("inside")
def test_what_is_missing_or_damaged_is_said_and_made_again(shards: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run("predict", shards, "--shard", "1/2", "--out", out)
    result = run("scored", out, "--merge", tmp_path / "all.csv", code=1)
    assert "scored: 29 images = " in result.output
    assert "13 missing" in result.output
    assert "scored: missing: 2 shards (1, 3); run them again" in result.output
    assert not (tmp_path / "all.csv").exists()
    part = out / "chunk=00000" / "part.parquet"
    part.write_bytes(part.read_bytes()[:100])
    result = run("scored", out, code=1)
    assert "scored: damaged: 1 shards (0); run them again" in result.output
    said = run("predict", shards, "--out", out).output
    assert "predict: 1 of 4 shards are in" in said
    run("scored", out, "--max-refused", 0.2)
    assert (out / "scored.json").is_file()
    # rows of other images under the name of this shard
    results = chunks.opened(out)
    shutil.rmtree(results.of(0))
    other = results.read(1)
    results.commit(0, pa.Table.from_pylist(other.to_pylist(), other.schema))
    result = run("scored", out, "--max-refused", 1, code=1)
    assert "other images: 1 shards (0)" in result.output
    assert not (out / "scored.json").exists()


@pytest.mark.usefixtures("inside")
def test_bad_input_is_one_line_and_changes_nothing(shards: Path, tmp_path: Path) -> None:
    def refused(*arguments: object) -> str:
        with pytest.raises(DataError) as error:
            CliRunner().invoke(swatchbook, [str(a) for a in arguments], catch_exceptions=False)
        return str(error.value)

    run("predict", shards, "--out", tmp_path / "out", "--threshold", 0.5)
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    said = refused("predict", shards, "--out", tmp_path / "out")
    assert "was begun with threshold 0.5, now 0.0; nothing was written" in said
    said = refused("predict", shards, "--out", tmp_path / "out", "--sample-frac", 0.5)
    assert "sample_frac 1.0, now 0.5" in said
    after = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert after == before
    # two shards that changed their names
    first, second = (shards / shard_file.name(number) for number in (0, 1))
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    said = refused("predict", shards, "--out", tmp_path / "other")
    assert "holds other images than the manifest says" in said
    first.write_bytes(content[: len(content) // 2])
    said = refused("predict", shards, "--out", tmp_path / "other")
    assert "cut short or damaged" in said
    assert "holds no results" in refused("scored", shards)
    assert "is there already" in refused("pack", shards, "--out", shards)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["photos", "--shard", "1/2", "--out", "x"], "needs one folder of shards, not 'photos'"),
        (["shards", "--shard", "0/2", "--out", "x"], "I must be from 1 to N"),
        (["shards", "--shard", "two", "--out", "x"], "is not I/N: a part"),
        (["shards", "--shard", "1/2"], "--out DIR: of shards, results go to a folder"),
        (["shards", "--out", "x", "--top-k", "2"], "--top-k: not of shards"),
        (["photos", "--sample-frac", "0.5"], "--sample-frac: is for shards"),
        (["photos", "--out", "photos"], "'photos' is a folder; name a file in it"),
    ],
)
def test_wrong_use_is_said(arguments: list[str], says: str) -> None:
    Path("photos").mkdir()
    Path("shards").mkdir()
    for name in ("manifest.json", "manifest.parquet"):
        (Path("shards") / name).touch()
    result = CliRunner().invoke(swatchbook, ["predict", *arguments])
    assert result.exit_code == 2
    assert says in " ".join(result.output.split())


@pytest.mark.usefixtures("inside")
def test_a_shard_of_which_nothing_is_chosen_is_merged_too(photos: Path, tmp_path: Path) -> None:
    run("pack", photos, "--out", tmp_path / "shards", "--shard-images", 1)
    run("predict", tmp_path / "shards", "--out", tmp_path / "out", "--sample-frac", 0.2)
    result = run("scored", tmp_path / "out", "--max-refused", 1, "--merge", tmp_path / "all.csv")
    count = len(pd.read_csv(tmp_path / "all.csv"))
    assert 0 < count < 15
    assert f"scored: {count} rows" in result.output


@pytest.mark.usefixtures("inside")
def test_a_sample_is_the_same_for_every_part(shards: Path, tmp_path: Path) -> None:
    ask = ("--sample-frac", 0.5, "--seed", 3)
    run("predict", shards, "--out", tmp_path / "one", *ask)
    for part in ("2/2", "1/2"):
        run("predict", shards, "--out", tmp_path / "two", "--shard", part, *ask)
    found = []
    for name in ("one", "two"):
        table = tmp_path / f"{name}.parquet"
        run("scored", tmp_path / name, "--max-refused", 1, "--merge", table)
        found.append(pd.read_parquet(table))
    assert 0 < len(found[0]) < 29
    assert found[0].equals(found[1])


def test_killed_it_goes_on_and_ends_with_the_same_bytes(
    finished: Project, photos: Path, tmp_path: Path
) -> None:
    for number in range(100, 400):
        (photos / f"{number}.png").write_bytes(encoded(texture(number, number, 200)))
    shards, out = tmp_path / "shards", tmp_path / "out"
    finished.run(*COMMAND, "pack", str(photos), "--out", str(shards), "--shard-images", "20")
    command = [*COMMAND, "predict", str(shards), "--out", str(out)]
    process = subprocess.Popen(
        command, cwd=finished.folder, env=finished.environment, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    while process.poll() is None and len(list(out.glob("chunk=*"))) < 3:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    kept = {path.name: (path / "part.parquet").read_bytes() for path in out.glob("chunk=*")}
    assert 3 <= len(kept) < 17
    said = finished.run(*command).stderr
    assert f"{len(kept)} of 17 shards are in {out}: going on" in said
    finished.run(*COMMAND, "predict", str(shards), "--out", str(tmp_path / "undisturbed"))
    for shard in range(17):
        name = f"chunk={shard:05}"
        content = (out / name / "part.parquet").read_bytes()
        assert content == (tmp_path / "undisturbed" / name / "part.parquet").read_bytes()
        assert content == kept.get(name, content)
    assert not list(out.glob(".making-*"))
    done = finished.run(*COMMAND, "scored", str(out))
    assert done.stdout.startswith("scored: 329 images = 326 ok + 3 refused\n")

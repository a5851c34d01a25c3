"""The ways that people go, by the commands of the docs, from each form in which data come.

Each journey counts: every file that went in is an image, a duplicate or a quarantined one.
"""

import contextlib
import csv
import io
import os
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from support.fault_server import FaultServer
from support.pictures import encoded, texture
from support.project import Project, new_project
from support.services import running

pytestmark = pytest.mark.pipeline

CLASSES = ("café", "red shirt", "thé")
EACH = 12


def pictures() -> dict[str, bytes]:
    """36 images of three classes, one of them twice, one damaged, and what systems leave."""
    made = {
        f"{label}/{label[:3]} {number}.png": encoded(texture(100 * kind + number, kind))
        for kind, label in enumerate(CLASSES)
        for number in range(EACH)
    }
    made["thé/again.png"] = made["thé/thé 0.png"]
    made["red shirt/page.jpg"] = b"<html>404</html>"
    return made


ALL = 3 * EACH + 2


def as_folder(files: dict[str, bytes], root: Path, wrapper: str = "") -> Path:
    for name, data in files.items():
        path = root / wrapper / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (root / ".DS_Store").write_bytes(b"")
    (root / wrapper / "café/Thumbs.db").write_bytes(b"x")
    return root


def folder(root: Path) -> Path:
    return as_folder(pictures(), root / "images")


def wrapped(root: Path) -> Path:
    return as_folder(pictures(), root / "download", "data/images")


def zipped(write: Callable[[zipfile.ZipFile, str, bytes], None]) -> Callable[[Path], Path]:
    def make(root: Path) -> Path:
        path = root / "images.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in pictures().items():
                write(archive, name, data)
        return path

    return make


class _Raw(zipfile.ZipInfo):
    """An entry whose name is written as bytes, without the flag for UTF-8."""

    raw = b""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802 (zipfile's name)
        return self.raw, self.flag_bits


def linux(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    archive.writestr(f"images/{name}", data)


def macos(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    import unicodedata

    entry = _Raw(f"images/{len(archive.filelist)}")
    entry.raw = unicodedata.normalize("NFD", f"images/{name}").encode()
    archive.writestr(entry, data)
    archive.writestr(f"__MACOSX/images/._{len(archive.filelist)}", b"\0\5\x16\7")


def windows(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = _Raw(f"images/{len(archive.filelist)}")
    entry.raw = f"images/{name}".encode("cp437")
    archive.writestr(entry, data)


def powershell(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo("x")
    entry.filename = f"images\\{name}".replace("/", "\\")
    archive.writestr(entry, data)


def tgz(root: Path) -> Path:
    path = root / "images.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name, data in pictures().items():
            entry = tarfile.TarInfo(f"./images/{name}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


def table(root: Path) -> Path:
    """Kaggle's: a flat folder, names without extension, and a CSV."""
    rows = []
    for number, (name, data) in enumerate(pictures().items()):
        (root / "train").mkdir(exist_ok=True)
        (root / "train" / f"{number:03}{Path(name).suffix}").write_bytes(data)
        rows.append((f"{number:03}", name.split("/")[0]))
    path = root / "labels.csv"
    pd.DataFrame(rows, columns=["id", "label"]).to_csv(path, index=False)
    return path


FORMS: dict[str, Callable[[Path], Path]] = {
    "folder": folder, "wrapper": wrapped, "zip of Linux": zipped(linux),
    "zip of macOS": zipped(macos), "zip of Windows": zipped(windows),
    "zip of PowerShell": zipped(powershell), "tgz": tgz, "table": table,
}  # fmt: skip


@pytest.fixture(scope="module")
def blank(tmp_path_factory: pytest.TempPathFactory, tiny_source: Path) -> Project:
    """A project that has never run."""
    parent = tmp_path_factory.mktemp("blank")
    return new_project(parent, tiny_source, parent / "cache")


@pytest.fixture
def fresh(blank: Project, tmp_path: Path) -> Project:
    (tmp_path / "project/cache").mkdir(parents=True)
    project = Project(tmp_path / "project" / blank.folder.name, tmp_path / "project/cache")
    shutil.copytree(blank.folder, project.folder, symlinks=True)
    return project


def swatchbook(project: Project, *words: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
    return project.run("python", "-m", "swatchbook", *words, ok=ok)


def read(project: Project, name: str) -> pd.DataFrame:
    return pd.read_csv(project.folder / "data" / name, keep_default_na=False)


def accounted(project: Project, files: int) -> pd.DataFrame:
    """Every file that went in is there, and each with what became of it."""
    manifest, curated, split = (
        read(project, f"{name}.csv") for name in ("manifest", "curated", "split")
    )
    assert len(manifest) == files
    assert set(manifest["status"]) <= {"ok", "quarantined"}
    assert (manifest.loc[manifest["status"] == "quarantined", "reason"] != "").all()
    assert len(curated) == (manifest["status"] == "ok").sum()
    assert (curated["kept"] == (curated["reason"] == "")).all()
    assert sorted(split["sha256"]) == sorted(curated.loc[curated["kept"], "sha256"])
    return manifest


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_data_gives_the_same_images(
    form: str, fresh: Project, tmp_path: Path
) -> None:  # D1 D6 D9 D10 D14
    (tmp_path / "given").mkdir()
    source = FORMS[form](tmp_path / "given")
    said = swatchbook(fresh, "init", "mine", "--from", str(source)).stdout
    assert f"3 classes, {ALL} files: café 12, red shirt 13, thé 13" in said
    fresh.run("dvc", "repro", "split")
    manifest = accounted(fresh, ALL)
    assert set(manifest["label"]) == set(CLASSES)
    assert list(manifest.loc[manifest["reason"] != "", "reason"]) == ["not_image"]
    curated = read(fresh, "curated.csv")
    assert curated["kept"].sum() == 3 * EACH
    assert curated["reason"].str.startswith("duplicate").sum() == 1


def test_a_list_of_urls(fresh: Project, tmp_path: Path) -> None:
    made = pictures()
    with contextlib.closing(FaultServer("127.0.0.5")) as server:
        listed = tmp_path / "list.csv"
        with listed.open("w", encoding="utf-16", newline="") as file:
            writer = csv.writer(file, delimiter=";")
            writer.writerow(["label", "url"])
            for number, name in enumerate(made):
                writer.writerow([name.split("/")[0], server.url(f"/ok/{number}")])
        fresh.environment["SWATCHBOOK_ALLOW_NETWORKS"] = "127.0.0.5/32"
        assert (
            "3 classes, 38 files" in swatchbook(fresh, "init", "mine", "--from", str(listed)).stdout
        )
        fresh.run("dvc", "repro", "split")
    assert accounted(fresh, ALL)["status"].eq("ok").all()


def as_published(root: Path) -> Path:
    """A published set: each class in train, val and test; two test images are in train too."""
    files = {}
    for number, (name, data) in enumerate(pictures().items()):
        files[f"{('train', 'train', 'val', 'test')[number % 4]}/{name}"] = data
    tested = [name for name in files if name.startswith("test/") and name.endswith(".png")]
    for name in tested[:2]:
        files[name.replace("test/", "train/").replace(".png", " copy.png")] = files[name]
    for name, data in files.items():
        path = root / "set" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root / "set"


def test_a_set_that_is_split_already_keeps_its_split(fresh: Project, tmp_path: Path) -> None:  # D2
    source = as_published(tmp_path)
    refused = swatchbook(fresh, "init", "mine", "--from", str(source), ok=False)
    assert refused.returncode == 2
    assert "folders test, train, val all hold café, red shirt, thé" in refused.stderr
    assert "--keep-split" in refused.stderr
    swatchbook(fresh, "init", "mine", "--from", str(source), "--keep-split")
    said = fresh.run("dvc", "repro", "split").stdout
    assert "2 training files left out: duplicates of test images" in said
    manifest = accounted(fresh, ALL + 2)
    split = read(fresh, "split.csv").merge(
        manifest[["source", "part"]].drop_duplicates(), on="source"
    )
    assert (split["part"].eq("test") == split["subset"].eq("test")).all()


def test_the_whole_way(fresh: Project, tmp_path: Path) -> None:  # U1
    """init, repro, label fixes and an undo, an update, compare, predict, serve; in a sub-folder
    of a repository, from a folder that grows and whose class is renamed."""
    mono = tmp_path / "mono"
    inner = mono / "ml" / "my fabrics"
    inner.parent.mkdir(parents=True)
    shutil.move(fresh.folder, inner)
    shutil.rmtree(inner / ".git")
    project = Project(inner, tmp_path / "project/cache")
    config = (inner / ".dvc/config").read_text()
    subprocess.run(["git", "init", "-q", "-b", "main", str(mono)], check=True)
    shutil.rmtree(inner / ".dvc")
    project.run("dvc", "init", "-q", "--subdir")
    (inner / ".dvc/config").write_text(config)
    source = folder(tmp_path)
    swatchbook(project, "init", "mine", "--from", str(source))
    project.repro()
    project.commit("first run")
    accounted(project, ALL)

    split = read(project, "split.csv")
    tested = split.loc[split["subset"] == "test", "sha256"].iloc[0]
    trained = split.loc[split["subset"] == "train", "sha256"]
    renamed = split.loc[(split["label"] == "red shirt") & (split["subset"] == "train"), "sha256"]
    swatchbook(project, "annotate", "relabel", trained.iloc[0], "--label", "café")
    swatchbook(project, "annotate", "exclude", tested)
    swatchbook(project, "annotate", "relabel", renamed.iloc[-1], "--label", "red shirt")
    project.repro()
    assert tested not in set(read(project, "split.csv")["sha256"])
    project.commit("fixes")
    said = swatchbook(project, "compare", "HEAD~1", "HEAD")
    assert "accuracy" in said.stdout
    assert swatchbook(project, "gate", "HEAD", "--min", "accuracy=0").returncode == 0

    # the class is renamed, an image comes, another goes, and a fix is taken back
    (source / "red shirt").rename(source / "crimson")
    (source / "thé/new.png").write_bytes(encoded(texture(999, 2)))
    (source / "café/caf 1.png").unlink()
    again = project.run("dvc", "repro", "--force", "--single-item", "acquire")
    assert "warning: class 'red shirt' is gone (12 images)" in again.stderr
    swatchbook(project, "annotate", "undo", tested)
    done = project.run("dvc", "repro")
    assert "class 'red shirt' is not there" in done.stderr
    assert tested in set(read(project, "curated.csv").query("kept")["sha256"])
    accounted(project, ALL)
    doctor = swatchbook(project, "doctor", ok=False).stdout
    assert "class 'red shirt' is gone" in doctor

    out = source / "answers.csv"
    for _ in range(2):  # U7
        swatchbook(project, "predict", str(source), "--out", str(out))
    answers = pd.read_csv(out)
    assert len(answers) == ALL
    assert (answers["status"] == "refused").sum() == 1
    # its own output is a list of the same images (U3)
    listed = swatchbook(project, "predict", str(out), "--format", "csv", ok=False).stdout
    assert sorted(pd.read_csv(io.StringIO(listed))["path"]) == sorted(answers["path"])
    with running(
        inner / "models/model.onnx", tmp_path / "log",
        SWATCHBOOK_CACHE=project.environment["SWATCHBOOK_CACHE"],
    ) as service:  # fmt: skip
        service.wait()
        called = swatchbook(project, "call", service.url, str(source / "thé/new.png"))
        assert str(answers.loc[answers["path"].str.endswith("new.png"), "predicted"].item()) in (
            called.stdout
        )


def test_a_class_that_loses_every_image_stops_the_run(fresh: Project, tmp_path: Path) -> None:  # D3
    source = folder(tmp_path)
    (source / "fox").mkdir()
    for number in range(4):
        (source / "fox" / f"{number}.jpg").write_bytes(b"\0\0\0\x18ftypheic" + bytes(99))
    (source / "wolf").mkdir()
    said = swatchbook(fresh, "init", "mine", "--from", str(source)).stdout
    assert "no file in the class folders wolf" in said
    done = fresh.run("dvc", "repro", "split", ok=False)
    assert done.returncode != 0
    assert (
        "error: class 'fox': none of its 4 files can be used (4 unsupported_format); "
        "unsupported_format: save them as JPEG, PNG, WebP or TIFF (and 1 more classes); "
        "to go on without it: acquire.lost_classes: go_on (list: data/refused.csv)"
    ) in done.stderr
    assert set(read(fresh, "refused.csv")["reason"]) == {
        "unsupported_format", "not_image", "no_files",
    }  # fmt: skip
    fresh.set("acquire.lost_classes", "go_on")
    done = fresh.run("dvc", "repro", "split")
    assert "warning: class 'wolf': its folder holds no file" in done.stderr
    accounted(fresh, ALL + 5)
    assert not (fresh.folder / "data/refused.csv").exists()


def test_a_folder_that_cannot_be_listed_is_an_error(fresh: Project, tmp_path: Path) -> None:  # D13
    if os.geteuid() == 0:
        pytest.skip("root may list every folder")
    source = folder(tmp_path)
    swatchbook(fresh, "init", "mine", "--from", str(source))
    fresh.run("dvc", "repro", "split")
    before = fresh.bytes("data/manifest.csv")
    (source / "thé").chmod(0)
    try:
        done = fresh.run("dvc", "repro", "--force", "--single-item", "acquire", ok=False)
        assert "can't be listed: Permission denied" in done.stderr
        assert fresh.bytes("data/manifest.csv") == before
        assert swatchbook(fresh, "predict", str(source), ok=False).returncode == 2
    finally:
        (source / "thé").chmod(0o755)


def test_a_set_of_12_bits_is_seen_in_training_and_use(fresh: Project, tmp_path: Path) -> None:  # D8
    source = tmp_path / "camera"
    for name, data in pictures().items():
        path = (source / name).with_suffix(".tif")
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".png"):
            with Image.open(io.BytesIO(data)) as image:
                values = np.asarray(image.convert("L")).astype(np.uint16) * 16
            path.write_bytes(encoded(Image.fromarray(values), "TIFF"))
    swatchbook(fresh, "init", "mine", "--from", str(source))
    fresh.set("split.folds", "3")
    dark = fresh.run("dvc", "repro", "acquire").stderr
    assert "where 65535 is white, they are nearly black" in dark
    assert "`refine_dnn.levels: [0, 4095]` shows what they hold" in dark
    fresh.set("refine_dnn.levels", "[0, 4095]")
    done = fresh.run("dvc", "repro", "bundle")
    assert "nearly black" not in done.stderr
    expected = read(fresh, "predictions.csv").set_index("sha256")
    paths = read(fresh, "manifest.csv").drop_duplicates("sha256").set_index("sha256")
    said = swatchbook(fresh, "predict", str(source), "--format", "csv", ok=False).stdout
    answers = pd.read_csv(io.StringIO(said)).set_index("path")
    assert len(answers) == 3 * EACH + 1
    for sha256, row in expected[expected["subset"] == "test"].iterrows():
        answer = answers.loc[str(source / paths.loc[sha256, "source"])]
        assert answer["predicted"] == row["predicted"]
        assert answer["confidence"] == pytest.approx(row["confidence"], abs=1e-4)


def test_a_given_test_list_outlives_fixes_exclusions_and_a_renamed_class(
    fresh: Project, tmp_path: Path
) -> None:  # D5, of a split by list
    source = folder(tmp_path)
    swatchbook(fresh, "init", "mine", "--from", str(source))
    listed = [(label, f"{label[:3]} {number}.png") for label in CLASSES for number in (3, 4, 5)]
    (fresh.folder / "annotations/mine.test.tsv").write_text(
        "".join(f"{label}\t{name}\n" for label, name in listed)
    )
    fresh.set("split.by", "list")
    fresh.set("split.folds", "2")

    def tested() -> set[str]:
        fresh.run("dvc", "repro", "split")
        accounted(fresh, ALL)
        split = read(fresh, "split.csv")
        return set(split.loc[split["subset"] == "test", "source"])

    first = tested()
    assert first == {f"{label}/{name}" for label, name in listed}
    manifest = read(fresh, "manifest.csv").set_index("source")
    one, other = (manifest.loc[f"{label}/{label[:3]} 3.png", "sha256"] for label in CLASSES[:2])
    swatchbook(fresh, "annotate", "relabel", one, "--label", "thé")
    swatchbook(fresh, "annotate", "exclude", other)
    assert tested() == first - {"red shirt/red 3.png"}
    swatchbook(fresh, "annotate", "undo", other)
    assert tested() == first
    (source / "thé").rename(source / "tea")
    fresh.run("dvc", "repro", "--force", "--single-item", "acquire")
    assert tested() == {name.replace("thé/", "tea/") for name in first}


def test_folders_of_one_object_stay_on_one_side(fresh: Project, tmp_path: Path) -> None:
    """`split.by: folder`, with a fix and an exclusion inside a folder."""
    source = tmp_path / "objects"
    for number, (name, data) in enumerate(pictures().items()):
        label, _, file = name.partition("/")
        path = source / label / f"object {number % 12 // 2}" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    swatchbook(fresh, "init", "mine", "--from", str(source))
    fresh.set("split.by", "folder")
    fresh.set("split.folds", "2")
    fresh.run("dvc", "repro", "split")
    manifest = accounted(fresh, ALL)
    good = list(manifest.loc[manifest["status"] == "ok", "sha256"])
    swatchbook(fresh, "annotate", "relabel", good[0], "--label", "thé")
    swatchbook(fresh, "annotate", "exclude", good[5])
    fresh.run("dvc", "repro", "split")
    accounted(fresh, ALL)
    split = read(fresh, "split.csv")
    sides = split.groupby(split["source"].str.rpartition("/")[0])["subset"].nunique()
    assert (sides == 1).all()
    assert set(split["subset"]) == {"train", "test"}

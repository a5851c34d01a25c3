"""Two clones and each kind of remote storage: nothing is computed twice, nothing false is taken."""

import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from support.project import Project
from support.sharing import RESULTS, joined, publish, shared
from support.storage_servers import Storage

pytestmark = pytest.mark.pipeline


def damage(storage: Storage, md5: str) -> None:
    """Flip a bit of an object on the remote, as a tampering hand or a bad disk does."""
    if storage.folder:
        place = storage.folder / "files/md5" / md5[:2] / md5[2:]
        place.chmod(0o644)
        place.write_bytes(flipped(place.read_bytes()))
        place.chmod(0o444)
        return
    import boto3

    client = boto3.client(
        "s3", endpoint_url=storage.settings["endpointurl"], region_name="us-east-1",
        aws_access_key_id="key", aws_secret_access_key="secret",
    )  # fmt: skip
    bucket, _, folder = storage.url.removeprefix("s3://").partition("/")
    key = f"{folder}/files/md5/{md5[:2]}/{md5[2:]}"
    content = client.get_object(Bucket=bucket, Key=key)["Body"].read()
    client.put_object(Bucket=bucket, Key=key, Body=flipped(content))


def flipped(content: bytes) -> bytes:
    return content[:100] + bytes([content[100] ^ 1]) + content[101:]


def test_a_colleague_computes_nothing_again(
    storage: Storage, project: Project, tmp_path: Path
) -> None:
    shared(project, storage)
    colleague = joined(project, storage, tmp_path / "colleague")
    colleague.run("dvc", "pull")
    assert colleague.repro() == set()
    assert colleague.bytes(*RESULTS) == project.bytes(*RESULTS)
    assert not (Path(colleague.environment["SWATCHBOOK_CACHE"]) / "features").exists()
    assert colleague.run("git", "status", "--porcelain").stdout == ""
    # no key has got into what is shared
    tracked = colleague.run("git", "grep", "-lE", "keyfile|secret_access_key|AWS_", ok=False)
    assert ".dvc/config" not in tracked.stdout


def test_an_object_that_was_tampered_with_is_not_taken(
    storage: Storage, project: Project, tmp_path: Path
) -> None:
    shared(project, storage)
    out = Path("models/classifier.onnx")
    content = (project.folder / out).read_bytes()
    md5 = md5_of(project, out)
    damage(storage, md5)
    colleague = joined(project, storage, tmp_path / "colleague")
    done = colleague.run("dvc", "pull", ok=False)
    assert done.returncode != 0
    assert str(out) in done.stderr
    assert not (colleague.folder / out).exists()
    # the one who has the whole object finds it and sends it again
    name = "own" if storage.url.startswith("http") else "shared"
    verify = ("python", "-m", "swatchbook", "verify", "--remote", name)
    found = project.run(*verify, ok=False)
    assert found.returncode == 1
    assert f"objects of remote '{name}' are damaged: files/md5/{md5[:2]}/{md5[2:]}" in found.stdout
    assert "1 sent again" in project.run(*verify, "--fix").stdout
    assert "are right" in project.run(*verify).stdout
    colleague.run("dvc", "pull")
    assert (colleague.folder / out).read_bytes() == content


def md5_of(project: Project, out: Path) -> str:
    rows = YAML(typ="safe").load(project.folder / "dvc.lock")["stages"].values()
    (md5,) = [o["md5"] for one in rows for o in one["outs"] if o["path"] == out.as_posix()]
    return str(md5)


@pytest.mark.parametrize("storage", ["folder"], indirect=True)
def test_without_verify_dvc_takes_it(storage: Storage, project: Project, tmp_path: Path) -> None:
    """Why `doctor` asks for ``verify = true``: should DVC change, this advice can go."""
    shared(project, storage)
    out = Path("models/classifier.onnx")
    damage(storage, md5_of(project, out))
    project.run("dvc", "remote", "modify", "shared", "verify", "false")
    project.commit("not checked")
    colleague = joined(project, storage, tmp_path / "colleague")
    colleague.run("dvc", "pull")
    assert (colleague.folder / out).read_bytes() != (project.folder / out).read_bytes()
    told = colleague.run("python", "-m", "swatchbook", "verify", ok=False)
    assert "1 of " in told.stdout
    assert "objects of DVC's cache are damaged" in told.stdout


@pytest.mark.parametrize("storage", ["ssh"], indirect=True)
def test_no_image_that_a_colleague_has_featurized_is_computed(
    storage: Storage, project: Project, tmp_path: Path
) -> None:
    shared(project, storage)
    project.run("python", "-m", "swatchbook", "cache", "push")
    colleague = joined(project, storage, tmp_path / "colleague")
    colleague.run("dvc", "pull")
    colleague.run("python", "-m", "swatchbook", "cache", "pull")
    done = colleague.run("dvc", "repro", "--force", "--single-item", "featurize")
    assert "52 from the cache, 0 computed" in done.stdout


@pytest.mark.parametrize("storage", ["s3"], indirect=True)
def test_experiments_are_shared(storage: Storage, project: Project, tmp_path: Path) -> None:
    origin = tmp_path / "origin.git"
    shared(project, storage)
    project.run("git", "clone", "-q", "--bare", ".", str(origin))
    project.run("git", "remote", "add", "origin", str(origin))
    project.set("train_classifier.kind", "random_forest")
    project.repro()
    project.run("dvc", "exp", "save", "--name", "trees")
    told = project.run("dvc", "exp", "push", "origin", "trees").stdout
    assert "Pushed experiment trees" in told
    assert "files uploaded" in told
    colleague = Project(tmp_path / "colleague" / "clone", tmp_path / "colleague" / "cache")
    subprocess.run(["git", "clone", "-q", str(origin), str(colleague.folder)], check=True)
    colleague.authorize(storage)
    colleague.run("dvc", "pull")
    colleague.run("dvc", "exp", "pull", "origin", "trees")
    said = colleague.run("python", "-m", "swatchbook", "compare", "main", "trees").stdout
    assert "images" in said
    colleague.run("dvc", "exp", "apply", "trees")
    assert colleague.repro() == set()
    assert colleague.bytes(*RESULTS) == project.bytes(*RESULTS)


@pytest.mark.parametrize("storage", ["s3"], indirect=True)
def test_a_model_has_a_name_and_a_version(
    storage: Storage, project: Project, tmp_path: Path
) -> None:
    shared(project, storage)
    project.run("gto", "register", "classifier", "--version", "v1.0.0")
    elsewhere = Project(tmp_path / "elsewhere", tmp_path / "elsewhere cache")
    elsewhere.folder.mkdir()
    elsewhere.authorize(storage)
    source = str(project.folder)
    elsewhere.run("dvc", "artifacts", "get", source, "classifier", "--rev", "v1.0.0")
    elsewhere.run("dvc", "get", source, "models/network.onnx", "--rev", "main")
    elsewhere.run("git", "init", "-q")
    elsewhere.run("dvc", "init", "-q")
    elsewhere.run("dvc", "import", source, "models/classifier.onnx", "--out", "imported.onnx")
    (first,) = project.bytes("models/classifier.onnx")
    assert elsewhere.bytes("classifier.onnx", "imported.onnx") == [first, first]
    assert elsewhere.bytes("network.onnx") == project.bytes("models/network.onnx")
    # a later version: who imports it says when
    project.set("train_classifier.kind", "logistic")
    project.repro()
    project.commit("another model")
    publish(project, storage)
    project.run("gto", "register", "classifier", "--version", "v2.0.0")
    elsewhere.run("dvc", "update", "imported.onnx.dvc")
    elsewhere.run(
        "dvc", "artifacts", "get", source, "classifier", "--rev", "v1.0.0", "--out", "old.onnx"
    )
    assert elsewhere.bytes("imported.onnx") == project.bytes("models/classifier.onnx") != [first]
    assert elsewhere.bytes("old.onnx") == [first]

"""Remote storage by DVC's own settings: what it holds, carries, refuses and gives away."""

import os
from pathlib import Path

import pytest
from support.project import Project
from support.storage import opened
from support.storage_servers import Storage

from swatchbook.base.errors import DataError
from swatchbook.storage import remotes


def test_files_come_back_as_they_went(
    storage: Storage, bare: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = opened(bare, storage, monkeypatch)
    remote.reach()
    source, copy = tmp_path / "source", tmp_path / "copy"
    source.write_bytes(bytes(range(256)))
    if not remote.can_list:
        assert storage.folder
        (storage.folder / "a/b").mkdir(parents=True)
        (storage.folder / "a/b/c d.bin").write_bytes(source.read_bytes())
    else:
        assert remote.files("a") == []
        remote.upload(source, "a/b/c d.bin")
        remote.upload(source, "a/b/c d.bin")  # in the place of the old one
        assert remote.files("a") == ["b/c d.bin"]
        assert remote.files("nothing") == []
    assert remote.has("a/b/c d.bin")
    assert not remote.has("a/b/other")
    remote.download("a/b/c d.bin", copy)
    assert copy.read_bytes() == source.read_bytes()
    with pytest.raises(DataError, match="remote 'shared': "):
        remote.download("a/b/other", copy)
    assert remote.checks_hashes


def test_a_remote_is_chosen_by_name(bare: Project, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no remote storage"):
        remotes.opened()
    bare.run("dvc", "remote", "add", "shared", str(tmp_path / "storage"))
    with pytest.raises(DataError, match="no default remote: --remote takes one of shared"):
        remotes.opened()
    with pytest.raises(DataError, match=r"'sharde' is not known\. Did you mean 'shared'"):
        remotes.opened("sharde")
    assert remotes.names() == ["shared"]
    assert not remotes.opened("shared").checks_hashes


def test_storage_that_refuses_is_one_line(
    bare: Project, s3_server: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    monkeypatch.setenv("AWS_CONFIG_FILE", str(empty))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(empty))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    remote = opened(bare, Storage("s3://bucket/x", settings=s3_server.settings), monkeypatch)
    with pytest.raises(DataError, match=r"^remote 'shared': .*credentials.*$"):
        remote.files("a")
    remote = opened(
        bare,
        Storage("s3://other/x", None, s3_server.settings, {}, s3_server.environment),
        monkeypatch,
    )
    with pytest.raises(DataError, match=r"^remote 'shared': .*bucket.*$"):
        remote.upload(Path(".dvc/config"), "a")
    with pytest.raises(
        DataError, match=r"^remote 'shared': the bucket 'other' is not there; make it, or see dvc "
    ):
        remote.reach()


def test_storage_without_its_plugin_says_what_to_install(bare: Project) -> None:  # D16
    bare.run("dvc", "remote", "add", "--default", "far", "gs://bucket/x")
    with pytest.raises(DataError, match=r"^remote 'far': .*dvc-gs"):
        remotes.opened()


def test_a_configuration_that_is_no_configuration(bare: Project) -> None:
    Path(".dvc/config").write_text("<<<<<<< HEAD\n")
    with pytest.raises(DataError, match="DVC can't open the project"):
        remotes.names()


def test_keys_in_what_git_shares_are_found(bare: Project) -> None:
    bare.run("dvc", "remote", "add", "one", "s3://bucket/one")
    bare.run("dvc", "remote", "modify", "--local", "one", "secret_access_key", "mine")
    assert remotes.committed_secrets() == []
    bare.run("dvc", "remote", "modify", "one", "secret_access_key", "all's")
    bare.run("dvc", "remote", "add", "two", "https://me:secret@example.org/x")
    bare.run("dvc", "remote", "add", "three", "ssh://me@example.org/x")
    bare.run("dvc", "remote", "modify", "three", "passphrase", "p")
    bare.run("dvc", "remote", "add", "four", "ssh://host:path/x")
    assert remotes.committed_secrets() == ["one.secret_access_key", "two.url", "three.passphrase"]
    assert remotes.level_of("two") == "repo"


def test_a_password_in_a_url_is_never_shown(bare: Project) -> None:
    bare.run("dvc", "remote", "add", "--local", "dead", "http://me:hunter2@127.0.0.1:9/x")
    remote = remotes.opened("dead")
    assert remote.url == "http://127.0.0.1:9/x"
    for ask in (remote.reach, lambda: remote.download("a", Path("b"))):
        with pytest.raises(DataError) as found:
            ask()
        assert "hunter2" not in str(found.value)
    assert remotes.level_of("dead") == "local"


def test_folders_that_cannot_be_read_are_not_passed_over(
    bare: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = opened(bare, Storage(str(tmp_path / "storage")), monkeypatch)
    remote.upload(Path(".dvc/config"), "a/b/c")

    def refuse(path: object = None) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataError, match="Permission denied"):
        remote.files("a")

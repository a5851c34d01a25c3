"""Where DVC keeps what, as DVC itself has written it."""

import json

import pytest
from support.project import Project

from swatchbook.storage import dvc_files

pytestmark = pytest.mark.pipeline


def test_outputs_objects_and_listings_are_those_of_dvc(
    finished: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(finished.folder)
    cache = dvc_files.cache_folder()
    assert cache == finished.folder / ".dvc" / "cache"
    locked = dvc_files.locked()
    outputs = dvc_files.outputs(cache)
    assert set(locked) == set(outputs)
    stages = finished.run("dvc", "list", ".", "--dvc-only", "--json", "-R").stdout
    known = {row["path"] for row in json.loads(stages)}
    mine = {
        (path / name if name else path).as_posix()
        for path, inside in outputs.items()
        for name in inside
    }
    assert mine == known
    folders = [path for path, md5 in locked.items() if md5.endswith(".dir")]
    assert folders
    for path in folders:
        assert dvc_files.listing(path) == dvc_files.object_path(cache, locked[path]).read_bytes()

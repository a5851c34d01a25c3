"""A chunk is there as a whole or not at all, whoever writes it, and whoever else does."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from swatchbook.base.errors import DataError
from swatchbook.shards import chunks, manifest
from swatchbook.shards.chunks import Chunks

FACTS: dict[str, Any] = {"model": "a" * 64, "threshold": 0.123456789, "sample_frac": 1.0, "seed": 0}


def of(count: int = 6) -> manifest.Manifest:
    rows = [(f"{n}.jpg", f"{n:064}", 1, n // 2, n % 2) for n in range(count)]
    return manifest.new(pd.DataFrame(rows, columns=manifest.COLUMNS))


def table(shard: int, status: str = "ok") -> pa.Table:
    digests = [f"{n:064}" for n in (2 * shard, 2 * shard + 1)]
    return pa.table({"path": digests, "sha256": digests, "status": [status, status]})


@pytest.fixture
def run(tmp_path: Path) -> Chunks:
    return chunks.begin(tmp_path / "out", of(), FACTS)


def test_what_is_committed_is_there(run: Chunks) -> None:
    assert run.to_do(range(3)) == [0, 1, 2]
    run.commit(1, table(1))
    assert run.to_do(range(3)) == [0, 2]
    assert run.read(1).equals(table(1))
    assert {path.name for path in run.folder.iterdir()} == {
        "run.json", "manifest.json", "manifest.parquet", "chunk=00001",
    }  # fmt: skip


def test_the_second_one_to_come_changes_nothing(run: Chunks) -> None:
    run.commit(0, table(0))
    before = (run.of(0) / "part.parquet").stat().st_mtime_ns
    run.commit(0, table(0))
    assert (run.of(0) / "part.parquet").stat().st_mtime_ns == before


@pytest.mark.parametrize("harm", ["cut", "no success", "success cut", "no part"])
def test_damaged_ones_are_made_again(run: Chunks, harm: str) -> None:
    run.commit(0, table(0))
    part, success = run.of(0) / "part.parquet", run.of(0) / "_SUCCESS"
    match harm:
        case "cut":
            part.write_bytes(part.read_bytes()[:-4])
        case "no success":
            success.unlink()
        case "success cut":
            success.write_text(success.read_text()[:9])
        case "no part":
            part.unlink()
    assert run.to_do([0]) == [0]
    assert list(run.all()) == []
    run.commit(0, table(0))
    assert run.to_do([0]) == []
    assert sorted(path.name for path in run.of(0).iterdir()) == ["_SUCCESS", "part.parquet"]


def test_who_asks_for_the_same_goes_on(run: Chunks) -> None:
    run.commit(2, table(2))
    again = chunks.begin(run.folder, of(), FACTS)
    assert again.to_do(range(3)) == [0, 1]
    assert chunks.opened(run.folder).facts["threshold"] == FACTS["threshold"]


@pytest.mark.parametrize(
    ("facts", "count", "says"),
    [
        ({"model": "b" * 64}, 6, "model aaaaaaaaaaaa…, now bbbbbbbbbbbb…"),
        ({"threshold": 0.5}, 6, "threshold 0.123456789, now 0.5"),
        ({"sample_frac": 0.5}, 6, "sample_frac 1.0, now 0.5"),
        ({}, 4, "images "),
    ],
)
def test_who_asks_for_something_else_is_refused(
    run: Chunks, facts: dict[str, Any], count: int, says: str
) -> None:
    run.commit(0, table(0))
    before = sorted(path.name for path in run.folder.rglob("*"))
    with pytest.raises(DataError, match="was begun with") as error:
        chunks.begin(run.folder, of(count), {**FACTS, **facts})
    assert says in str(error.value)
    assert sorted(path.name for path in run.folder.rglob("*")) == before


def test_other_versions_are_refused_unless_allowed(run: Chunks) -> None:
    facts = json.loads((run.folder / "run.json").read_text())
    facts["versions"]["pillow"] = "1.0"
    (run.folder / "run.json").write_text(json.dumps(facts))
    with pytest.raises(DataError, match=r"begun with pillow 1\.0, here .*--allow-versions"):
        chunks.begin(run.folder, of(), FACTS)
    chunks.begin(run.folder, of(), FACTS, allow_versions=True)


def test_a_folder_of_something_else_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.doc").write_text("dear")
    with pytest.raises(DataError, match="holds no results of shards"):
        chunks.begin(tmp_path / "out", of(), FACTS)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.doc"]
    with pytest.raises(DataError, match="holds no results of shards"):
        chunks.opened(tmp_path / "out")


def test_an_empty_folder_may_be_there(tmp_path: Path) -> None:
    """As a volume is, which nothing can be renamed over."""
    real = tmp_path / "volume"
    real.mkdir()
    (tmp_path / "link").symlink_to(real)
    run = chunks.begin(tmp_path / "link", of(), FACTS)
    run.commit(0, table(0))
    assert chunks.opened(real).to_do(range(3)) == [1, 2]


def test_a_folder_with_another_manifest_is_refused(run: Chunks, tmp_path: Path) -> None:
    of(4).write(run.folder)
    with pytest.raises(DataError, match=r"of other images than run\.json names"):
        chunks.opened(run.folder)


def test_who_is_first_is_first_however_many_begin_at_once(tmp_path: Path) -> None:
    code = (
        "import sys; sys.path[:0] = ['tests', '.']\n"
        "from pathlib import Path\n"
        "import importlib.util\n"
        f"spec = importlib.util.spec_from_file_location('t', {str(Path(__file__))!r})\n"
        "t = importlib.util.module_from_spec(spec); spec.loader.exec_module(t)\n"
        "run = t.chunks.begin(Path(sys.argv[1]), t.of(), t.FACTS)\n"
        "for shard in range(3): run.commit(shard, t.table(shard))\n"
    )
    root = Path(__file__).parents[2]
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "out")], cwd=root)
        for _ in range(3)
    ]
    assert [process.wait() for process in running] == [0, 0, 0]
    found = chunks.opened(tmp_path / "out")
    assert found.to_do(range(3)) == []
    assert not list(found.folder.glob(".making-*"))

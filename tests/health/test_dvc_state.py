"""What a kill or a full disk leaves of DVC's state is told and mended."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.project import Project

from swatchbook.base import files
from swatchbook.health import doctor, dvc_state
from swatchbook.health.findings import Finding
from swatchbook.project import stage
from swatchbook.storage import dvc_files

pytestmark = pytest.mark.pipeline


def mend() -> list[str]:
    return [found.fix() for found in doctor.findings() if found.fix]


def problems() -> list[Finding]:
    return [found for found in doctor.findings() if found.level == "problem"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is empty"),
        ('{"read": {"a', "is torn"),
        ("[1]", "is torn"),
        ('{"write": 3}', "is torn"),
    ],
)
def test_a_torn_rwlock_stops_dvc_until_it_is_mended(
    content: str, says: str, inside: Project
) -> None:  # D07
    Path(".dvc/tmp/rwlock").write_text(content)
    assert inside.run("dvc", "repro", ok=False).returncode != 0
    (found,) = problems()
    assert f"rwlock {says}" in found.text
    mend()
    assert not problems()
    assert inside.repro() == set()


def test_entries_of_ended_or_other_processes_are_taken_out(inside: Project) -> None:  # D07
    entry = {"pid": os.getpid(), "cmd": "/usr/bin/dvc-of-another-time repro"}
    alive = {
        "pid": os.getpid(),
        "cmd": Path(f"/proc/{os.getpid()}/cmdline").read_text().split("\0")[0],
    }
    held = {
        "read": {"a": [entry, alive], "b": [{"pid": 2**22 + 1, "cmd": "dvc"}]},
        "write": {"c": entry},
    }
    Path(".dvc/tmp/rwlock").write_text(json.dumps(held))
    (found,) = problems()
    assert "names processes that have ended" in found.text
    mend()
    assert json.loads(Path(".dvc/tmp/rwlock").read_text()) == {"read": {"a": [alive]}, "write": {}}
    Path(".dvc/tmp/rwlock").unlink()


@pytest.mark.parametrize("last", [b"", b"hash: md5\n      m"])
def test_a_torn_dvc_lock_comes_back_from_git(last: bytes, inside: Project) -> None:  # D08
    whole = Path("dvc.lock").read_bytes()
    Path("dvc.lock").write_bytes(whole[: whole.rindex(last) + len(last)] if last else b"")
    assert inside.run("dvc", "status", ok=False).returncode != 0
    assert any("dvc.lock is" in found.text for found in problems())
    mend()
    assert Path("dvc.lock").read_bytes() == whole
    assert inside.repro() == set()
    assert not problems()


def test_without_a_committed_one_it_is_laid_aside_and_nothing_is_computed_again(
    inside: Project,
) -> None:
    whole = Path("dvc.lock").read_bytes()
    inside.run("git", "rm", "-q", "--cached", "dvc.lock")
    inside.run("git", "commit", "-qm", "without")
    try:
        Path("dvc.lock").write_bytes(b"")
        mend()
        assert not Path("dvc.lock").exists()
        said = inside.run("dvc", "repro").stdout
        assert "computed" not in said.replace("0 computed", "")
        assert Path("dvc.lock").read_bytes() == whole
    finally:
        inside.run("git", "reset", "-q", "--hard", "HEAD~1")


def test_temporary_files_without_a_writer_are_removed(inside: Project) -> None:
    old, young, other = Path("data/.abc_1234.csv"), Path("data/.zyx98765"), Path("data/.keep")
    for path in (old, young, other):
        path.write_text("x")
    long_ago = time.time() - 7200
    os.utime(old, (long_ago, long_ago))
    os.utime(other, (long_ago, long_ago))
    with files.locked(stage.lock_of(Path.cwd()), ""):
        os.utime(young, (time.time() - 60, time.time() - 60))
        (found,) = problems()  # the young one may be that of the stage at work
        assert "temporary files of killed writers: 1" in found.text
        assert found.fix
        found.fix()
    assert not old.exists()
    assert young.exists()
    mend()
    assert not young.exists()
    assert other.exists()


def test_a_half_checkout_is_completed(inside: Project) -> None:
    image = next(Path("data/images").rglob("*.png"))
    content = image.read_bytes()
    image.unlink()
    Path("data/split.csv").unlink()
    assert {found.text.split(":")[0] for found in problems()} == {"data/images", "data/split.csv"}
    mend()
    assert image.read_bytes() == content
    assert not problems()


def test_what_a_person_has_changed_is_not_overwritten(inside: Project) -> None:
    image, *others = sorted(Path("data/images").rglob("*.png"))
    others[0].chmod(0o644)
    others[0].write_bytes(b"changed")
    image.unlink()
    done = inside.run("python", "-m", "swatchbook", "doctor", "--fix", ok=False)
    assert others[0].read_bytes() == b"changed"
    assert done.returncode == 1
    assert "not fixed: dvc checkout data/images: it holds what DVC's cache doesn't" in done.stdout


def test_objects_that_are_missing_are_told(inside: Project) -> None:
    md5 = dvc_files.locked()[Path("data/split.csv")]
    place = dvc_files.object_path(dvc_files.cache_folder(), md5)
    content = place.read_bytes()
    place.unlink()
    (found,) = problems()
    assert found.text.startswith("data/split.csv: 1 of 1 files are not in DVC's cache: `dvc commit")
    Path("data/split.csv").unlink()
    (found,) = problems()
    assert "neither here nor in DVC's cache" in found.text
    files.write_bytes(place, content)
    mend()
    assert not problems()


def test_a_broken_configuration_is_not_taken_for_a_torn_lock(inside: Project) -> None:
    Path(".dvc/config").write_text("<<<<<<< HEAD\n")
    found = list(dvc_state.dvc_lock())
    assert [finding.fix for finding in found] == [None]
    assert "DVC can't open the project" in found[0].text


def test_dvc_run_as_a_module_is_alive(inside: Project) -> None:
    command = "/somewhere/site-packages/dvc/__main__.py repro"
    waits = [sys.executable, "-c", "print(flush=True); input()", "/elsewhere/bin/dvc", "repro"]
    pipe = subprocess.PIPE
    with subprocess.Popen(waits, stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        process.stdout.readline()  # before, it may still be on its way from one program to the next
        assert dvc_state._is_same(process.pid, command)
        assert not dvc_state._is_same(process.pid, command.replace("/dvc/", "/of-another-time/"))
        process.communicate(b"\n")
    assert not dvc_state._is_same(process.pid, command)


def test_a_process_without_a_command_line_may_be_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psutil.Process.cmdline", lambda _: [])
    assert dvc_state._is_same(os.getpid(), "/usr/bin/dvc repro")


def test_a_stage_at_work_is_told(inside: Project) -> None:
    with files.locked(stage.lock_of(Path.cwd()), ""):
        (note,) = dvc_state.at_work()
    assert note.level == "note"

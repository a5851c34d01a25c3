"""What a killed run or a full disk leaves behind is told and mended."""

from pathlib import Path

import pytest
from support.project import Project

from swatchbook.health import doctor
from swatchbook.health.findings import Finding

pytestmark = pytest.mark.pipeline


def problems() -> list[Finding]:
    return [found for found in doctor.findings() if found.level == "problem"]


def mend() -> list[str]:
    return [found.fix() for found in doctor.findings() if found.fix]


def test_a_sound_project_has_no_problem(inside: Project) -> None:
    done = inside.run("python", "-m", "swatchbook", "doctor")
    assert "problem" not in done.stdout
    for said in (
        "no stage is at work",
        "9 stages",
        "packages as in",
        "networks run in",
        "are trained on",
        "GiB free",
    ):
        assert said in done.stdout
    assert "note: no remote storage" in done.stdout


def test_linked_caches_other_versions_and_dead_remotes_are_told(inside: Project) -> None:
    config, wanted = Path(".dvc/config").read_text(), Path("requirements.txt")
    try:
        inside.run("dvc", "config", "cache.type", "hardlink,copy")
        inside.run("dvc", "remote", "add", "gone", "http://127.0.0.1:9/x")
        wanted.write_text("numpy==1.0.0\nno-such-package==2\n")
        texts = " ".join(found.text for found in problems())
        assert "cache.type is hardlink,copy" in texts
        assert "numpy" in texts
        assert "no-such-package none (wanted: 2)" in texts
        assert "remote 'gone'" in texts
    finally:
        Path(".dvc/config").write_text(config)
        wanted.unlink()


def test_storage_that_is_not_checked_and_keys_that_all_can_read(
    inside: Project, tmp_path: Path
) -> None:
    inside.run("dvc", "remote", "add", "shared", str(tmp_path / "storage"))
    (found,) = problems()
    assert "what is fetched from it is not checked" in found.text
    assert found.fix
    assert "verify = true" in found.fix()
    assert not problems()
    # of a remote that is only this clone's, git learns nothing
    config = Path(".dvc/config").read_text()
    inside.run("dvc", "remote", "add", "--local", "own", str(tmp_path / "own"))
    (found,) = problems()
    assert found.fix
    assert "in DVC's local settings" in found.fix()
    assert Path(".dvc/config").read_text() == config
    assert not problems()
    inside.run("dvc", "remote", "add", "web", "https://127.0.0.1:9/x")
    inside.run("dvc", "remote", "modify", "web", "password", "open sesame")
    secret, dead = problems()
    assert "everybody the key in web.password" in secret.text
    assert "open sesame" not in secret.text
    assert not secret.fix
    assert "remote 'web'" in dead.text


def test_outside_a_project_it_is_an_error(tmp_path: Path, inside: Project) -> None:
    project = Project(tmp_path, tmp_path)
    project.environment["PYTHONPATH"] = str(inside.folder)
    done = project.run("python", "-m", "swatchbook", "doctor", ok=False)
    assert done.returncode == 2
    assert done.stderr == "error: no .dvc here: run this in the project's folder\n"

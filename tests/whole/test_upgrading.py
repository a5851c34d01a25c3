"""A project that lives takes in a newer Swatchbook: docs/upgrading.md."""

import subprocess
from pathlib import Path

import pytest
from support.project import ROOT, Project, new_project

pytestmark = pytest.mark.pipeline


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=up", "-c", "user.email=up@example.org"]
    command = ["git", *identity, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory, tiny_source: Path) -> Path:
    """Where Swatchbook comes from: main is an earlier version, with one parameter less and other
    code; newer is what is to be taken in."""
    parent = tmp_path_factory.mktemp("upstream")
    made = new_project(parent, tiny_source, parent / "nothing")
    folder = made.folder
    (folder / "upgrade.sh").write_text((ROOT / "upgrade.sh").read_text())
    now = (folder / "params.yaml").read_text()
    earlier = [line for line in now.splitlines() if not line.startswith("  outlier:")]
    (folder / "params.yaml").write_text("\n".join(earlier) + "\n")
    module = folder / "swatchbook/curation/splitting.py"
    code = module.read_text()
    module.write_text(code + "# of an earlier version\n")
    (folder / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    made.commit("earlier version")
    # the newer one, not yet taken by anybody
    git(folder, "checkout", "-q", "-b", "newer")
    module.write_text(code)
    (folder / "params.yaml").write_text(now)
    (folder / "metrics").mkdir(exist_ok=True)
    (folder / "metrics/evaluation.json").write_text('{"accuracy": 0.1}\n')
    (folder / "dvc.lock").write_text("schema: '2.0'\nstages:\n  split:\n    cmd: other\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "newer version")
    git(folder, "checkout", "-q", "main")
    return folder


@pytest.fixture(scope="module")
def begun(upstream: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project of the earlier version with parameters, a label fix, results, an experiment."""
    parent = tmp_path_factory.mktemp("living")
    git(parent, "clone", "-q", "-b", "main", str(upstream), str(parent / "living"))
    project = Project(parent / "living", parent / "cache")
    project.set("split.test_share", "0.3")
    project.set("evaluate.confidence", "0.9")
    project.repro("acquire")
    first = next((project.folder / "data/images").rglob("*.png")).stem
    project.run("python", "-m", "swatchbook", "annotate", "exclude", first)
    project.repro()
    project.commit("ours")
    project.run("dvc", "exp", "run", "-n", "trees", "-S", "train_classifier.kind=random_forest")
    project.run("git", "checkout", "-q", ".")
    project.run("dvc", "checkout", "-q")
    return project


@pytest.fixture
def living(begun: Project, tmp_path: Path) -> Project:
    return begun.copied(tmp_path)


def upgrade(project: Project, upstream: Path) -> subprocess.CompletedProcess[str]:
    project.run("git", "fetch", "-q", str(upstream), "newer")
    return project.run("bash", "-c", "git show FETCH_HEAD:upgrade.sh | bash", ok=False)


def test_a_living_project_takes_in_a_newer_version(upstream: Path, living: Project) -> None:
    results = ("dvc.lock", "metrics/evaluation.json", "annotations/tiny.csv")
    before = living.bytes(*results)
    done = upgrade(living, upstream)
    assert done.returncode == 0, done.stderr
    assert "next: make repro" in done.stdout
    # its own files are as they were, and nothing is left to merge by hand
    assert living.bytes(*results) == before
    assert living.run("git", "status", "--porcelain", "--untracked-files=no").stdout == ""
    text = (living.folder / "params.yaml").read_text()
    assert "  test_share: 0.3 " in text
    assert "  confidence: 0.9 " in text
    assert "  outlier: 8.0 " in text
    assert "earlier version" not in (living.folder / "swatchbook/curation/splitting.py").read_text()
    said = living.run("python", "-m", "swatchbook", "doctor").stdout
    assert "changed since the last run: swatchbook/curation" in said
    assert "runs again: dedupe, split" in said
    # the same parameters and code that does the same: nothing dear is done again
    ran = living.repro()
    assert {"split"} <= ran <= {"dedupe", "split", "suspects", "bundle"}
    assert living.bytes("metrics/evaluation.json") == before[1:2]
    assert "trees" in living.run("dvc", "exp", "list", "--all-commits").stdout


def test_it_can_be_done_twice_and_taken_back(upstream: Path, living: Project) -> None:
    first = living.run("git", "rev-parse", "HEAD").stdout.strip()
    assert upgrade(living, upstream).returncode == 0
    again = upgrade(living, upstream)
    assert again.returncode == 0
    assert "newest already" in again.stdout
    living.run("git", "reset", "-q", "--hard", first)
    assert living.repro() == set()


def test_what_is_not_committed_is_not_merged_into(upstream: Path, living: Project) -> None:
    living.set("split.seed", "3")
    done = upgrade(living, upstream)
    assert done.returncode == 2
    assert done.stderr == (
        "error: there are changes that are not committed: commit them first "
        "(git stash hides them)\n"
    )
    assert "  seed: 3\n" in (living.folder / "params.yaml").read_text()


def test_own_changes_of_the_same_code_are_ours_to_mend(upstream: Path, living: Project) -> None:
    module = living.folder / "swatchbook/curation/splitting.py"
    module.write_text(module.read_text().replace("# of an earlier", "# of my"))
    living.commit("my code")
    done = upgrade(living, upstream)
    assert done.returncode == 1
    assert "git merge --abort" in done.stderr
    living.run("git", "merge", "--abort")
    assert "# of my" in module.read_text()


def test_nothing_fetched_is_an_error(living: Project) -> None:
    script = (ROOT / "upgrade.sh").read_text()
    (living.folder / ".git/FETCH_HEAD").unlink(missing_ok=True)
    done = living.run("bash", "-c", script, ok=False)
    assert done.returncode == 2
    assert done.stderr == "error: nothing was fetched: git fetch URL main\n"

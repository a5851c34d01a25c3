"""The whole DAG with real DVC on a tiny data set: what runs, what doesn't, what comes back."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from conftest import Project, encoded, new_project, texture

from swatchbook import bundling, files, inference
from swatchbook.params_schema import Params

pytestmark = pytest.mark.pipeline

ALL = [
    "acquire", "dedupe", "split", "refine_dnn", "featurize", "train_classifier", "evaluate",
    "suspects", "bundle",
]  # fmt: skip
FROM_CLASSIFIER = {"train_classifier", "evaluate", "suspects", "bundle"}
FROM_SPLIT = {"split", "refine_dnn", *FROM_CLASSIFIER}
FROM_NETWORK = {"refine_dnn", "featurize", *FROM_CLASSIFIER}
RESULTS = (
    "data/manifest.csv", "data/curated.csv", "data/split.csv", "data/predictions.csv",
    "metrics/acquire.json", "metrics/dedupe.json", "metrics/split.json", "metrics/refine_dnn.json",
    "metrics/featurize.json", "metrics/train_classifier.json", "metrics/evaluation.json",
    "data/suspects.csv", "metrics/suspects.json", "metrics/bundle.json",
)  # fmt: skip
HAS_BFLOAT16 = "BF16" in inference.openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")

# Of a fixed network these change nothing: it comes out with the same bytes. They are tried all at
# once: dvc.yaml names their section as a whole.
TRAINING_ONLY = {
    "refine_dnn.trainable": "last_only",
    "refine_dnn.unfreeze_after": "1",
    "refine_dnn.schedule": "cosine",
    "refine_dnn.rate": "0.1",
    "refine_dnn.epochs": "3",
    "refine_dnn.warmup": "2",
    "refine_dnn.optimizer": "adamw",
    "refine_dnn.momentum": "0.8",
    "refine_dnn.minibatch": "8",
    "refine_dnn.weight_decay": "0.001",
    "refine_dnn.dropout": "0.1",
    "refine_dnn.label_smoothing": "0.1",
    "refine_dnn.balance": "weights",
    "refine_dnn.max_images": "9",
    "refine_dnn.validation_fold": "1",
    "refine_dnn.patience": "3",
    "refine_dnn.crop_scale": "0.8",
    "refine_dnn.flip": "both",
    "refine_dnn.rotation": "5.0",
    "refine_dnn.color_jitter": "0.1",
    "refine_dnn.rand_augment": "3",
    "refine_dnn.mixup": "0.2",
    "refine_dnn.precision": "float32",
}

# For every parameter: another value, and exactly the stages that it runs again. A stage whose
# inputs came out with the same bytes is not among them. Those of bundling.SECTIONS run bundle too:
# a model says which parameters it was made with.
INVALIDATES: dict[str, tuple[str, set[str]]] = {
    "acquire.data_set": ("other", {"acquire", "dedupe", "split", "suspects"}),
    "acquire.source": ("folder:{more}", set(ALL)),
    "acquire.max_bad_fraction": ("0.3", {"acquire"}),
    "acquire.robots": ("false", {"acquire"}),
    "acquire.attributes": ("[striped]", {"acquire"}),
    "acquire.items": ("[shirt]", {"acquire"}),
    "acquire.per_query": ("20", {"acquire"}),
    "acquire.licences": ("[cc0]", {"acquire"}),
    "acquire.max_side": ("2000", {"acquire"}),
    "acquire.on_exists": ("refresh", {"acquire"}),
    "dedupe.hash_size": ("17", {"acquire", "dedupe", "suspects"}),
    "dedupe.max_distance": ("21", {"dedupe"}),
    "dedupe.keep": ("all", {"dedupe", *FROM_SPLIT, "featurize"}),
    "split.by": ("folder", {"split"}),  # one folder a class: refused, see below
    "split.test_share": ("0.4", FROM_SPLIT),
    "split.folds": ("4", FROM_SPLIT),
    "split.seed": ("1", FROM_SPLIT),
    "refine_dnn.mode": ("refine", FROM_NETWORK),
    "refine_dnn.architecture": ("resnet34", FROM_NETWORK),
    "refine_dnn.pretrained": ("{weights}", FROM_NETWORK),
    "refine_dnn.resolution": ("40", FROM_NETWORK),
    "refine_dnn.resize": ("crop", FROM_NETWORK),
    "refine_dnn.seed": ("1", FROM_NETWORK),
    "refine_dnn.engine": ("cntk", {"refine_dnn"}),
    **dict.fromkeys(TRAINING_ONLY, ("", {"refine_dnn"})),
    "featurize.precision": (
        "auto",
        {"featurize", *FROM_CLASSIFIER} if HAS_BFLOAT16 else {"featurize"},
    ),
    "train_classifier.kind": ("logistic", FROM_CLASSIFIER),
    "train_classifier.l2_normalize": ("false", FROM_CLASSIFIER),
    "train_classifier.class_weight": ("none", FROM_CLASSIFIER),
    "train_classifier.C": ("[10.0]", FROM_CLASSIFIER),
    "train_classifier.trees": ("5", {"train_classifier"}),  # no forest is asked for
    "train_classifier.depth": ("3", {"train_classifier"}),
    "train_classifier.seed": ("1", {"train_classifier"}),
    "evaluate.confidence": ("0.9", {"evaluate"}),
    "evaluate.resamples": ("200", {"evaluate"}),
    "evaluate.seed": ("1", {"evaluate"}),
    "suspects.neighbours": ("3", {"suspects"}),
    "suspects.outlier": ("5.0", {"suspects"}),
    "bundle.golden_images": ("3", {"bundle"}),
}


def test_the_table_has_every_parameter() -> None:
    known = {
        f"{section}.{key}"
        for section, field in Params.model_fields.items()
        for key in field.annotation.model_fields  # type: ignore[union-attr]
    }
    assert set(INVALIDATES) == known


@pytest.fixture(scope="module")
def changing(
    finished: Project, tmp_path_factory: pytest.TempPathFactory, tiny_source: Path
) -> tuple[Project, dict[str, str]]:
    """A copy of the finished project, put back after each use, and values that need files."""
    import torch
    import torchvision

    parent = tmp_path_factory.mktemp("changing")
    more = parent / "more"
    shutil.copytree(tiny_source, more)
    (more / "red" / "new.png").write_bytes(encoded(texture(999, 0)))
    torch.manual_seed(7)
    torch.save(torchvision.models.resnet18(weights=None).state_dict(), parent / "weights.pth")
    values = {"more": str(more), "weights": str(parent / "weights.pth")}
    return finished.copied(parent), values


def test_what_counts_in_training_only_changes_no_fixed_network(
    changing: tuple[Project, dict[str, str]],
) -> None:
    project, _ = changing
    project.run("git", "checkout", "-q", ".")
    project.run("dvc", "checkout", "-q")
    for key, value in TRAINING_ONLY.items():
        project.set(key, value)
    done = project.run("dvc", "repro", "--no-run-cache")
    ran = {line.split("'")[1] for line in done.stdout.splitlines() if line.startswith("Running")}
    assert ran == {"refine_dnn", "bundle"}


@pytest.mark.parametrize("key", [key for key in INVALIDATES if key not in TRAINING_ONLY])
def test_a_parameter_runs_exactly_its_stages_again(
    key: str, changing: tuple[Project, dict[str, str]]
) -> None:
    project, values = changing
    value, expected = INVALIDATES[key]
    project.run("git", "checkout", "-q", ".")
    project.run("dvc", "checkout", "-q")
    project.set(key, value.format(**values))
    refused = key == "split.by"
    if key.split(".")[0] in bundling.SECTIONS and not refused:
        expected = expected | {"bundle"}
    done = project.run("dvc", "repro", "--no-run-cache", ok=not refused)
    ran = {line.split("'")[1] for line in done.stdout.splitlines() if line.startswith("Running")}
    assert ran == expected


def test_a_second_repro_does_nothing(project: Project) -> None:
    assert project.repro() == set()


def test_settings_of_the_machine_run_nothing_again(project: Project) -> None:
    project.environment |= {"SWATCHBOOK_WORKERS": "1", "SWATCHBOOK_BATCH": "3"}
    assert project.repro() == set()


def test_deleted_outputs_come_back_by_checkout(project: Project) -> None:
    before = project.bytes(*RESULTS)
    for name in ("data", "models", "plots"):
        shutil.rmtree(project.folder / name)
    project.run("dvc", "checkout")
    assert project.bytes(*RESULTS) == before
    assert project.repro() == set()


def test_the_same_seed_gives_the_same_bytes_in_another_clone(
    finished: Project, tiny_source: Path, tmp_path: Path
) -> None:  # D15
    other = new_project(tmp_path / "prüfung 试", tiny_source, tmp_path / "other-cache")
    other.environment |= {"PYTHONHASHSEED": "12345", "SWATCHBOOK_WORKERS": "3"}
    assert other.repro() == set(ALL)
    for path, here, there in zip(
        RESULTS, finished.bytes(*RESULTS), other.bytes(*RESULTS), strict=True
    ):
        assert here == there, path


def test_experiments_run_in_a_temporary_copy_and_compare(project: Project) -> None:
    """`--temp` copies only what git and DVC track: the images must still be found."""
    project.run("dvc", "exp", "run", "--temp", "-n", "other", "-S", "refine_dnn.resolution=40")
    table = json.loads(project.run("dvc", "exp", "show", "--json").stdout)
    assert "other" in {exp["name"] for row in table for exp in row["experiments"] or []}
    difference = json.loads(project.run("dvc", "metrics", "diff", "HEAD", "other", "--json").stdout)
    assert "metrics/evaluation.json" in difference
    params = json.loads(project.run("dvc", "params", "diff", "HEAD", "other", "--json").stdout)
    assert params["params.yaml"]["refine_dnn.resolution"] == {"old": 32, "new": 40, "diff": 8}
    plots = json.loads(project.run("dvc", "plots", "diff", "HEAD", "other", "--json").stdout)
    assert not plots.get("errors")
    confusion = plots["data"]["Confusion on the test part"][0]["content"]
    assert {row["rev"] for row in confusion["data"]["values"]} == {"HEAD", "other"}


def test_a_clone_fetches_and_computes_only_what_a_change_asks_for(
    project: Project, tmp_path: Path
) -> None:
    project.run("dvc", "remote", "add", "--default", "shared", str(tmp_path / "remote"))
    project.commit("remote")
    project.run("dvc", "push")
    clone = Project(tmp_path / "clone", tmp_path / "clone-cache")
    project.run("git", "clone", "-q", str(project.folder), str(clone.folder))
    clone.set("refine_dnn.resolution", "40")
    ran = clone.repro("--pull", "--allow-missing")
    assert ran == FROM_NETWORK


def test_a_wrong_parameter_stops_before_any_work(project: Project) -> None:
    before = project.bytes("data/manifest.csv", "params.yaml")
    project.set("evaluate.resamples", "many")
    project.set("acquire.max_bad_fraction", "0.25")
    done = project.run("dvc", "repro", ok=False)
    assert done.returncode != 0
    assert "error: evaluate.resamples: 'many' is not allowed" in done.stderr
    assert "Traceback" not in done.stderr
    project.run("git", "checkout", "-q", ".")
    project.run("dvc", "checkout")
    assert project.bytes("data/manifest.csv", "params.yaml") == before


def test_a_second_stage_at_once_is_refused(project: Project, tmp_path: Path) -> None:
    key = files.digest(os.fsencode(project.folder.resolve()))[:16]
    lock = Path(project.environment["SWATCHBOOK_CACHE"]) / "locks" / f"{key}.lock"
    with files.locked(lock, "test"):
        done = project.run("python", "-m", "stages.dedupe", ok=False)
    assert done.returncode == 2
    assert "another stage is at work" in done.stderr


def test_two_runs_at_once_do_no_harm(project: Project, finished: Project) -> None:  # D11
    both = [
        subprocess.Popen(
            ["dvc", "repro", "--force"], cwd=project.folder, env=project.environment,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    said = [one.communicate(timeout=120)[1] for one in both]
    assert 0 in [one.returncode for one in both], said
    for one, text in zip(both, said, strict=True):
        # who came second is told why, by DVC or by the stage
        assert one.returncode == 0 or "is busy" in text or "another stage is at work" in text, text
    project.repro()
    assert project.bytes(*RESULTS) == finished.bytes(*RESULTS)


@pytest.mark.parametrize("days", [-1, 1])
def test_the_clock_decides_nothing(project: Project, days: int) -> None:  # D12
    before = project.bytes("dvc.lock", *RESULTS)
    then = time.time() + days * 86_400
    for path in project.folder.rglob("*"):
        if path.is_file() and ".git" not in path.parts:
            os.utime(path, (then, then))
    assert project.repro() == set()
    project.repro("--force", "--single-item", "acquire")
    assert project.repro() == set()
    assert project.bytes("dvc.lock", *RESULTS) == before


def test_few_open_files_are_enough(project: Project) -> None:  # D02
    shutil.rmtree(project.environment["SWATCHBOOK_CACHE"])
    before = project.bytes(*RESULTS)
    for name in ALL:
        project.run("bash", "-c", f"ulimit -n 32; python -m stages.{name}")
    assert project.bytes(*RESULTS) == before


def test_a_folder_that_cannot_be_written_to_is_one_line(project: Project) -> None:  # D02
    script = "mount --bind data data && mount -o remount,ro,bind data && python -m stages.split"
    command = ("unshare", "--mount", "--map-root-user", "bash", "-c")
    if (
        not shutil.which("unshare")
        or project.run(*command, "mount -t tmpfs x /mnt", ok=False).returncode
    ):
        pytest.skip("this user or container may not mount in a namespace of its own")
    before = project.bytes(*RESULTS)
    done = project.run(*command, script, ok=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: split: [Errno 30] Read-only file system")
    assert len(done.stderr.splitlines()) == 1
    assert project.bytes(*RESULTS) == before


def test_next_ranks_new_images_and_says_what_it_left_out(finished: Project, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    for number in range(4):
        (folder / f"{number}.png").write_bytes(encoded(texture(900 + number, number)))
    (folder / "bad.png").write_bytes(b"no image")
    known = next((finished.folder / "data" / "images").rglob("*.png"))
    shutil.copy(known, folder / "known.png")
    for criterion in ("diversity", "margin"):
        command = ("python", "-m", "swatchbook", "next", "--from", str(folder), "--n", "3")
        done = finished.run(*command, "--by", criterion)
        rows = [line.split("\t") for line in done.stdout.splitlines()]
        assert rows[0] == ["path", "predicted", "confidence", criterion]
        assert len({row[0] for row in rows[1:]}) == 3
        assert {Path(row[0]).name for row in rows[1:]} <= {f"{n}.png" for n in range(4)}
        assert "bad.png: not_image" in done.stderr
        assert "3 of 4 new images by" in done.stderr


def test_a_folder_without_new_images_is_an_error(finished: Project, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = finished.run(
        "python", "-m", "swatchbook", "next", "--from", str(tmp_path / "empty"), ok=False
    )
    assert done.returncode == 2
    assert "no new image in" in done.stderr

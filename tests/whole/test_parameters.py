"""For every parameter: which stages run again when it changes, and which do not."""

import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from support.full import FULL
from support.pictures import encoded, texture
from support.project import FROM_CLASSIFIER, FROM_NETWORK, ROOT, STAGES, Project

from swatchbook.bundle import bundling
from swatchbook.inference import engines
from swatchbook.pipeline.params import Params

pytestmark = pytest.mark.pipeline

FROM_SPLIT = {"split", "refine_dnn", *FROM_CLASSIFIER}
HAS_BFLOAT16 = "BF16" in engines.openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")

# Of a fixed network these change nothing: it comes out with the same bytes.
TRAINING_ONLY = {
    "refine_dnn.trainable": "last_only",
    "refine_dnn.unfreeze_after": "1",
    "refine_dnn.head": "random",
    "refine_dnn.batch_norm": "train",
    "refine_dnn.refit": "false",
    "refine_dnn.schedule": "[[0.01, 3]]",
    "refine_dnn.rate": "0.1",
    "refine_dnn.epochs": "3",
    "refine_dnn.warmup": "2",
    "refine_dnn.optimizer": "sgd",
    "refine_dnn.momentum": "0.8",
    "refine_dnn.minibatch": "8",
    "refine_dnn.weight_decay": "0.001",
    "refine_dnn.dropout": "0.1",
    "refine_dnn.label_smoothing": "0.1",
    "refine_dnn.balance": "oversample",
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
    "acquire.source": ("folder:{more}", set(STAGES)),
    "acquire.max_bad_fraction": ("0.3", {"acquire"}),
    "acquire.layout": ("classes", {"acquire"}),
    "acquire.file_column": ("file", {"acquire"}),
    "acquire.label_column": ("label", {"acquire"}),
    "acquire.part_column": ("part", {"acquire"}),
    "acquire.lost_classes": ("go_on", {"acquire", "dedupe"}),
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
    "refine_dnn.architecture": ("timm:test_efficientnet", FROM_NETWORK),
    "refine_dnn.pretrained": ("{weights}", FROM_NETWORK),
    "refine_dnn.resolution": ("40", FROM_NETWORK),
    "refine_dnn.resize": ("crop", FROM_NETWORK),
    # no image of more than 8 bits: looks of images are looked at again, with the same results
    "refine_dnn.levels": ("[0.0, 255.0]", {"acquire", *FROM_NETWORK}),
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
    "bundle.threshold": ("0.5", {"bundle"}),
}


# another value of one of these is refused beside others, or hides what they do
ALONE = ("split.by", "refine_dnn.mode", "refine_dnn.pretrained", "refine_dnn.engine")


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
    import timm
    import torch

    parent = tmp_path_factory.mktemp("changing")
    more = parent / "more"
    shutil.copytree(tiny_source, more)
    (more / "red" / "new.png").write_bytes(encoded(texture(999, 0)))
    torch.manual_seed(7)
    torch.save(timm.create_model("test_resnet").state_dict(), parent / "weights.pth")
    values = {"more": str(more), "weights": str(parent / "weights.pth")}
    return finished.copied(parent), values


def test_each_parameter_is_declared_by_the_first_stages_that_it_runs() -> None:
    """What runs after them is DVC's to find out: by what their outputs are."""
    pipeline = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())["stages"]
    for key, (_, expected) in INVALIDATES.items():
        section = key.split(".")[0]
        declared = {name for name in pipeline if {key, section} & set(pipeline[name]["params"])}
        # a bundle says with which parameters it was made
        assert declared - {"bundle"} <= expected, key
        assert declared & expected, key


def batches() -> list[list[str]]:
    """Keys that are tried in one run: those that are to run the same stages, by the same stage.

    That each is declared is the test above. SWATCHBOOK_FULL=1 tries each by itself.
    """
    keys = [key for key in INVALIDATES if key not in ALONE]
    if FULL:
        return [[key] for key in INVALIDATES]
    alike: dict[tuple[str, frozenset[str]], list[str]] = {}
    for key in keys:
        alike.setdefault((key.split(".")[0], frozenset(INVALIDATES[key][1])), []).append(key)
    return [*([key] for key in ALONE), *alike.values()]


@pytest.mark.parametrize("keys", batches(), ids=" ".join)
def test_parameters_run_exactly_their_stages_again(
    keys: list[str], changing: tuple[Project, dict[str, str]]
) -> None:
    project, values = changing
    project.run("git", "checkout", "-q", ".")
    project.run("dvc", "checkout", "-q")
    for key in keys:
        value, expected = INVALIDATES[key]
        project.set(key, (value or TRAINING_ONLY[key]).format(**values))
    refused = keys == ["split.by"]
    if keys[0].split(".")[0] in bundling.SECTIONS and not refused:
        expected = expected | {"bundle"}
    done = project.run("dvc", "repro", "--no-run-cache", ok=not refused)
    ran = {line.split("'")[1] for line in done.stdout.splitlines() if line.startswith("Running")}
    assert ran == expected

"""params.yaml: every mistake is one line that names the key, the value and what is allowed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from support.project import ROOT

from swatchbook.base.errors import ParamsError
from swatchbook.pipeline import params
from swatchbook.pipeline.params import Params


def problem(text: str) -> str:
    path = Path("params.yaml")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ParamsError) as caught:
        params.load(path)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 500
    return message


MISTAKES = {  # D13, D14
    "split: {test_shar: 0.2}": "split.test_shar: unknown key. Did you mean 'test_share'?",
    "spilt: {folds: 3}": "spilt: unknown section. Did you mean 'split'?",
    "refine_dnn: {architecture: resnet81}": "'resnet81' is not known. Did you mean 'resnet18'?",
    "refine_dnn: {rf_mbSize: 32}": "refine_dnn.rf_mbSize: unknown key. It is called "
    "'refine_dnn.minibatch' here. Known: mode",
    "classifier: {svm_CVals: [1]}": "classifier: unknown section. It is called "
    "'train_classifier.kind'",
    "refine_dnn: {resolution: 1}": "refine_dnn.resolution: 1 is not allowed: input should be "
    "greater than or equal to 32",
    "refine_dnn: {resolution: 0}": "refine_dnn.resolution: 0",
    "refine_dnn: {resolution: 100000}": "refine_dnn.resolution: 100000",
    "refine_dnn: {resolution: abc}": "refine_dnn.resolution: 'abc'",
    "refine_dnn: {resolution: 224.5}": "refine_dnn.resolution: 224.5",
    "refine_dnn: {resolution: true}": "refine_dnn.resolution: True",
    "refine_dnn: {architecture: alexnet, resolution: 300}": "refine_dnn.resolution: 300 can't be "
    "used with alexnet",
    "refine_dnn: {architecture: 'timm:'}": "refine_dnn.architecture: 'timm:' is not known.",
    "refine_dnn: {trainable: fully_connected}": "refine_dnn.trainable: 'fully_connected' is for "
    "alexnet; efficientnet_lite0 has one",
    "refine_dnn: {schedule: cosin}": "'cosin' is not known. Did you mean 'cosine'?",
    "refine_dnn: {schedule: [[0.1, 0]]}": "refine_dnn.schedule: [[0.1, 0]] is not allowed: pairs",
    "refine_dnn: {schedule: [[0.1, 1.5]]}": "refine_dnn.schedule: [[0.1, 1.5]] is not allowed",
    "refine_dnn: {schedule: [[-0.1, 5]]}": "refine_dnn.schedule: [[-0.1, 5]] is not allowed",
    "refine_dnn: {schedule: [0.1, 5]}": "refine_dnn.schedule: [0.1, 5] is not allowed: pairs",
    "refine_dnn: {schedule: [[.inf, 5]]}": "refine_dnn.schedule: [[inf, 5]] is not allowed: pairs",
    "refine_dnn: {schedule: [[0.1, 1e300]]}": "refine_dnn.schedule: [[0.1, 1e+300]] is not allowed",
    "refine_dnn: {schedule: }": "refine_dnn.schedule: None is not allowed: pairs",
    "refine_dnn: {mode: refine, unfreeze_after: 6}": "refine_dnn.unfreeze_after: 6 epochs leave "
    "none of 6",
    "refine_dnn: {schedule: []}": "refine_dnn.schedule: [] is not allowed",
    "refine_dnn: {schedule: cosine, epochs: 3, warmup: 3}": "refine_dnn.warmup: 3 epochs leave "
    "none of 3",
    "acquire: {licences: [cc0, by-sb]}": "acquire.licences.1: 'by-sb' is not known. Did you",
    "acquire: {attributes: [a/b]}": "acquire.attributes.0: 'a/b' is not allowed. It is classes to",
    "acquire: {attributes: ['']}": "acquire.attributes.0: '' is not allowed: string should have",
    "acquire: {attributes: [1]}": "acquire.attributes.0: 1 is not allowed: input should be a valid",
    "acquire: {attributes: striped}": "acquire.attributes: 'striped' is not allowed: input",
    "acquire: {max_side: 63}": "acquire.max_side: 63 leaves nothing to see; 0 (as they come) or at",
    "acquire: {per_query: 0}": "acquire.per_query: 0 is not allowed",
    "refine_dnn: {mode: refine, optimizer: sgd}": "refine_dnn.optimizer: 'sgd' spoils a network "
    "whose last layer begins as a probe; use adamw (rates of 0.001 and below), or head: random",
    "refine_dnn: {mode: refine, engine: cntk}": "refine_dnn.engine: 'cntk' does not know "
    "optimizer: adamw (use sgd), head: probe (use random), batch_norm: frozen (use train), "
    "refit: true (use false)",
    "refine_dnn: {pretrained: x.model}": "refine_dnn.pretrained: 'x.model' is a CNTK model; set "
    "engine: cntk",
    "train_classifier: {kind: dnn}": "train_classifier.kind: 'dnn' is the last layer of a refined "
    "network",
    "refine_dnn: {mode: refine, validation_fold: 4}": "refine_dnn.validation_fold: 4 is not one of "
    "the 4 folds",
    "split: {test_share: .nan}": "split.test_share: nan",
    "split: {test_share: .inf}": "split.test_share: inf",
    "split: {test_share: -1}": "split.test_share: -1",
    "split: {test_share: 1e9}": "split.test_share: 1000000000.0",
    "split: {folds: 1}": "split.folds: 1",
    "split: [1, 2]": "split: [1, 2]",
    "train_classifier: {C: []}": "train_classifier.C: []",
    "train_classifier: {C: [0.1, -1]}": "train_classifier.C.1: -1",
    "train_classifier: {l2_normalize: 1}": "train_classifier.l2_normalize: 1",
    "train_classifier: {l2_normalize: on}": "train_classifier.l2_normalize: 'on'",
    "acquire: {source: /images}": "acquire.source: '/images' is not allowed. It is `folder:PATH`",
    "acquire: {data_set: ../x}": "acquire.data_set: '../x'",
    "dedupe: {hash_size: 8}": "dedupe.max_distance: 20 of 64 bits would join images",
    "split: {seed: 2024-13-45}": "params.yaml: ",
    "split: {seed: !!int abc}": "params.yaml: ",
    "split: " + "[" * 3000: "params.yaml: ",
    "split: {folds: 3}\nsplit: {folds: 4}": "found duplicate key",
    "split:\n\tfolds: 3": "params.yaml: line",
    "split: {folds: !!python/object:os.system x}": "could not determine a constructor",
    "split": "holds 'split', not sections with keys",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_one_clear_line(text: str) -> None:
    assert MISTAKES[text] in problem(text)


@pytest.mark.parametrize("text", ["split: {folds: 3}", "split: {folds: 1}"])
def test_the_file_can_be_checked_by_a_command(text: str) -> None:
    Path("params.yaml").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "swatchbook", "params", "check"],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == (0 if text.endswith("3}") else 2)
    assert done.stderr == "" or done.stderr.startswith("error: split.folds: 1 is not allowed")


def test_nested_anchors_are_not_spelled_out() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert "unknown section" in problem("\n".join(lines))


def test_several_mistakes_are_counted() -> None:
    assert problem("split: {folds: 1, seed: -1}").endswith("(and 1 more)")


def test_a_missing_file_is_an_error() -> None:
    with pytest.raises(ParamsError, match="no such file"):
        params.load(Path("nothing.yaml"))


def test_exponents_are_numbers_as_dvc_reads_them() -> None:
    Path("params.yaml").write_text("train_classifier: {C: [1e-3]}")
    assert params.load().train_classifier.C == [0.001]


def test_the_shipped_file_spells_out_every_key_and_default_with_a_comment() -> None:
    text = (ROOT / "params.yaml").read_text()
    shipped = YAML(typ="safe").load(text)
    assert {section: set(keys) for section, keys in shipped.items()} == {
        section: set(keys) for section, keys in Params().model_dump().items()
    }
    for line in text.splitlines():
        if line.startswith("  "):
            assert "  # " in line or " # " in line, line

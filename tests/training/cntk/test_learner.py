"""CNTK itself trains, resumes and exports what PyTorch would."""

import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from support.full import FULL, some_of
from support.training import CLASSES, settings, training_images

from swatchbook.base import machine
from swatchbook.base.errors import NetworkError, TrainingError
from swatchbook.inference.engines import openvino_core
from swatchbook.project import models
from swatchbook.training.batches.minibatches import Batch, TrainingData
from swatchbook.training.checkpoints import Checkpoints
from swatchbook.training.cntk.learner import CntkLearner
from swatchbook.training.loop import Run
from swatchbook.training.networks import architectures
from swatchbook.training.parameters import RefineDnn
from swatchbook.training.pytorch import batch_norm

pytestmark = [pytest.mark.cntk, pytest.mark.usefixtures("cntk")]

PATH = Path("models/network.onnx")
# written by CNTK with the node names of Microsoft's published models
MAKE_MODEL = """
import numpy as np, sys
import cntk as C
from cntk.layers import BatchNormalization, Convolution2D, Dense, Dropout, GlobalAveragePooling
from cntk.logging.graph import find_by_name

np.random.seed(0)

def block(x, count, stride):
    x = Convolution2D((3, 3), count, pad=True, strides=stride, bias=False)(x)
    return C.relu(BatchNormalization(map_rank=1, normalization_time_constant=4096)(x))

images = C.input_variable((3, 64, 64), name="features")
kind = sys.argv[1]
if kind == "alexnet":
    x = C.layers.MaxPooling((3, 3), (2, 2))(C.relu(Convolution2D((5, 5), 8, strides=4)(images)))
    x = Dropout(0.5, name="h1_d")(Dense(24, activation=C.relu)(x))
    x = Dropout(0.5, name="h2_d")(Dense(20, activation=C.relu)(x))
else:
    x = block(block(images, 8, 2), 16, 2)
    last = "z.x.x.r" if kind == "resnet" else "other"
    x = Convolution2D((3, 3), 16, pad=True, bias=False)(x)
    x = C.relu(BatchNormalization(map_rank=1, normalization_time_constant=4096)(x), name=last)
    x = C.pooling(x, C.AVG_POOLING, (16, 16), (1, 1))
z = Dense(5, name="z")(x)
target = C.input_variable(5)
trainer = C.Trainer(
    z, (C.cross_entropy_with_softmax(z, target),),
    [C.sgd(z.parameters, C.learning_parameter_schedule(0.001))],
)
for _ in range(3):  # so that batch norm has statistics
    pixels = np.random.rand(8, 3, 64, 64).astype("f") * 255 - 114
    trainer.train_minibatch({images: pixels, target: np.eye(5, dtype="f")[np.arange(8) % 5]})
z.save(sys.argv[2])
"""
# as the tutorial saved it: the grey inside, pooling and prediction named
REFINE_MODEL = """
import sys
import cntk as C
from cntk.logging.graph import find_by_name

base = C.load_model(sys.argv[1])
node = find_by_name(base, "z.x.x.r")
body = C.combine([node]).clone(
    C.CloneMethod.clone, {find_by_name(base, "features"): C.placeholder(name="features")}
)
images = C.input_variable((3, 64, 64), name="input")
pooled = C.layers.GlobalAveragePooling(name="poolingLayer")(body(images - C.Constant(114)))
C.layers.Dense(3, name="prediction")(C.layers.Dropout(0.5)(pooled)).save(sys.argv[2])
"""


def in_cntk(code: str, *arguments: str) -> None:
    python = machine.cntk_python()
    environment = {
        **os.environ, "LD_LIBRARY_PATH": str(python.parent.parent / "mpi"), "PYTHONPATH": "",
    }  # fmt: skip
    done = subprocess.run(
        [str(python), "-c", code, *arguments], env=environment, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def sample(side: int, count: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def batch(seed: int, count: int, side: int) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.from_numpy(sample(side, 8)[:count]) ^ seed
    targets = torch.softmax(torch.randn(count, 3, generator=generator), 1)
    weights = 0.5 + torch.rand(count, generator=generator)
    return Batch(pixels, targets, weights, seed, count, 0, 1)


def chosen(**changes: Any) -> RefineDnn:
    return settings(**{"engine": "cntk", "architecture": "resnet18", "resolution": 64, **changes})


def agreement(pixels: np.ndarray, expected: dict[str, np.ndarray]) -> float:
    """The largest difference of both runtimes from ``expected``, as a share of its range."""
    names = list(expected)
    runtime = onnxruntime.InferenceSession(PATH).run(names, {"images": pixels})
    compiled = openvino_core().compile_model(PATH, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = compiled([pixels])
    differences = [
        np.abs(one - expected[name]).max() / np.abs(expected[name]).max()
        for name, ours in zip(names, runtime, strict=True)
        for one in (ours, found[name])
    ]
    return float(max(differences))


@pytest.mark.parametrize(
    ("architecture", "side"),
    some_of([("resnet18", 64), ("efficientnet_lite0", 100)], [("resnet50", 96), ("alexnet", 224)]),
)
def test_features_and_logits_of_cntk_are_those_of_the_exported_network(
    architecture: str, side: int
) -> None:
    """After a step of training, for one image and several, in both runtimes: 1e-4."""
    own = chosen(architecture=architecture, resolution=side)
    with CntkLearner(own, 3) as learner:
        loss, _ = learner.train(batch(1, 4, side), 0.001)
        assert np.isfinite(loss)
        facts = learner.export(sample(side, 2), PATH)
        assert int(facts["features"]) == learner.width
        for count in (1, 3):
            pixels = sample(side, count)
            assert agreement(pixels, learner.outputs(pixels)) <= 1e-4
    assert models.head(PATH.read_bytes()) is not None


def test_before_training_cntk_sees_what_pytorch_sees() -> None:
    own = chosen(resolution=96)
    network = architectures.refinable(own, 3).eval()
    with torch.no_grad():
        features, logits = network(torch.from_numpy(sample(96)))
    with CntkLearner(own, 3) as learner:
        found = learner.outputs(sample(96))
    assert np.abs(found["features"] - features.numpy()).max() < 1e-4 * float(features.max())
    assert np.allclose(found["logits"], logits.numpy(), atol=1e-3)


@pytest.mark.parametrize("trainable", ["last_only", "all"])
def test_steps_of_cntk_are_those_of_pytorch(trainable: str) -> None:
    """Momentum, weight decay, dropout, soft targets, weights of images, rates, sizes, statistics.

    PyTorch computes in float64; on noise, a random network carries errors far from step to step,
    and where a value is within float32 of a kink (ReLU) it depends on the processor which way it
    goes. What were done otherwise would differ with all numbers.
    """
    assert any(steps_agree(trainable, first) for first in (0, 20, 30))


def steps_agree(trainable: str, first: int) -> bool:
    own = chosen(trainable=trainable, weight_decay=0.001, dropout=0.3)
    network = architectures.refinable(own, 3).double()
    trained = [item for item in network.parameters() if item.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=0.0, momentum=own.momentum, weight_decay=0.001)
    with CntkLearner(own, 3) as learner:
        for seed, (count, rate) in enumerate([(8, 0.01), (5, 0.001)], first):
            some = batch(seed, count, 64)
            loss, _ = learner.train(some, rate)
            optimizer.param_groups[0]["lr"] = rate
            architectures.train_mode(network)
            architectures.seed_dropout(network, some.seed, some.total, 0, 1)
            _, logits = network(some.pixels)
            losses = torch.nn.functional.cross_entropy(
                logits, some.targets.double(), reduction="none"
            )
            expected = (losses * some.weights).sum()
            optimizer.zero_grad()
            (expected / count).backward()
            optimizer.step()
            if loss != pytest.approx(float(expected.detach()), rel=1e-5):
                return False
        plain = [batch(seed, 6, 64).pixels for seed in (2, 3, 4)]
        learner.settle(plain)
        found = learner.outputs(sample(64))
    with torch.no_grad(), batch_norm.anew(network) as trained_ones:
        for pixels in plain if trained_ones else ():
            network(pixels)
    with torch.no_grad():
        wanted = network.eval()(torch.from_numpy(sample(64)))
    return all(
        np.abs(found[name] - item.numpy()).max() < 1e-2 * float(item.abs().max())
        for name, item in zip(("features", "logits"), wanted, strict=True)
    )


def test_what_is_frozen_does_not_change_by_a_bit() -> None:
    with CntkLearner(chosen(trainable="last_only"), 3) as learner:
        before = learner.network_state()["arrays"]
        for seed in range(2):
            learner.train(batch(seed, 6, 64), 0.1)
        learner.settle([batch(2, 6, 64).pixels])
        after = learner.network_state()["arrays"]
    changed = {name for name, item in before.items() if not torch.equal(item, after[name])}
    assert changed == {"parameter/head.weight", "parameter/head.bias"}


@pytest.mark.skipif(not FULL, reason="the largest network; `make test-full` runs it")
def test_fully_connected_layers_of_alexnet_are_trained_alone() -> None:
    own = chosen(architecture="alexnet", resolution=224, trainable="fully_connected")
    with CntkLearner(own, 3) as learner:
        before = learner.network_state()["arrays"]
        learner.train(batch(0, 4, 224), 0.1)
        after = learner.network_state()["arrays"]
    changed = {name for name, item in before.items() if not torch.equal(item, after[name])}
    assert len(changed) == 6
    assert all("classifier" in name or "head" in name for name in changed)


def test_an_interrupted_run_ends_with_the_same_bits() -> None:
    images = training_images()
    own = chosen(resolution=32, schedule=[[0.01, 3 if FULL else 2]], unfreeze_after=1)

    def fit(folder: str, stop_after: int) -> tuple[Any, Any]:
        with CntkLearner(own, 3) as learner:
            data = TrainingData(images, CLASSES, own)
            run = Run(learner, data, own, Checkpoints(Path(folder)), lambda _: None)
            run.report = lambda p: run._stopping.set() if p.epoch == stop_after else None
            if stop_after:
                with pytest.raises(KeyboardInterrupt):
                    run.fit()
            else:
                run.fit()
        return run.progress.history, run.checkpoints.load_best(run.progress.best)

    history, best = fit("whole", 0)
    for epoch in some_of([1], [2]):
        fit("parts", epoch)
    other_history, other = fit("parts", 0)
    assert history == other_history
    for name, item in best["arrays"].items():
        assert torch.equal(item, other["arrays"][name]), name


@pytest.mark.parametrize(
    ("kind", "side"), some_of([("resnet", 96), ("alexnet", 64)], [("resnet", 64)])
)
def test_a_model_file_of_the_originals_becomes_a_network_that_needs_no_cntk(
    kind: str, side: int
) -> None:
    in_cntk(MAKE_MODEL, kind, "old.model")
    own = RefineDnn(engine="cntk", pretrained="old.model", resolution=side)
    with CntkLearner(own, 0) as learner:
        facts = learner.export(sample(side), PATH)
        pixels = sample(side, 5)
        assert agreement(pixels, {"features": learner.outputs(pixels)["features"]}) <= 1e-4
    assert facts["features"] == {"resnet": "16", "alexnet": "20"}[kind]
    assert models.head(PATH.read_bytes()) is None


def test_a_model_file_sees_blue_first_and_pixels_less_grey() -> None:
    """The exported graph of RGB bytes against CNTK's own evaluation of the file, as users did."""
    in_cntk(MAKE_MODEL, "resnet", "old.model")
    pixels = sample(64)
    np.save("pixels.npy", pixels)
    in_cntk(
        """
import numpy as np
import cntk as C
from cntk.logging.graph import find_by_name
base = C.load_model("old.model")
node = C.combine([find_by_name(base, "z.x.x.r")])
planes = np.load("pixels.npy")[..., ::-1].transpose(0, 3, 1, 2).astype("f") - 114
maps = node.eval({node.arguments[0]: np.ascontiguousarray(planes)})
np.save("features.npy", np.asarray(maps).mean((2, 3)))
"""
    )
    own = RefineDnn(engine="cntk", pretrained="old.model", resolution=64)
    with CntkLearner(own, 0) as learner:
        learner.export(pixels, PATH)
    assert agreement(pixels, {"features": np.load("features.npy")}) <= 1e-4


def test_a_model_that_the_tutorial_refined_is_not_made_darker_twice() -> None:
    in_cntk(MAKE_MODEL, "resnet", "old.model")
    in_cntk(REFINE_MODEL, "old.model", "refined.model")
    pixels = sample(96)
    found = []
    for name in ("old.model", "refined.model"):
        own = RefineDnn(engine="cntk", pretrained=name, resolution=96)
        with CntkLearner(own, 0) as learner:
            learner.export(pixels, PATH)
            found.append(learner.outputs(pixels)["features"])
            assert agreement(pixels, {"features": found[-1]}) <= 1e-4
    assert np.allclose(*found, atol=1e-5)


def test_a_model_file_can_be_refined_further() -> None:
    in_cntk(MAKE_MODEL, "resnet", "old.model")
    own = chosen(pretrained="old.model", resolution=48)
    with CntkLearner(own, 3) as learner:
        losses = [learner.train(batch(0, 8, 48), 0.01)[0] for _ in range(8)]
        learner.export(sample(48), PATH)
        pixels = sample(48, 4)
        assert agreement(pixels, learner.outputs(pixels)) <= 1e-4
    assert losses[-1] < losses[0]


def test_what_cannot_be_opened_is_an_error_of_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def problem(pretrained: str) -> str:
        with pytest.raises(NetworkError) as found:
            CntkLearner(RefineDnn(engine="cntk", pretrained=pretrained, resolution=64), 0)
        assert "\n" not in str(found.value)
        return str(found.value)

    assert "'nothing.model' is no file" in problem("nothing.model")
    Path("junk.model").write_bytes(b"junk")
    assert "CNTK can't use junk.model" in problem("junk.model")
    in_cntk(MAKE_MODEL, "unknown", "other.model")
    assert "no node poolingLayer, z.x.x.r, h2_d, z.x; it has " in problem("other.model")
    monkeypatch.setenv("SWATCHBOOK_CNTK", "nowhere/python")
    assert "`make cntk` sets it up" in problem("junk.model")


def test_a_process_that_dies_is_an_error() -> None:
    with CntkLearner(chosen(), 3) as learner:
        learner._process.kill()
        with pytest.raises(TrainingError, match="the CNTK process ended with -9"):
            learner.train(batch(0, 4, 64), 0.1)

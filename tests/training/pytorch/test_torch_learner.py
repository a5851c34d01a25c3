"""PyTorch as the engine: devices, precision, steps and state."""

import copy
from typing import Any

import pytest
import torch
from support.training import settings

from swatchbook.base.errors import NetworkError, OutOfMemory
from swatchbook.training.batches.minibatches import Batch
from swatchbook.training.networks import architectures
from swatchbook.training.pytorch import torch_learner
from swatchbook.training.pytorch.parallel import Group
from swatchbook.training.pytorch.torch_learner import TorchLearner

HAS_BFLOAT16 = bool(torch.cpu.get_capabilities().get("avx512_bf16"))


def learner(**changes: Any) -> TorchLearner:
    chosen = settings(**changes)
    return TorchLearner(architectures.refinable(chosen, 3), chosen, Group())


def batch(seed: int = 0, count: int = 6) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 256, (count, 32, 32, 3), dtype=torch.uint8, generator=generator)
    targets = torch.eye(3)[torch.randint(0, 3, (count,), generator=generator)]
    return Batch(pixels, targets, torch.ones(count), seed, count, 0, 1)


def test_a_step_is_that_of_pytorch_written_out() -> None:
    own = learner(dropout=0.0, weight_decay=0.01, momentum=0.8)
    other = architectures.refinable(own.settings, 3).train()
    optimizer = torch.optim.SGD(other.parameters(), lr=0.1, momentum=0.8, weight_decay=0.01)
    for seed in range(3):
        some = batch(seed)
        loss, wrong = own.train(some, 0.1)
        _, logits = other(some.pixels)
        expected = torch.nn.functional.cross_entropy(logits, some.targets)
        optimizer.zero_grad()
        expected.backward()
        optimizer.step()
        assert loss == pytest.approx(6 * float(expected.detach()), rel=1e-4)
        assert wrong == float((logits.argmax(1) != some.targets.argmax(1)).sum())
    for one, two in zip(own.network.parameters(), other.parameters(), strict=True):
        assert torch.allclose(one, two, rtol=1e-3, atol=1e-5)


def test_weights_of_images_scale_their_loss() -> None:
    some = batch()
    half = Batch(some.pixels, some.targets, 0.5 * some.weights, 0, 6, 0, 1)
    assert learner().train(half, 0.0)[0] == pytest.approx(learner().train(some, 0.0)[0] / 2)


def test_statistics_are_taken_anew_and_nothing_else_changes() -> None:
    own, other = learner(), learner()
    other.train(batch(5), 0.0)  # its running statistics are others
    before = {name: item.clone() for name, item in own.network_state().items()}
    plain = [batch(seed).pixels for seed in range(3)]
    own.settle(plain)
    other.settle(plain)
    for name, item in own.network_state().items():
        assert torch.equal(item, other.network_state()[name]), name
        statistic = name.endswith(("running_mean", "running_var", "num_batches_tracked"))
        assert torch.equal(item, before[name]) != statistic, name


def test_validation_changes_nothing() -> None:
    own = learner()
    before = {name: item.clone() for name, item in own.network_state().items()}
    logits = own.logits(batch().pixels)
    assert logits.shape == (6, 3)
    assert logits.dtype == torch.float32
    assert all(torch.equal(before[name], item) for name, item in own.network_state().items())


def test_measuring_the_speed_changes_nothing() -> None:
    own, other = learner(), learner()
    assert own.seconds_per_image(batch(9)) > 0
    own.train(batch(), 0.1)
    other.train(batch(), 0.1)
    for name, item in own.network_state().items():
        assert torch.equal(item, other.network_state()[name])


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_a_state_is_taken_up_across_unfreezing(optimizer: str) -> None:
    def begun() -> TorchLearner:
        own = learner(optimizer=optimizer)
        own.train_head_only()
        own.train(batch(1), 0.05)
        return own

    whole = begun()
    middle = whole.state()["optimizer"]["state"]
    assert len(middle) == 2  # the head's weights and bias
    whole.unfreeze()
    whole.train(batch(2), 0.05)
    state = copy.deepcopy(whole.state())
    whole.train(batch(3), 0.05)
    taken_up = learner(optimizer=optimizer)
    taken_up.train_head_only()
    taken_up.load(state)
    taken_up.train(batch(3), 0.05)
    for name, item in whole.network_state().items():
        assert torch.equal(item, taken_up.network_state()[name]), name


def test_precision_follows_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    assert torch_learner.precision("auto", cpu) == "bfloat16"
    assert torch_learner.precision("float32", cpu) == "float32"
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True})
    assert torch_learner.precision("auto", cpu) == "float32"
    with pytest.raises(NetworkError, match=r"refine_dnn\.precision: bfloat16 is not to be had"):
        torch_learner.precision("bfloat16", cpu)


@pytest.mark.skipif(not HAS_BFLOAT16, reason="this processor has no bfloat16")
def test_bfloat16_is_close_to_float32() -> None:
    losses = [
        learner(precision=precision, dropout=0.0).train(batch(count=16), 0.01)[0]
        for precision in ("float32", "bfloat16")
    ]
    assert losses[0] == pytest.approx(losses[1], rel=0.05)
    assert losses[0] != losses[1]


def test_a_gpu_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("SWATCHBOOK_DEVICE", "cuda")
    with pytest.raises(NetworkError, match="SWATCHBOOK_DEVICE: 'cuda' needs a GPU"):
        torch_learner.device(Group())
    monkeypatch.setenv("SWATCHBOOK_DEVICE", "auto")
    assert torch_learner.device(Group()).type == "cpu"


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
    ],
)
def test_a_lack_of_memory_is_known_for_what_it_is(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = learner()

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(own.network.head, "forward", fail)
    with pytest.raises(OutOfMemory):
        own.train(batch(), 0.1)


def test_other_errors_are_not_taken_for_a_lack_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    own = learner()

    def fail(*_: object) -> None:
        raise RuntimeError("something else")

    monkeypatch.setattr(own.network.head, "forward", fail)
    with pytest.raises(RuntimeError, match="something else"):
        own.train(batch(), 0.1)

"""Networks as ONNX: each architecture agrees with PyTorch, refined ones in their logits too."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from support.full import some_of

from swatchbook.base.errors import NetworkError
from swatchbook.inference.engines import Network
from swatchbook.project import models
from swatchbook.training.batches.minibatches import Batch
from swatchbook.training.networks import architectures, network_export
from swatchbook.training.parameters import RefineDnn
from swatchbook.training.pytorch.parallel import Group
from swatchbook.training.pytorch.torch_learner import TorchLearner

PATH = Path("models/network.onnx")
WIDTHS = {
    "efficientnet_lite0": 1280, "efficientnet_lite1": 1280, "efficientnet_lite2": 1280,
    "alexnet": 4096, "resnet18": 512, "resnet34": 512, "resnet50": 2048, "resnet101": 2048,
    "resnet152": 2048, "timm:mobilenetv3_small_050": 1024, "timm:vit_tiny_patch16_224": 192,
}  # fmt: skip


def sample(side: int, count: int = 2) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


# one of each family; the larger ones are built of the same blocks
FAMILIES = ["efficientnet_lite0", "alexnet", "resnet18", "resnet50", "timm:vit_tiny_patch16_224"]


@pytest.mark.parametrize(
    "architecture", some_of(FAMILIES, [name for name in WIDTHS if name not in FAMILIES])
)
def test_every_architecture_trains_a_step_exports_and_agrees(architecture: str) -> None:
    """The exported features and logits are PyTorch's, after its weights have really moved."""
    side = 224 if architecture in ("alexnet", "timm:vit_tiny_patch16_224") else 64
    settings = RefineDnn(
        mode="refine", architecture=architecture, pretrained="none", resolution=side
    )
    network = architectures.refinable(settings, 3)
    before = {name: item.clone() for name, item in network.named_parameters()}
    learner = TorchLearner(network, settings, Group())
    pixels = torch.from_numpy(sample(side, 4))
    targets = torch.eye(3)[torch.tensor([0, 1, 2, 0])]
    loss, _ = learner.train(Batch(pixels, targets, torch.ones(4), 1, 4, 0, 1), 0.001)
    assert np.isfinite(loss)
    # what gets no gradient would keep several processes waiting for each other
    trained = {name: item for name, item in network.named_parameters() if item.requires_grad}
    assert [name for name, item in trained.items() if item.grad is None] == []
    moved = [
        name for name, item in network.named_parameters() if not torch.equal(item, before[name])
    ]
    assert len(moved) > 0.9 * len(before)

    facts = network_export.export(
        network, settings, sample(side), PATH,
        network_export.refined_facts(settings, ["a", "b", "ü"], 1, False),
    )  # fmt: skip
    assert facts["features"] == str(WIDTHS[architecture])
    session = onnxruntime.InferenceSession(PATH)
    features, logits = session.run(["features", "logits"], {"images": sample(side, 3)})
    assert features.shape == (3, WIDTHS[architecture])
    assert logits.shape == (3, 3)
    head = models.head(PATH.read_bytes())
    assert head is not None
    assert np.allclose(features @ head[0].T + head[1], logits, atol=1e-4 * np.abs(logits).max())
    assert np.allclose(
        Network.load(PATH, "float32", "openvino", 4, 1).features(sample(side, 3)), features,
        atol=1e-3 * np.abs(features).max(),
    )  # fmt: skip
    assert json.loads(facts["labels"]) == ["a", "b", "ü"]


def test_a_fixed_network_has_features_only() -> None:
    settings = RefineDnn(architecture="resnet18", pretrained="none", resolution=32)
    facts = network_export.export(architectures.build(settings), settings, sample(32), PATH)
    assert [output.name for output in onnxruntime.InferenceSession(PATH).get_outputs()] == [
        "features"
    ]
    assert models.head(PATH.read_bytes()) is None
    assert facts["mode"] == "fixed"
    assert "labels" not in facts


@pytest.mark.parametrize("resolution", [32, 100, 225])
def test_global_pooling_takes_any_resolution(resolution: int) -> None:
    settings = RefineDnn(architecture="resnet18", pretrained="none", resolution=resolution)
    network_export.export(architectures.build(settings), settings, sample(resolution), PATH)
    assert Network.load(PATH, "float32", "onnxruntime", 1, 1).frame.side == resolution


def test_the_same_settings_give_the_same_file() -> None:
    settings = RefineDnn(architecture="resnet18", pretrained="none", resolution=32)
    contents = []
    for seed in (0, 0, 1):
        chosen = settings.model_copy(update={"seed": seed})
        network_export.export(architectures.build(chosen), chosen, sample(32), PATH)
        contents.append(PATH.read_bytes())
    assert contents[0] == contents[1]
    assert contents[0] != contents[2]


def test_a_network_that_disagrees_is_not_written() -> None:  # E10
    settings = RefineDnn(architecture="resnet18", pretrained="none", resolution=32)
    network_export.export(architectures.build(settings), settings, sample(32), PATH)
    before = PATH.read_bytes()
    with pytest.raises(NetworkError, match=r"differs from its source by .*; nothing was replaced"):
        network_export.check_parity(before, sample(32), {"features": np.ones((2, 512), np.float32)})
    broken = architectures.build(settings)
    with torch.no_grad():
        broken.backbone.conv1.weight.fill_(float("nan"))  # type: ignore[union-attr]
    with pytest.raises(NetworkError, match="differs from its source by nan"):
        network_export.export(broken, settings, sample(32), PATH)
    assert PATH.read_bytes() == before


def test_metadata_tell_what_the_network_is() -> None:
    settings = RefineDnn(architecture="resnet18", pretrained="none", resolution=48, resize="crop")
    network_export.export(architectures.build(settings), settings, sample(48), PATH)
    _, facts = models.load(PATH, {"weights_sha256", "torch", "pillow"})
    assert (facts["architecture"], facts["resolution"], facts["resize"]) == (
        "resnet18", "48", "crop",
    )  # fmt: skip

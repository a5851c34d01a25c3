"""Networks: built, with a new head, and frozen where they are not to be trained."""

import pytest
import torch

from swatchbook.base.errors import NetworkError
from swatchbook.training.networks import architectures
from swatchbook.training.parameters import RefineDnn


def refinable(architecture: str = "resnet18", **changes: object) -> architectures.Refinable:
    side = 224 if architecture == "alexnet" else 64
    settings = RefineDnn.model_validate(
        {"architecture": architecture, "pretrained": "none", "resolution": side, **changes}
    )
    return architectures.refinable(settings, 4)


@pytest.mark.parametrize("architecture", ["resnet18", "alexnet", "efficientnet_lite0"])
def test_the_same_seed_gives_the_same_network(architecture: str) -> None:
    first, second, other = (refinable(architecture, seed=seed) for seed in (0, 0, 1))
    pairs = zip(first.parameters(), second.parameters(), strict=True)
    assert all(torch.equal(one, two) for one, two in pairs)
    assert not torch.equal(first.head.weight, other.head.weight)


@pytest.mark.parametrize(
    ("architecture", "trainable", "expected"),
    [
        ("resnet18", "last_only", {"head"}),
        ("resnet18", "all", {"head", "extractor"}),
        ("alexnet", "fully_connected", {"head", "extractor.backbone.classifier"}),
    ],
)
def test_only_what_is_named_is_trained(
    architecture: str, trainable: str, expected: set[str]
) -> None:
    network = refinable(architecture, trainable=trainable)
    trained = {name for name, item in network.named_parameters() if item.requires_grad}
    assert trained
    assert all(name.startswith(tuple(expected)) for name in trained)
    for part in expected:
        assert all(item.requires_grad for item in network.get_submodule(part).parameters())


def test_what_is_frozen_stays_in_evaluation_mode() -> None:
    network = refinable("alexnet", trainable="fully_connected")
    architectures.train_mode(network)
    backbone = network.extractor.backbone
    assert not backbone.features.training  # type: ignore[union-attr]
    assert backbone.classifier.training  # type: ignore[union-attr]
    frozen = refinable("resnet18", trainable="last_only")
    architectures.train_mode(frozen)
    assert not any(module.training for module in frozen.extractor.modules())
    assert frozen.dropout.training


def test_dropout_is_a_function_of_its_seed_and_splits_over_processes() -> None:
    dropout = architectures.SeededDropout(0.5)
    ones = torch.ones(6, 50)
    dropout.seed, dropout.total = 7, 6
    whole = dropout(ones)
    assert torch.equal(whole, dropout(ones))
    assert set(whole.unique().tolist()) == {0.0, 2.0}
    dropout.step = 2
    for first in (0, 1):
        dropout.first = first
        assert torch.equal(dropout(ones[first::2]), whole[first::2])
    dropout.eval()
    assert torch.equal(dropout(ones), ones)


def test_dropouts_of_one_network_draw_other_masks() -> None:
    network = refinable("alexnet")
    masks = [m for m in network.modules() if isinstance(m, architectures.SeededDropout)]
    assert len(masks) == 3
    architectures.seed_dropout(network, 5, 4, 0, 1)
    drawn = [mask(torch.ones(4, 100)) for mask in masks]
    assert not torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[1], drawn[2])


def test_a_size_that_a_network_cannot_take_is_an_error_before_any_work() -> None:
    assert refinable("timm:vit_tiny_patch16_224", resolution=96).head.in_features == 192
    for name in ("timm:levit_128s", "timm:xcit_nano_12_p16_224"):
        with pytest.raises(NetworkError, match=r"refine_dnn\.resolution: 100 can't be used with"):
            refinable(name, resolution=100)


def test_an_unknown_timm_network_is_an_error_with_a_suggestion() -> None:
    with pytest.raises(NetworkError, match=r"timm has no 'resnet5O'\. Did you mean 'resnet50"):
        refinable("timm:resnet5O")


def test_timm_weights_that_cannot_be_downloaded_are_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # its constant is read when it is imported, which may have been before
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(NetworkError, match=r"could not be had .*Give the path of a file"):
        refinable("timm:mobilenetv3_small_050", pretrained="imagenet")

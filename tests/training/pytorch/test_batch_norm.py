"""Batch norm's statistics, taken anew from what a network is shown."""

import pytest
import torch
from support.training import settings

from swatchbook.base.errors import NetworkError
from swatchbook.training.networks import architectures
from swatchbook.training.networks.architectures import Refinable
from swatchbook.training.pytorch import batch_norm
from swatchbook.training.pytorch.parallel import Group


def new_network(**changes: object) -> Refinable:
    return architectures.refinable(settings(**changes), 3)


def pixels(seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 60 * (seed + 1), (6, 32, 32, 3), generator=generator).byte()


def statistics(network: Refinable) -> dict[str, torch.Tensor]:
    return {name: item.clone() for name, item in network.named_buffers() if "running" in name}


def test_statistics_are_the_averages_of_all_minibatches() -> None:
    network = new_network(architecture="resnet18")
    backbone = network.extractor.backbone
    maps: list[torch.Tensor] = []
    backbone.conv1.register_forward_hook(lambda _, __, output: maps.append(output))
    with torch.no_grad(), batch_norm.anew(network) as wanted:
        assert wanted
        for seed in range(3):
            network(pixels(seed))
    means = torch.stack([item.mean((0, 2, 3)) for item in maps])
    variances = torch.stack([item.var((0, 2, 3)) for item in maps])
    assert torch.allclose(backbone.bn1.running_mean, means.mean(0), atol=1e-5)
    assert torch.allclose(backbone.bn1.running_var, variances.mean(0), rtol=1e-4)


def test_afterwards_it_evaluates_and_trains_as_before() -> None:
    network = new_network()
    momenta = [module.momentum for module in network.modules() if hasattr(module, "momentum")]
    with torch.no_grad(), batch_norm.anew(network):
        network(pixels(1))
    assert not any(module.training for module in network.modules())
    assert momenta == [
        module.momentum for module in network.modules() if hasattr(module, "momentum")
    ]


def test_what_is_frozen_keeps_its_own() -> None:
    network = new_network(trainable="last_only")
    before = statistics(network)
    assert before
    with torch.no_grad(), batch_norm.anew(network) as wanted:
        assert not wanted
        network(pixels(1))
    assert all(torch.equal(item, before[name]) for name, item in statistics(network).items())


def test_dropout_has_no_part_in_it() -> None:
    network = new_network(dropout=0.9)
    with torch.no_grad(), batch_norm.anew(network):
        assert not network.dropout.training


def test_a_network_without_batch_norm_has_nothing_to_take_anew() -> None:
    with batch_norm.anew(new_network(architecture="timm:test_vit", resolution=160)) as wanted:
        assert not wanted


def test_a_batch_norm_of_an_unknown_kind_is_refused() -> None:
    network = torch.nn.Sequential(torch.nn.BatchNorm1d(3))
    with pytest.raises(NetworkError, match="its BatchNorm1d is of an unknown kind"):
        batch_norm.synced(network, Group(0, 2))

"""Batch norm's statistics: over all processes in training, and taken anew for evaluation."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import distributed, nn

from swatchbook.base.errors import NetworkError
from swatchbook.training.networks import architectures
from swatchbook.training.networks.architectures import Refinable
from swatchbook.training.pytorch import parallel
from swatchbook.training.pytorch.parallel import Group

_BatchNorm = nn.modules.batchnorm._BatchNorm


@contextmanager
def anew(network: Refinable) -> Iterator[bool]:
    """Within it, minibatches that ``network`` is shown make up its statistics, all alike.

    What is frozen keeps its own; the value tells whether there is anything to take anew.
    """
    architectures.train_mode(network)
    layers = [item for item in network.modules() if isinstance(item, _BatchNorm) and item.training]
    network.eval()
    shares = [layer.momentum for layer in layers]
    for layer in layers:
        layer.train()
        layer.reset_running_stats()
        layer.momentum = None  # PyTorch's word for an average over all of them
    try:
        yield bool(layers)
    finally:
        for layer, share in zip(layers, shares, strict=True):
            layer.eval()
            layer.momentum = share


def synced(network: Any, group: Group) -> Any:
    """``network`` with every batch norm taking its statistics over all processes.

    Raises:
        NetworkError: where it has a batch norm of a kind that isn't known.
    """
    if parallel.on_gpu():
        from timm.layers.norm_act import convert_sync_batchnorm

        # PyTorch's own would lose timm's activations
        return convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
    for module in list(network.modules()):
        if not isinstance(module, _BatchNorm):
            continue
        if type(module) is nn.BatchNorm2d:
            module.__class__ = _SyncedBatchNorm  # PyTorch's own works on GPUs only
        elif type(module).__name__ == "BatchNormAct2d":
            module.__class__ = _SyncedBatchNormWithActivation
        else:
            raise NetworkError(
                f"SWATCHBOOK_PROCESSES: {group.size} can't train this network together: its "
                f"{type(module).__name__} is of an unknown kind; use 1"
            )
    return network


class _SyncedBatchNorm(nn.BatchNorm2d):
    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return super().forward(planes)
        values = planes.float()
        shape = (1, -1, 1, 1)
        count = torch.tensor([float(values.numel() // values.shape[1])])
        sums = _Summed.apply(torch.cat([values.sum((0, 2, 3)), count]))
        total = sums[-1].detach()
        mean = sums[:-1] / total
        # in a second pass: the mean of squares less the square of the mean would lose digits
        centred = values - mean.view(shape)
        variance = _Summed.apply(centred.square().sum((0, 2, 3))) / total
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        with torch.no_grad():
            self.num_batches_tracked.add_(1)
            share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
            self.running_mean.lerp_(mean, share)
            self.running_var.lerp_(variance * total / (total - 1), share)
        scale = self.weight / (variance + self.eps).sqrt()
        normalised: torch.Tensor = centred * scale.view(shape) + self.bias.view(shape)
        return normalised.to(planes.dtype)


class _SyncedBatchNormWithActivation(_SyncedBatchNorm):
    """timm's, which activates as well."""

    drop: nn.Module
    act: nn.Module

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        activated: torch.Tensor = self.act(self.drop(super().forward(planes)))
        return activated


class _Summed(torch.autograd.Function):
    """The sum over all processes, and back the sum of its gradients."""

    @staticmethod
    def forward(context: Any, values: torch.Tensor) -> torch.Tensor:
        sums = values.clone()
        distributed.all_reduce(sums)
        return sums

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> torch.Tensor:
        sums = gradient.clone()
        distributed.all_reduce(sums)
        return sums

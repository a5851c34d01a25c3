"""Several processes that train one network: each on a part of every minibatch (torchrun).

The result is that of one process within the tolerance of float arithmetic: gradients are averaged
(DistributedDataParallel), and batch norm takes its statistics over the whole minibatch.
"""

import ctypes
import os
import signal
import sys
from dataclasses import dataclass
from typing import Any

import torch
from torch import distributed, nn

from swatchbook import machine
from swatchbook.errors import NetworkError

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Group:
    """This process's number ``rank`` of ``size``; ``local_rank`` is its number on this machine."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def leads(self) -> bool:
        """Whether this process writes files and reports."""
        return self.rank == 0

    def summed(self, numbers: list[float]) -> list[float]:
        """The sums of ``numbers`` over all processes."""
        if self.size == 1:
            return numbers
        sums = torch.tensor(numbers, dtype=torch.float64)
        if on_gpu():
            sums = sums.cuda(self.local_rank)
        distributed.all_reduce(sums)
        return [float(item) for item in sums]

    def wrapped(self, network: nn.Module, device: torch.device) -> nn.Module:
        """``network``, such that its gradients are averaged over all processes."""
        if self.size == 1:
            return network
        devices = [device] if device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(network, device_ids=devices)


def on_gpu() -> bool:
    """Whether networks are trained on GPUs here."""
    return machine.device() != "cpu" and torch.cuda.is_available()


def join() -> Group:
    """Join the processes that ``torchrun`` started; a group of one where it didn't."""
    if "RANK" not in os.environ:
        return Group()
    local_rank = int(os.environ["LOCAL_RANK"])
    if on_gpu():
        torch.cuda.set_device(local_rank)
    distributed.init_process_group("nccl" if on_gpu() else "gloo")
    return Group(distributed.get_rank(), distributed.get_world_size(), local_rank)


def end_with_parent() -> None:
    """Have this process told to end when the one that started it is gone (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def leave() -> None:
    """Leave the group, if there is one."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


def synced(network: Any, group: Group) -> Any:
    """``network`` with every batch norm taking its statistics over all processes.

    Raises:
        NetworkError: where it has a batch norm of a kind that isn't known.
    """
    if on_gpu():
        from timm.layers.norm_act import convert_sync_batchnorm

        # PyTorch's own would lose timm's activations
        return convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
    for module in list(network.modules()):
        if not isinstance(module, nn.modules.batchnorm._BatchNorm):
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
        count = torch.tensor([float(values.numel() // values.shape[1])])
        sums = torch.cat([values.sum((0, 2, 3)), values.square().sum((0, 2, 3)), count])
        sums = _Summed.apply(sums)
        total = sums[-1].detach()
        mean, square = sums[:-1].chunk(2)
        mean, square = mean / total, square / total
        variance = (square - mean.square()).clamp(min=0)
        assert self.running_mean is not None
        assert self.running_var is not None
        with torch.no_grad():
            share = self.momentum or 0.0
            self.running_mean.lerp_(mean, share)
            self.running_var.lerp_(variance * total / (total - 1), share)
            if self.num_batches_tracked is not None:
                self.num_batches_tracked.add_(1)
        scale = self.weight / (variance + self.eps).sqrt()
        shift = self.bias - mean * scale
        shape = (1, -1, 1, 1)
        normalised: torch.Tensor = values * scale.view(shape) + shift.view(shape)
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

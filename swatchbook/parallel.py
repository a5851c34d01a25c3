"""Several processes that train one network: each on a part of every minibatch (torchrun).

The result is that of one process within the tolerance of float arithmetic: gradients are averaged
(DistributedDataParallel), and batch norm takes its statistics over the whole minibatch.
"""

import os
from dataclasses import dataclass
from typing import Any

import torch
from torch import distributed, nn


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
        if distributed.get_backend() == "nccl":
            sums = sums.to(torch.float64).cuda()
        distributed.all_reduce(sums)
        return [float(item) for item in sums]

    def wait(self) -> None:
        """Go on only when all processes have come here."""
        if self.size > 1:
            distributed.barrier()

    def wrapped(self, network: nn.Module, device: torch.device) -> nn.Module:
        """``network``, such that its gradients are averaged over all processes."""
        if self.size == 1:
            return network
        devices = [device] if device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(network, device_ids=devices)


def join() -> Group:
    """Join the processes that ``torchrun`` started; a group of one where it didn't."""
    if "RANK" not in os.environ:
        return Group()
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    return Group(
        distributed.get_rank(), distributed.get_world_size(), int(os.environ["LOCAL_RANK"])
    )


def leave() -> None:
    """Leave the group, if there is one."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


def synced(network: Any) -> Any:
    """``network`` with every batch norm taking its statistics over all processes."""
    if torch.cuda.is_available():
        return nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
    for module in list(network.modules()):
        if type(module) is nn.BatchNorm2d:
            module.__class__ = _SyncedBatchNorm  # PyTorch's own works on GPUs only
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
        variance = square - mean.square()
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

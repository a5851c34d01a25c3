"""Several processes that train one network: each on a part of every minibatch (torchrun).

The result is that of one process within the tolerance of float arithmetic: gradients are averaged
(DistributedDataParallel), and batch norm takes its statistics over the whole minibatch.
"""

import ctypes
import os
import signal
import sys
from dataclasses import dataclass

import torch
from torch import distributed, nn

from swatchbook.base import machine

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

    def wait_for_all(self) -> None:
        """Go on when every process has come here."""
        if self.size > 1:
            distributed.barrier()

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

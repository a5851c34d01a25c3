"""PyTorch as the engine of fine-tuning: one step of training, one of validation, its state."""

import contextlib
import copy
import time
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import nn

from swatchbook.base import machine
from swatchbook.base.errors import NetworkError, OutOfMemory, TrainingError, first_line
from swatchbook.training.batches.minibatches import Batch
from swatchbook.training.networks import architectures
from swatchbook.training.networks.architectures import Refinable
from swatchbook.training.parameters import RefineDnn
from swatchbook.training.pytorch import batch_norm, parallel
from swatchbook.training.pytorch.depthwise import FastDepthwise


class TorchLearner:
    """A network and its optimiser on one device, alone or beside other processes."""

    def __init__(self, network: Refinable, settings: RefineDnn, group: parallel.Group) -> None:
        self.settings = settings
        self.group = group
        self.device = device(group)
        self.precision = precision(settings.precision, self.device)
        # channels last: about 1.3 times as fast on a CPU, and what tensor cores want
        self.network = network.to(self.device).to(memory_format=torch.channels_last)
        if group.size > 1:
            self.network = batch_norm.synced(self.network, group)
        self._head_only = False
        self._wrapped: nn.Module = self.network
        self._optimizer = self._new_optimizer()
        self._wrap()

    def __enter__(self) -> "TorchLearner":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    @property
    def description(self) -> str:
        """Where and how it computes."""
        return f"{self.device.type}, {self.precision}"

    def train_head_only(self) -> None:
        """Freeze all but the new last layer, until ``unfreeze``."""
        self._head_only = True
        architectures.freeze(self.network, "last_only")
        self._optimizer = self._new_optimizer()
        self._wrap()

    def wait_for_all(self) -> None:
        """Go on when every process that trains this network has come here."""
        self.group.wait_for_all()

    def unfreeze(self) -> None:
        """Train what the settings say; the last layer keeps its momentum."""
        if not self._head_only:
            return
        self._head_only = False
        head = set(self._trained())
        architectures.freeze(self.network, self.settings.trainable)
        body = [item for item in self._trained() if item not in head]
        if body:
            self._optimizer.add_param_group({"params": body})
        self._wrap()

    def train(self, batch: Batch, rate: float) -> tuple[float, float]:
        """One step at learning rate ``rate``; the sums of loss and errors over the minibatch.

        Raises:
            OutOfMemory: where the device has too little for the minibatch.
        """
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        architectures.train_mode(self.network)
        architectures.seed_dropout(self.network, batch.seed, batch.total, batch.first, batch.step)
        torch.manual_seed(batch.seed)  # for what else a network may draw
        with _explained_errors():
            loss, wrong = self._loss(batch)
            self._optimizer.zero_grad(set_to_none=True)
            # each process has a part; gradients are averaged over processes
            (loss * (self.group.size / batch.total)).backward()  # type: ignore[no-untyped-call]
            self._optimizer.step()
        sums = self.group.summed([float(loss.detach()), wrong])
        return sums[0], sums[1]

    def settle(self, minibatches: Iterable[torch.Tensor]) -> None:
        """Take batch norm's statistics for evaluation anew from ``minibatches`` of plain images.

        Statistics of images that were resampled and recoloured at random differ from those of
        images as they come (Touvron et al., NeurIPS 2019), and running ones lag behind the weights
        (Wu and Johnson, "Rethinking 'Batch' in BatchNorm", 2021, whose precise statistics these
        are). Frozen layers keep theirs.
        """
        with torch.no_grad(), batch_norm.anew(self.network) as wanted:
            for pixels in minibatches if wanted else ():
                with self._autocast(), _explained_errors():
                    self.network(pixels.to(self.device))

    def begin_with(self, weight: np.ndarray, bias: np.ndarray) -> None:
        """Set the last layer: ``weight (k, d)`` and ``bias (k,)`` float32."""
        with torch.no_grad():
            self.network.head.weight.copy_(torch.from_numpy(weight))
            self.network.head.bias.copy_(torch.from_numpy(bias))

    def outputs(self, pixels: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Features ``(m, d)`` and logits ``(m, classes)`` float32 in evaluation mode."""
        self.network.eval()
        with torch.no_grad(), self._autocast(), _explained_errors():
            features, logits = self.network(pixels.to(self.device))
        return features.float().cpu().numpy(), logits.float().cpu().numpy()

    def logits(self, pixels: torch.Tensor) -> torch.Tensor:
        """Logits ``(m, classes) float32`` in evaluation mode, on the CPU."""
        self.network.eval()
        with torch.no_grad(), self._autocast(), _explained_errors():
            _, logits = self.network(pixels.to(self.device))
        result: torch.Tensor = logits.float().cpu()
        return result

    def state(self) -> dict[str, Any]:
        """All that training goes on from."""
        return {
            "network": self.network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "head_only": self._head_only,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from what ``state`` gave."""
        if state["head_only"]:
            self.train_head_only()
        else:
            self.unfreeze()
        self.network.load_state_dict(state["network"])
        self._optimizer.load_state_dict(state["optimizer"])

    def network_state(self) -> dict[str, Any]:
        """The network's weights and statistics."""
        return self.network.state_dict()

    def seconds_per_image(self, batch: Batch) -> float:
        """How long one step of this process takes for an image; nothing is changed by it."""
        other = copy.copy(self)
        other.network = other._wrapped = copy.deepcopy(self.network)
        # what an epoch costs when all that is to be trained is trained
        architectures.freeze(other.network, self.settings.trainable)
        other._optimizer = torch.optim.SGD(other._trained(), lr=0.0)
        seconds = []
        for _ in range(3):  # the first ones are slower: memory is set up
            started = time.perf_counter()
            other.train(batch, 0.0)
            seconds.append(time.perf_counter() - started)
        return min(seconds) / batch.total

    def _loss(self, batch: Batch) -> tuple[torch.Tensor, float]:
        targets = batch.targets.to(self.device)
        with self._autocast(), self._fast_depthwise():
            _, logits = self._wrapped(batch.pixels.to(self.device, non_blocking=True))
        losses = nn.functional.cross_entropy(logits.float(), targets, reduction="none")
        wrong = (logits.detach().argmax(1) != targets.argmax(1)).sum()
        return (losses * batch.weights.to(self.device)).sum(), float(wrong)

    def _autocast(self) -> Any:
        enabled = self.precision == "bfloat16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=enabled)

    def _fast_depthwise(self) -> Any:
        slow = self.precision == "bfloat16" and self.device.type == "cpu"
        return FastDepthwise() if slow else contextlib.nullcontext()

    def _trained(self) -> list[nn.Parameter]:
        return [item for item in self.network.parameters() if item.requires_grad]

    def _new_optimizer(self) -> torch.optim.Optimizer:
        settings = self.settings
        if settings.optimizer == "adamw":
            return torch.optim.AdamW(
                self._trained(), lr=0.0, betas=(settings.momentum, 0.999),
                weight_decay=settings.weight_decay,
            )  # fmt: skip
        return torch.optim.SGD(
            self._trained(), lr=0.0, momentum=settings.momentum, weight_decay=settings.weight_decay
        )

    def _wrap(self) -> None:
        # anew whenever other parameters are trained: the wrapper counts on their gradients
        self._wrapped = self.group.wrapped(self.network, self.device)


def device(group: parallel.Group) -> torch.device:
    """Where to train: SWATCHBOOK_DEVICE, by default a GPU where there is one.

    Raises:
        NetworkError: where a GPU is asked for and none is here.
    """
    if machine.device() == "cuda" and not torch.cuda.is_available():
        raise NetworkError(
            "SWATCHBOOK_DEVICE: 'cuda' needs a GPU that PyTorch can use; none is here. "
            "Use auto or cpu"
        )
    return torch.device("cuda", group.local_rank) if parallel.on_gpu() else torch.device("cpu")


def precision(wanted: str, device: torch.device) -> str:
    """The arithmetic to use: float32, or bfloat16 where the device computes with it.

    Raises:
        NetworkError: where bfloat16 is asked for and the device has none.
    """
    if device.type == "cuda":
        has_bfloat16 = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        features = torch.cpu.get_capabilities()
        has_bfloat16 = bool(features.get("amx_bf16") or features.get("avx512_bf16"))
    if wanted == "auto":
        return "bfloat16" if has_bfloat16 else "float32"
    if wanted == "bfloat16" and not has_bfloat16:
        raise NetworkError(
            f"refine_dnn.precision: bfloat16 is not to be had on this {device.type}; "
            "use auto or float32"
        )
    return wanted


@contextlib.contextmanager
def _explained_errors() -> Any:
    try:
        yield
    except torch.OutOfMemoryError as error:
        torch.cuda.empty_cache()
        raise OutOfMemory(first_line(error)) from None
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise TrainingError(
            "refine_dnn.minibatch: one image is too little for batch norm at this resolution; use "
            "minibatches (and max_images) of at least 2, or trainable: last_only"
        ) from None
    except RuntimeError as error:
        # the CPU allocator has no error class of its own
        if "can't allocate memory" in str(error) or "not enough memory" in str(error):
            raise OutOfMemory(first_line(error)) from None
        raise

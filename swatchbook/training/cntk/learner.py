"""CNTK 2.7 as the engine of fine-tuning, in its own Python 3.6 (``process.py`` tells how)."""

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from swatchbook.base import files, machine
from swatchbook.base.errors import NetworkError, OutOfMemory, TrainingError
from swatchbook.project import models
from swatchbook.training.batches.minibatches import Batch
from swatchbook.training.cntk import graphs, messages
from swatchbook.training.cntk.messages import Arrays
from swatchbook.training.networks import architectures, network_export
from swatchbook.training.parameters import RefineDnn

_PROCESS = Path(__file__).with_name("process.py")
# CNTK's own networks were trained on pixels less ImageNet's mean grey
_GREY = [114.0] * 3
_AT_ONCE = 32


class CntkLearner:
    """A network in a CNTK process; close it, or use it in a ``with`` block."""

    def __init__(self, settings: RefineDnn, classes: int) -> None:
        """Open ``settings.pretrained`` or the architecture; ``classes`` 0: without a head.

        Raises:
            NetworkError: where CNTK is not set up, or can't open the network.
        """
        self.settings = settings
        self._head_only = False
        self._process = _start()
        self._folder = tempfile.TemporaryDirectory(prefix="swatchbook-cntk-")
        try:
            head = self._open(classes)
            if classes:
                weight, bias = (item.detach().numpy() for item in (head.weight, head.bias))
                self._call("set_head", {"weight": weight, "bias": bias})
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "CntkLearner":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                # what was not sent any more is of no use now
                with contextlib.suppress(OSError):
                    stream.close()
        self._folder.cleanup()

    @property
    def description(self) -> str:
        """Where and how it computes."""
        return "CNTK 2.7, float32"

    def train_head_only(self) -> None:
        """Train only the new last layer, until ``unfreeze``."""
        self._head_only = True

    def wait_for_all(self) -> None:
        """One process trains it."""

    def unfreeze(self) -> None:
        """Train what the settings say."""
        self._head_only = False

    def train(self, batch: Batch, rate: float) -> tuple[float, float]:
        """One step at learning rate ``rate``; the sums of loss and errors over the minibatch."""
        self._dropout.seed, self._dropout.total = batch.seed, batch.total
        arrays = {
            "pixels": batch.pixels.numpy(),
            "mask": self._dropout(torch.ones(batch.total, self.width)).numpy(),
            "targets": batch.targets.numpy(),
            "weights": batch.weights.numpy(),
        }
        scope = "last_only" if self._head_only else self.settings.trainable
        found, _ = self._call("train", arrays, rate=rate, scope=scope)
        return found["loss"], found["wrong"]

    def settle(self, minibatches: Iterable[torch.Tensor]) -> None:
        """Take batch norm's statistics anew, as ``TorchLearner.settle`` does."""
        if self._head_only or self.settings.trainable != "all":
            return
        for number, pixels in enumerate(minibatches, 1):
            if not self._call("settle", {"pixels": pixels.numpy()}, share=1 / number)[0]["layers"]:
                return

    def logits(self, pixels: torch.Tensor) -> torch.Tensor:
        """Logits ``(m, classes)`` of images ``(m, r, r, 3) uint8``."""
        return torch.from_numpy(self.outputs(pixels.numpy())["logits"])

    def outputs(self, pixels: np.ndarray) -> Arrays:
        """CNTK's own ``features (n, d)`` and ``logits (n, classes)`` of ``(n, r, r, 3) uint8``."""
        parts = [
            self._call("evaluate", {"pixels": pixels[start : start + _AT_ONCE]})[1]
            for start in range(0, len(pixels), _AT_ONCE)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def state(self) -> dict[str, Any]:
        """All that training goes on from."""
        _, arrays = self._call("state", {})
        return {"arrays": _tensors(arrays), "head_only": self._head_only}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from what ``state`` or ``network_state`` gave."""
        self._call("load", {name: item.numpy() for name, item in state["arrays"].items()})
        self._head_only = bool(state["head_only"])

    def network_state(self) -> dict[str, Any]:
        """The network's weights and statistics."""
        state = self.state()
        kept = {k: v for k, v in state["arrays"].items() if not k.startswith("momentum/")}
        return {**state, "arrays": kept}

    def export(
        self, sample: np.ndarray, path: Path, refined: dict[str, str] | None = None
    ) -> dict[str, str]:
        """Write ``network.onnx`` as ``network_export.export`` does; parity is checked with CNTK."""
        written = Path(self._folder.name) / "features.onnx"
        self._call("export", {}, path=str(written))
        arrays = self._call("state", {})[1]
        head = None
        if self._has_head:
            weight, bias = (arrays[f"parameter/{name}"] for name in models.HEAD)
            head = np.ascontiguousarray(weight.T), bias
        digest = files.digest(
            b"".join(
                name.encode() + array.tobytes()
                for name, array in sorted(arrays.items())
                if not name.startswith("momentum/")
            )
        )
        described = network_export.describe(self.settings, self.width, digest)
        if self.settings.pretrained.endswith(".model"):
            described["architecture"] = Path(self.settings.pretrained).name
        facts = {
            **described,
            "cntk": "2.7",
            **(refined or {}),
        }
        content = graphs.finish(onnx.load(written), facts, self._mean, self._std, self._bgr, head)
        expected = self.outputs(sample)
        network_export.check_parity(content, sample, expected)
        models.save(content, path)
        return facts

    def seconds_per_image(self, batch: Batch) -> float:
        """About how long a step takes for an image; nothing is changed by it."""
        seconds = []
        for _ in range(2):  # the first one is slower: memory is set up
            started = time.perf_counter()
            self.outputs(batch.pixels.numpy())
            seconds.append(time.perf_counter() - started)
        forward = min(seconds) / batch.total
        return forward if self.settings.trainable == "last_only" else 3 * forward

    def _open(self, classes: int) -> torch.nn.Linear:
        settings = self.settings
        self._has_head = classes > 0
        if settings.pretrained.endswith(".model"):
            source = Path(settings.pretrained).absolute()
            if not source.is_file():
                raise NetworkError(
                    f"refine_dnn.pretrained: {settings.pretrained!r} is no file; "
                    "name the .model file"
                )
            self._mean, self._std, self._bgr = _GREY, [1.0] * 3, True
            found = self._open_source(source)
            if found["found"] == "poolingLayer":
                # refined by the tutorial: it subtracts the grey itself
                self._mean = [0.0] * 3
                self._open_source(source)
            head = None
        else:
            source = Path(self._folder.name) / "backbone.onnx"
            network = architectures.Refinable(architectures.build(settings), max(1, classes), 0.0)
            extractor, head = network.extractor, network.head
            graphs.write_backbone(extractor, settings.resolution, source)
            self._mean, self._std = (
                [float(value) for value in item.flatten()]
                for item in (extractor.mean, extractor.std)
            )
            self._bgr = False
            found = self._open_source(source)
        self.width = int(found["width"])
        self._dropout = architectures.SeededDropout(settings.dropout).train()
        if head is not None:
            return head
        torch.manual_seed(settings.seed)
        return architectures.new_head(self.width, max(1, classes))

    def _open_source(self, source: Path) -> dict[str, Any]:
        settings = self.settings
        try:
            found, _ = self._call(
                "open", {}, source=str(source), side=settings.resolution, mean=self._mean,
                std=self._std, bgr=self._bgr, momentum=settings.momentum,
                weight_decay=settings.weight_decay,
            )  # fmt: skip
        except TrainingError as error:
            raise NetworkError(
                f"refine_dnn.pretrained: CNTK can't use {settings.pretrained} at "
                f"{settings.resolution} px: {error}"
            ) from None
        return found

    def _call(self, command: str, arrays: Arrays, **header: Any) -> tuple[dict[str, Any], Arrays]:
        try:
            return self._exchange({"command": command, **header}, arrays)
        except (BrokenPipeError, EOFError):
            self._process.wait()
            raise TrainingError(
                f"the CNTK process ended with {self._process.returncode} at command {command!r}; "
                "its messages are above; `dvc repro` goes on from the last checkpoint"
            ) from None

    def _exchange(self, header: dict[str, Any], arrays: Arrays) -> tuple[dict[str, Any], Arrays]:
        messages.send(self._process.stdin, header, arrays)
        reply, found = messages.receive(self._process.stdout)
        if "error" in reply:
            if "alloc" in str(reply["error"]).lower():
                raise OutOfMemory(str(reply["error"]))
            raise TrainingError(str(reply["error"]))
        return reply, found


def _start() -> "subprocess.Popen[bytes]":
    python = machine.cntk_python()
    if not python.is_file():
        raise NetworkError(
            f"refine_dnn.engine: 'cntk' needs CNTK's own Python, which is not at {python}; "
            "`make cntk` sets it up, or use engine: torch"
        )
    libraries = python.parent.parent / "mpi"
    environment = {
        **os.environ,
        "LD_LIBRARY_PATH": os.pathsep.join(
            [str(libraries), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
        ),
        "OMP_NUM_THREADS": str(machine.workers()),
        # this project's packages are for another Python
        "PYTHONPATH": "",
    }
    return subprocess.Popen(
        [str(python), str(_PROCESS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env=environment,
        # a Ctrl-C at the terminal is for the parent, which then asks for a checkpoint
        start_new_session=True,
    )  # fmt: skip


def _tensors(arrays: Arrays) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}

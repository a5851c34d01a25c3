"""Runs an ONNX network on this machine: the fastest engine that is here, chosen at run time.

Each engine is imported where it is used: one costs 40 MB, and only one runs.
"""

import functools
import threading
from collections.abc import Callable, Collection, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, Self

import numpy as np

from swatchbook.base import caches, files, machine
from swatchbook.base.errors import NetworkError
from swatchbook.images.frame import Frame
from swatchbook.project import models


class Network:
    """A network with fixed batch sizes, safe to call from several threads.

    ``metadata`` is what its maker wrote, ``digest`` its SHA-256, ``engine`` and ``precision``
    what is in use, ``batch`` the largest of the ``batches`` that it is made for: a smaller number
    of images takes the next larger one. With one size, the same image gives the same bits beside
    any other images, because every pass has the same shape.

    Raises:
        NetworkError: where the engine or the precision can't be had here.
    """

    def __init__(
        self,
        content: bytes,
        metadata: Mapping[str, str],
        precision: str,
        engine: str,
        batches: Collection[int],
        threads: int,
    ) -> None:
        self.metadata = metadata
        self.digest = files.digest(content)
        self.frame = Frame.of(self.metadata)
        self.width = int(self.metadata["features"])
        self.batch = max(batches)
        self.engine = _engine(engine)
        self.precision = _precision(precision, self.engine)
        side = self.frame.side
        self._runs: dict[int, Callable[[np.ndarray], np.ndarray]]
        if self.engine == "openvino":
            self._runs = _openvino(content, self.precision, batches, side, threads)
        else:
            self._runs = dict.fromkeys(batches, _onnxruntime(content, self.engine))
        # OpenVINO's binding sets up its numpy bridge at the first call, and deadlocks on the
        # interpreter lock where two threads make that call at once: so it is made here
        for size in batches:
            self.features(np.zeros((size, side, side, 3), np.uint8))

    @classmethod
    def here(cls, path: Path, precision: str) -> Self:
        """The network in a file, as this machine is set to run it. Raises as ``load``."""
        return cls.load(path, precision, machine.engine(), machine.batch(), machine.workers())

    @classmethod
    def load(cls, path: Path, precision: str, engine: str, batch: int, threads: int) -> Self:
        """The network in a file. Raises NetworkError, as ``models.load`` does."""
        content, facts = models.load(path, {"resolution", "resize", "features"})
        return cls(content, facts, precision, engine, [batch], threads)

    @property
    def origin(self) -> dict[str, str]:
        """What a feature depends on beside its image."""
        return {"network": self.digest, "engine": self.engine, "precision": self.precision}

    def features(self, pixels: np.ndarray) -> np.ndarray:
        """Features ``(n, d) float32`` of up to ``batch`` images ``(n, r, r, 3) uint8``."""
        size = min(size for size in self._runs if size >= len(pixels))
        full = pixels
        if len(pixels) < size:
            full = np.zeros((size, *pixels.shape[1:]), np.uint8)
            full[: len(pixels)] = pixels
        return self._runs[size](full)[: len(pixels)]


def engine() -> str:
    """What networks run in on this machine: engine and precision.

    Raises:
        NetworkError: where the engine that is asked for is not here.
    """
    name = _engine(machine.engine())
    return f"{name}, {_precision('auto', name)}"


def precisions(engine: str) -> set[str]:
    """The arithmetics that networks can run in here, with the ``engine`` that is asked for."""
    return {"float32", "bfloat16"} if _does_bfloat16(_engine(engine)) else {"float32"}


def _engine(wanted: str) -> str:
    has_cuda = _has_cuda()
    if wanted == "auto":
        return "cuda" if has_cuda else "openvino"
    if wanted == "cuda" and not has_cuda:
        raise NetworkError(
            "SWATCHBOOK_ENGINE: 'cuda' needs a GPU and onnxruntime-gpu; none is here"
        )
    return wanted


def _has_cuda() -> bool:
    try:
        metadata.version("onnxruntime-gpu")
    except metadata.PackageNotFoundError:
        return False
    from swatchbook.base import onnx_runtime

    return onnx_runtime.has_cuda()


def _does_bfloat16(engine: str) -> bool:
    return engine == "openvino" and "BF16" in openvino_core().get_property(
        "CPU", "OPTIMIZATION_CAPABILITIES"
    )


def _precision(wanted: str, engine: str) -> str:
    has_bfloat16 = _does_bfloat16(engine)
    if wanted == "auto":
        return "bfloat16" if has_bfloat16 else "float32"
    if wanted == "bfloat16" and not has_bfloat16:
        raise NetworkError(
            f"featurize.precision: bfloat16 is not to be had here (engine {engine}); "
            "use auto or float32"
        )
    return wanted


@functools.cache
def openvino_core() -> Any:
    """OpenVINO, started once in a process.

    On processors with AMX each start gives the thread another stack for its signal handlers, and
    the end of one takes that stack away even where a later start has it noted as the one to put
    back (``SigAltStackSetup`` in OpenVINO's plugin.cpp): the next signal would be a crash.
    """
    import openvino

    return openvino.Core()


def _openvino(
    content: bytes, precision: str, batches: Collection[int], resolution: int, threads: int
) -> dict[int, Callable[[np.ndarray], np.ndarray]]:
    core = openvino_core()
    model = core.read_model(content)
    settings = {
        "INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[precision],
        # one stream per calling thread: each decodes and infers alone, none waits for another
        "NUM_STREAMS": threads,
        "INFERENCE_NUM_THREADS": threads,
        # compiled once per network and machine: a run that finds all in the cache starts at once
        "CACHE_DIR": str(caches.folder(caches.OPENVINO)),
    }
    runs = {}
    for batch in batches:
        model.reshape([batch, resolution, resolution, 3])
        runs[batch] = _own_requests(core.compile_model(model, "CPU", settings))
    return runs


def _own_requests(compiled: Any) -> Callable[[np.ndarray], np.ndarray]:
    local = threading.local()

    def run(pixels: np.ndarray) -> np.ndarray:
        if not hasattr(local, "request"):
            local.request = compiled.create_infer_request()
        return np.array(local.request.infer({0: pixels})[0])

    return run


def _onnxruntime(content: bytes, engine: str) -> Callable[[np.ndarray], np.ndarray]:
    from swatchbook.base import onnx_runtime

    provider = onnx_runtime.CUDA if engine == "cuda" else onnx_runtime.CPU
    session = onnx_runtime.session(content, provider)
    return lambda pixels: session.run(["features"], {"images": pixels})[0]

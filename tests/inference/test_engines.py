"""Engines agree, and an image's features don't depend on its company."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from support.project import ROOT

from swatchbook.base.errors import NetworkError
from swatchbook.inference import engines
from swatchbook.inference.engines import Network
from swatchbook.training.networks import architectures, network_export
from swatchbook.training.parameters import RefineDnn

HAS_BFLOAT16 = "BF16" in engines.openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default network, with its trained weights, at a small resolution."""
    file = tmp_path_factory.mktemp("network") / "network.onnx"
    settings = RefineDnn(resolution=96)
    network_export.export(architectures.build(settings), settings, pixels(2), file)
    return file


def pixels(count: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, 96, 96, 3), dtype=np.uint8)


def network(path: Path, precision: str = "float32", engine: str = "openvino") -> Network:
    return Network.load(path, precision, engine, 8, 2)


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return float(((one * other).sum(axis=1) / lengths).min())


def test_engines_agree(path: Path) -> None:
    plain = network(path, engine="onnxruntime").features(pixels(8))
    other = network(path).features(pixels(8))
    assert np.abs(plain - other).max() <= 1e-3 * np.abs(plain).max()


@pytest.mark.skipif(not HAS_BFLOAT16, reason="this CPU has no bfloat16 arithmetic")
def test_bfloat16_is_close(path: Path) -> None:
    exact, fast = network(path), network(path, "bfloat16")
    assert cosine(exact.features(pixels(8)), fast.features(pixels(8))) >= 0.99
    assert network(path, "auto").precision == "bfloat16"


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
@pytest.mark.parametrize("precision", ["float32", "auto"])
def test_an_image_has_the_same_features_in_any_batch(
    path: Path, engine: str, precision: str
) -> None:
    net = network(path, precision, engine)
    images = pixels(8)
    together = net.features(images)
    alone = np.concatenate([net.features(images[n : n + 1]) for n in range(8)])
    assert (together == alone).all()
    assert (net.features(images[::-1])[::-1] == together).all()


def test_threads_do_not_disturb_each_other(path: Path) -> None:
    net = network(path)
    parts = [pixels(8)[n : n + 2] for n in range(6)] * 4
    one_by_one = [net.features(part) for part in parts]
    with ThreadPoolExecutor(4) as pool:
        at_once = list(pool.map(net.features, parts))
    for expected, found in zip(one_by_one, at_once, strict=True):
        assert (expected == found).all()


FIRST_CALLS_AT_ONCE = """
import os, sys, threading
from pathlib import Path
import numpy as np
from swatchbook.inference.engines import Network

network = Network.load(Path(sys.argv[1]), "float32", "openvino", 1, 8)
sys.setswitchinterval(1e-6)
barrier = threading.Barrier(8)

def first_call():
    barrier.wait()
    network.features(np.zeros((1, 96, 96, 3), np.uint8))

threads = [threading.Thread(target=first_call, daemon=True) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
os._exit(0)
"""


def test_first_calls_of_many_threads_at_once_do_not_deadlock(path: Path) -> None:
    """Without the call in the constructor this hung in 5 of 8 runs."""
    for _ in range(4):
        subprocess.run(
            [sys.executable, "-c", FIRST_CALLS_AT_ONCE, str(path)],
            check=True, timeout=120, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip


SIGNAL_AFTER_NETWORKS = """
import faulthandler, os, signal, sys
from pathlib import Path
from swatchbook.inference.engines import Network

faulthandler.enable()  # pytest does so too; from then on handlers have a stack of their own
caught = []
signal.signal(signal.SIGTERM, lambda *_: caught.append(1))
first = Network.load(Path(sys.argv[1]), "auto", "openvino", 1, 1)
second = Network.load(Path(sys.argv[1]), "float32", "openvino", 1, 1)
for network in ("first", "second"):
    del globals()[network]
    os.kill(os.getpid(), signal.SIGTERM)
print(len(caught))
"""


def test_a_signal_after_networks_were_closed_is_no_crash(path: Path) -> None:
    """On a processor with AMX this was a segmentation fault: see ``openvino_core``."""
    done = subprocess.run(
        [sys.executable, "-c", SIGNAL_AFTER_NETWORKS, str(path)], check=True, timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout == "2\n"


def test_what_this_machine_lacks_is_an_error(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # E03
    with pytest.raises(NetworkError, match="bfloat16 is not to be had here"):
        network(path, "bfloat16", "onnxruntime")
    monkeypatch.setattr("swatchbook.inference.engines._has_cuda", lambda: False)
    with pytest.raises(NetworkError, match="'cuda' needs a GPU"):
        network(path, engine="cuda")
    assert network(path, engine="auto").engine == "openvino"

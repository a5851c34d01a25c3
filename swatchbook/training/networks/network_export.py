"""Networks as ONNX: ``images (n, r, r, 3) uint8`` in, ``features`` and, when refined, ``logits``.

Normalisation is part of the graph; all else that a user of the file must know is in its metadata.
A file replaces the old one only after ONNX Runtime has reproduced the network on real images.
"""

import hashlib
import importlib.util
import io
import json
import platform
import re
import warnings
from importlib import metadata
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn

from swatchbook.base import onnx_runtime
from swatchbook.base.errors import NetworkError
from swatchbook.images import decoding
from swatchbook.project import models
from swatchbook.training.networks.architectures import FeatureExtractor, Refinable
from swatchbook.training.parameters import RefineDnn

# float32 sums in another order; measured 8e-6 on EfficientNet-Lite0
_TOLERANCE = 1e-3
_OPSET = 17


def export(
    network: FeatureExtractor | Refinable,
    settings: RefineDnn,
    sample: np.ndarray,
    path: Path,
    refined: dict[str, str] | None = None,
) -> dict[str, str]:
    """Write ``network.onnx`` and return its metadata; ``sample`` is (n, r, r, 3) uint8.

    ``refined`` is added to the metadata: what only a trained network has.

    Raises:
        NetworkError: where the file differs by more than a thousandth of an output's range.
    """
    network.eval()
    names = ["features", "logits"] if isinstance(network, Refinable) else ["features"]
    side = settings.resolution
    blank = torch.zeros((2, side, side, 3), dtype=torch.uint8)
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        # tracing constants of this resolution is what is wanted here
        warnings.simplefilter("ignore")
        found = network(torch.from_numpy(sample))
        torch.onnx.export(
            network, (blank,), buffer, dynamo=False, opset_version=_OPSET,  # type: ignore[arg-type]
            input_names=["images"], output_names=names,
            dynamic_axes={name: {0: "n"} for name in ["images", *names]},
        )  # fmt: skip
    outputs = found if isinstance(found, tuple) else (found,)
    expected = {name: item.numpy() for name, item in zip(names, outputs, strict=True)}
    facts = {
        **describe(settings, expected["features"].shape[1], weights_digest(network)),
        "torch": torch.__version__,
        "torchvision": _torchvision_version(),
        **(refined or {}),
    }
    content = models.serialize(onnx.load_from_string(buffer.getvalue()), facts)
    check_parity(content, sample, expected)
    models.save(content, path)
    return facts


def check_parity(network: bytes, sample: np.ndarray, expected: dict[str, np.ndarray]) -> None:
    """Raise NetworkError unless ``network`` gives the ``expected`` outputs of ``sample``."""
    found = onnx_runtime.session(network).run(list(expected), {"images": sample})
    for (name, wanted), output in zip(expected.items(), found, strict=True):
        difference = np.abs(output - wanted).max() / max(1e-12, np.abs(wanted).max())
        if not difference <= _TOLERANCE:  # also where it is NaN
            raise NetworkError(
                f"refine_dnn: the exported network differs from its source by {difference:.1e} of "
                f"the range of its {name} (allowed {_TOLERANCE:.0e}); nothing was replaced"
            )


def describe(settings: RefineDnn, width: int, weights_sha256: str) -> dict[str, str]:
    """The metadata of every network."""
    return {
        "mode": settings.mode,
        "architecture": settings.architecture,
        "pretrained": settings.pretrained,
        "weights_sha256": weights_sha256,
        "features": str(width),
        **settings.frame.metadata,
        "door_version": str(decoding.DOOR_VERSION),
        "onnx": onnx.__version__,
        "pillow": metadata.version("pillow"),
        "python": platform.python_version(),
    }


def refined_facts(
    settings: RefineDnn, labels: list[str], epoch: int, refit: bool
) -> dict[str, str]:
    """The further metadata of a refined network: its labels in order, and how it was trained.

    ``refit``: it has seen the validation fold, too.
    """
    return {
        "labels": json.dumps(labels, ensure_ascii=False),
        "validation_fold": str(settings.validation_fold),
        "best_epoch": str(epoch),
        "refit": str(refit).lower(),
        "training": settings.model_dump_json(),
    }


def weights_digest(module: nn.Module) -> str:
    """SHA-256 over all weights and statistics of a network, by name."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def _torchvision_version() -> str:
    # with its build (+cu130), which its metadata lack; importing it for that takes a second
    spec = importlib.util.find_spec("torchvision")
    assert spec is not None
    assert spec.origin is not None
    text = Path(spec.origin).with_name("version.py").read_text(encoding="utf-8")
    found = re.search(r"__version__ = ['\"](.+?)['\"]", text)
    return found[1] if found else metadata.version("torchvision")

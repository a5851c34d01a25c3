"""Model files: ONNX only, each whole in one file, with what it is and depends on as metadata."""

from pathlib import Path

import numpy as np
import onnx

from swatchbook.base import files, onnx_runtime
from swatchbook.base.errors import NetworkError
from swatchbook.project.paths import CLASSIFIER as CLASSIFIER
from swatchbook.project.paths import NETWORK as NETWORK

# names of the last layer's weights and bias in a refined network
HEAD = ("head.weight", "head.bias")


def serialize(model: onnx.ModelProto, facts: dict[str, str]) -> bytes:
    """The bytes of ``model`` with ``facts`` as metadata; equal models give equal bytes."""
    onnx.helper.set_model_props(model, facts)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def load(path: Path, needed: set[str]) -> tuple[bytes, dict[str, str]]:
    """The bytes of a model and its metadata.

    Raises:
        NetworkError: where it is missing, is no ONNX file, keeps weights in other files or
            lacks one of the ``needed`` metadata.
    """
    try:
        content = path.read_bytes()
        model = onnx.load_from_string(content)
    except FileNotFoundError:
        raise NetworkError(f"{path}: no such file; `dvc repro` makes it") from None
    except Exception as error:  # protobuf's own kinds
        raise NetworkError(f"{path}: not an ONNX file ({error}); `dvc repro` makes it") from None
    if any(tensor.external_data for tensor in model.graph.initializer):
        # a path inside a model file can point anywhere (CVE-2022-25882 and its successors)
        raise NetworkError(f"{path}: keeps weights in other files, which is not allowed")
    facts = {entry.key: entry.value for entry in model.metadata_props}
    if missing := sorted(needed - set(facts)):
        raise NetworkError(
            f"{path}: its metadata lack {missing[0]!r}: not made by this project; "
            "`dvc repro` makes one"
        )
    return content, facts


def head(network: bytes) -> tuple[np.ndarray, np.ndarray] | None:
    """Weights ``(classes, d)`` and bias ``(classes,)`` of a refined network's last layer."""
    found = {
        tensor.name: onnx.numpy_helper.to_array(tensor)
        for tensor in onnx.load_from_string(network).graph.initializer
        if tensor.name in HEAD
    }
    return (found[HEAD[0]], found[HEAD[1]]) if len(found) == len(HEAD) else None


def save(content: bytes, path: Path) -> None:
    """Replace the model at ``path`` at once."""
    files.write_bytes(path, content)


class Classifier:
    """A classifier's ONNX bytes made ready to run, on one thread; safe to share."""

    def __init__(self, content: bytes) -> None:
        self._session = onnx_runtime.session(content)

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Probabilities ``(n, k) float32`` of features ``(n, d) float32``."""
        found: np.ndarray = self._session.run(["probabilities"], {"features": features})[0]
        return found


def probabilities(content: bytes, features: np.ndarray) -> np.ndarray:
    """Probabilities ``(n, k) float32`` by a classifier's ONNX bytes."""
    return Classifier(content)(features)

"""Where in an image a classifier finds a class: class activation maps, from the ONNX files alone.

A network that ends in a mean over all places, before a linear classifier, has its score as a mean
of what each place says (Zhou et al., "Learning Deep Features for Discriminative Localization",
CVPR 2016). No training framework is needed, and nothing is estimated.
"""

import threading

import numpy as np
import onnx
from onnx import numpy_helper

from swatchbook.base import onnx_runtime
from swatchbook.base.errors import NetworkError

# what may stand between the mean over all places and the features: it moves no value
_SHAPES = ("Flatten", "Reshape", "Squeeze", "Identity")
_TINY = 1e-12


class ActivationMaps:
    """The maps of a network and a classifier, both as ONNX bytes; for several threads.

    Raises:
        NetworkError: where the network doesn't end in global average pooling, or the classifier
            is not linear.
    """

    def __init__(self, network: bytes, classifier: bytes) -> None:
        self._weights, self._normalizes = _linear(onnx.load_from_string(classifier))
        model = onnx.load_from_string(network)
        self._input = model.graph.input[0].name
        self._places = _pooled(model.graph)
        model.graph.output.append(onnx.ValueInfoProto(name=self._places))
        self._session = onnx_runtime.session(model.SerializeToString())
        self._running = threading.Lock()

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """What each place says for each class, of images ``(n, r, r, 3) uint8``.

        Returns ``(n, k, h, w) float32``; the mean over the places is a class's score without its
        bias.
        """
        with self._running:
            (places,) = self._session.run([self._places], {self._input: pixels})
        if self._normalizes:
            lengths = np.linalg.norm(places.mean(axis=(2, 3)), axis=1)
            places = places / np.maximum(lengths, _TINY)[:, None, None, None]
        found: np.ndarray = np.einsum("ndhw,dk->nkhw", places, self._weights, optimize=True)
        return found


def against_the_rest(maps: np.ndarray, code: int) -> np.ndarray:
    """What speaks for a class ``(h, w)`` in maps ``(k, h, w)``, more than for the mean of the
    others: what all classes get alike changes no probability."""
    others = np.delete(maps, code, axis=0)
    return np.asarray(maps[code] - others.mean(axis=0) if len(others) else maps[code])


def _linear(model: onnx.ModelProto) -> tuple[np.ndarray, bool]:
    """Weights ``(d, k) float32``, and whether features are scaled to length 1 before."""
    graph = model.graph
    (last,) = [node for node in graph.node if node.op_type == "Gemm"][:1] or [None]
    if last is None:
        raise NetworkError(
            "the classifier is not linear: a heat map needs train_classifier.kind: svm, logistic "
            "or dnn"
        )
    constants = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    return constants[last.input[1]], any(node.op_type == "ReduceL2" for node in graph.node)


def _pooled(graph: onnx.GraphProto) -> str:
    """The value ``(n, d, h, w)`` whose mean over all places are the features."""
    made_by = {name: node for node in graph.node for name in node.output}
    node = made_by.get("features")
    while node is not None and node.op_type in _SHAPES:
        node = made_by.get(node.input[0])
    if node is not None and (
        node.op_type == "GlobalAveragePool"
        or (node.op_type == "ReduceMean" and _axes(node, made_by, graph) in ([2, 3], [-2, -1]))
    ):
        return str(node.input[0])
    raise NetworkError(
        f"the network ends in {node.op_type if node else 'nothing'}: a heat map needs one that "
        "ends in global average pooling, as efficientnet_lite0 and resnet18 do"
    )


def _axes(
    node: onnx.NodeProto, made_by: dict[str, onnx.NodeProto], graph: onnx.GraphProto
) -> list[int]:
    """Of a ReduceMean: an attribute, and since opset 18 an input."""
    for attribute in node.attribute:
        if attribute.name == "axes":
            return sorted(attribute.ints)
    if len(node.input) < 2:
        return []
    name = node.input[1]
    constants = {one.name: one for one in graph.initializer}
    if name in made_by and made_by[name].op_type == "Constant":
        constants[name] = made_by[name].attribute[0].t
    return sorted(numpy_helper.to_array(constants[name]).tolist()) if name in constants else []

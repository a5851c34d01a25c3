"""One file to deploy: network and classifier as one ONNX model that says what it is.

``images (n, resolution, resolution, 3) uint8`` → ``probabilities (n, k) float32``, ``label (n,)
int64`` (index of the most probable class) and ``features (n, d) float32``. Labels, preprocessing,
precision, what it was made of and when to answer "not sure" stand in its metadata.
"""

import json
import multiprocessing
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, compose, helper, version_converter

from swatchbook.base import files
from swatchbook.base.errors import NetworkError
from swatchbook.bundle.abstention import Rule
from swatchbook.images import decoding
from swatchbook.project import models

# of the metadata and of the graph's inputs and outputs
FORMAT = "1"
_PREFIX = "classifier/"
_ANEW = "make it anew with `swatchbook bundle`"
_NEEDED = {
    "swatchbook", "labels", "resolution", "resize", "door_version", "features", "precision",
    "network", "abstention",
}  # fmt: skip


@dataclass(frozen=True)
class Bundle:
    """A bundle's bytes with its metadata; ``rules`` are the thresholds it may answer from."""

    content: bytes
    metadata: Mapping[str, str]
    labels: list[str]
    rules: list[Rule]

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of its file: the name of this model."""
        return files.digest(self.content)

    @property
    def precision(self) -> str:
        """The arithmetic of the features that the classifier was trained on."""
        return self.metadata["precision"]

    @property
    def threshold(self) -> float:
        """The confidence from which it answers, unless it is told otherwise; 0: always."""
        return float(self.metadata.get("threshold", "0"))

    @cached_property
    def network(self) -> bytes:
        """The part from images to features, as an ONNX model."""
        # by name, not by onnx.utils.Extractor, which infers all shapes anew
        model = onnx.load_from_string(self.content)
        graph = model.graph
        for field in (graph.node, graph.initializer):
            _keep(field, lambda name: not _is_classifier(name))
        _keep(graph.output, lambda name: name == "features")
        part: bytes = model.SerializeToString()
        return part

    @cached_property
    def classifier(self) -> bytes:
        """The part from features to probabilities, as an ONNX model."""
        model = onnx.load_from_string(self.content)
        graph = model.graph
        for field in (graph.node, graph.initializer):
            _keep(field, _is_classifier)
        del graph.input[:]
        graph.input.extend(value for value in graph.output if value.name == "features")
        _keep(graph.output, lambda name: name != "features")
        del graph.value_info[:]
        part: bytes = model.SerializeToString()
        return part


def merged(
    network: bytes, classifier: bytes, metadata: Mapping[str, str], rules: list[Rule]
) -> bytes:
    """The bytes of a bundle: equal parts give equal bytes."""
    first, second = onnx.load_from_string(network), onnx.load_from_string(classifier)
    # a graph has one version of each set of operators: that of the classifier, which is ours
    version = next(opset.version for opset in second.opset_import if not opset.domain)
    if first.opset_import[0].version != version:
        first = version_converter.convert_version(first, version)
    first.ir_version = second.ir_version
    second = compose.add_prefix(second, _PREFIX, rename_outputs=False, inplace=True)
    model = compose.merge_models(
        first, second, [("features", f"{_PREFIX}features")], outputs=["features", "probabilities"]
    )
    graph = model.graph
    graph.name = "swatchbook"
    graph.node.append(
        helper.make_node("ArgMax", ["probabilities"], ["label"], "label", axis=1, keepdims=0)
    )
    features, probabilities = graph.output
    label = helper.make_tensor_value_info("label", TensorProto.INT64, ["n"])
    del graph.output[:]
    graph.output.extend([probabilities, label, features])
    # merging names a set of operators once for each part; tools that quantise take it for two
    used = {node.domain for node in graph.node}
    versions = {one.domain: one.version for one in model.opset_import if one.domain in used}
    del model.opset_import[:]
    model.opset_import.extend(helper.make_opsetid(*one) for one in versions.items())
    onnx.checker.check_model(model)
    table = json.dumps([asdict(rule) for rule in rules])
    return models.serialize(model, {"swatchbook": FORMAT, **metadata, "abstention": table})


def read(path: Path) -> Bundle:
    """The bundle in a file.

    Raises:
        NetworkError: where it is missing, damaged, or made for another preprocessing than this
            version's: its probabilities would not be those that were measured.
    """
    content, metadata = models.load(path, set())
    if missing := sorted(_NEEDED - set(metadata)):
        raise NetworkError(
            f"{path}: not a bundle, its metadata lack {missing[0]!r}; `swatchbook bundle` makes one"
        )
    if metadata["swatchbook"] != FORMAT:
        raise NetworkError(
            f"{path}: a bundle of format {metadata['swatchbook']!r}; this version reads "
            f"{FORMAT!r}; {_ANEW}"
        )
    if metadata["door_version"] != str(decoding.DOOR_VERSION):
        raise NetworkError(
            f"{path}: made for version {metadata['door_version']} of the preprocessing, this is "
            f"{decoding.DOOR_VERSION}; make it anew with `swatchbook bundle`"
        )
    try:
        labels = json.loads(metadata["labels"])
        rules = [Rule(**row) for row in json.loads(metadata["abstention"])]
        resolution, width = int(metadata["resolution"]), int(metadata["features"])
        threshold = float(metadata.get("threshold", "0"))
        if not 0 <= threshold <= 1:
            raise ValueError(f"threshold {threshold} is none from 0 to 1")
    except (ValueError, TypeError, KeyError) as error:
        raise NetworkError(f"{path}: its metadata can't be read: {error}; {_ANEW}") from None
    found = _shapes(onnx.load_from_string(content).graph)
    expected = {
        "images": [resolution, resolution, 3], "probabilities": [len(labels)], "features": [width],
    }  # fmt: skip
    for name, sides in expected.items():
        if found.get(name) != sides:
            raise NetworkError(
                f"{path}: {name} are {found.get(name)} in its graph but {sides} in its metadata; "
                f"{_ANEW}"
            )
    return Bundle(content, metadata, labels, rules)


def read_apart(path: Path, niceness: int) -> Bundle:
    """As ``read``, with its parts and digest, in a process of its own.

    Protobuf holds Python's lock while it reads or writes a model: some tenths of a second in which
    no other thread of a service could run.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, os.nice, (niceness,)) as pool:
        return pool.submit(_whole, path).result()


def _whole(path: Path) -> Bundle:
    found = read(path)
    # kept in the bundle, these go over with it
    assert found.digest
    assert found.network
    assert found.classifier
    return found


def _is_classifier(name: str) -> bool:
    return name.startswith(_PREFIX) or name in ("scores", "probabilities", "label")


def _keep(field: Any, wanted: Callable[[str], bool]) -> None:
    """Remove from a repeated field what has another name, without copying the weights."""
    for number in reversed(range(len(field))):
        one = field[number]
        if not wanted(one.output[0] if isinstance(one, onnx.NodeProto) else one.name):
            del field[number]


def _shapes(graph: onnx.GraphProto) -> dict[str, list[int]]:
    """Sides of each input and output, without that of the batch."""
    return {
        value.name: [side.dim_value for side in value.type.tensor_type.shape.dim][1:]
        for value in [*graph.input, *graph.output]
    }

"""ONNX graphs on their way into CNTK 2.7 and out of it."""

import copy
import io
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from swatchbook.base.errors import NetworkError, first_line
from swatchbook.project import models
from swatchbook.training.networks.architectures import FeatureExtractor

# the newest operators that CNTK 2.7 reads and writes
_OPSET = 9


def write_backbone(extractor: FeatureExtractor, side: int, path: Path) -> None:
    """Write an extractor's backbone for CNTK to train: normalised planes in, features out."""
    # the exporter makes one of equal weights, as those of batch norm are at first: they would be
    # trained as one. So it gets other ones, and the graph the true ones afterwards
    weights = extractor.backbone.state_dict()
    distinct = copy.deepcopy(extractor.backbone)
    distinct.load_state_dict(
        {name: torch.rand_like(item.float()) for name, item in weights.items()}
    )
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # PRESERVE keeps batch norm apart from convolutions, and warns of that
        warnings.simplefilter("ignore")
        _torch_export(
            distinct, (torch.zeros(1, 3, side, side),), buffer, dynamo=False,
            opset_version=_OPSET, training=torch.onnx.TrainingMode.PRESERVE,
            do_constant_folding=False, input_names=["pixels"], output_names=["features"],
        )  # fmt: skip
    model = onnx.load_from_string(buffer.getvalue())
    for item in model.graph.initializer:
        if item.name in weights:
            item.CopyFrom(numpy_helper.from_array(weights[item.name].numpy(), item.name))
        elif item.data_type == TensorProto.FLOAT and item.dims:
            raise NetworkError(
                f"refine_dnn.engine: cntk can't train this network: the exporter made "
                f"{item.name!r} of its weights; use engine: torch"
            )
    _dense_to_convolution(model.graph)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _torch_export(*arguments: Any, **options: Any) -> None:
    try:
        torch.onnx.export(*arguments, **options)
    except torch.onnx.errors.OnnxExporterError as error:
        raise NetworkError(
            "refine_dnn.engine: cntk can't train this network, which ONNX 9 has no words for: "
            f"{first_line(error)}; use engine: torch"
        ) from None


def finish(
    model: onnx.ModelProto,
    facts: dict[str, str],
    mean: list[float],
    std: list[float],
    bgr: bool,
    head: tuple[np.ndarray, np.ndarray] | None,
) -> bytes:
    """The bytes of ``network.onnx`` from what CNTK wrote: preprocessing before it, head after it.

    ``head`` is weights ``(classes, d)`` and bias ``(classes,)``.
    """
    graph = model.graph
    _keep_names_free(graph)
    constants = {item.name: item for item in graph.initializer}
    (source,) = [item for item in graph.input if item.name not in constants]
    _free_batch(graph, source.name)
    height, width = (axis.dim_value for axis in source.type.tensor_type.shape.dim[2:])
    # CNTK lists every weight as an input
    del graph.input[:], graph.value_info[:]
    graph.input.append(
        helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", height, width, 3])
    )
    before = _preprocessing(graph, source.name, mean, std, bgr)
    flat = helper.make_node("Flatten", [graph.output[0].name], ["features"], axis=1)
    after = [flat]
    outputs = [
        helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", int(facts["features"])])
    ]
    if head is not None:
        for name, value in zip(models.HEAD, head, strict=True):
            graph.initializer.append(numpy_helper.from_array(value.astype(np.float32), name))
        after.append(helper.make_node("Gemm", ["features", *models.HEAD], ["logits"], transB=1))
        outputs.append(
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", len(head[1])])
        )
    nodes = [*before, *graph.node, *after]
    del graph.node[:], graph.output[:]
    graph.node.extend(nodes)
    graph.output.extend(outputs)
    used = {name for node in nodes for name in node.input}
    kept = [item for item in graph.initializer if item.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    onnx.checker.check_model(model, full_check=True)
    return models.serialize(model, facts)


def _keep_names_free(graph: onnx.GraphProto) -> None:
    """Rename what has one of the names that the finished graph gives to inputs and outputs."""
    taken = ("images", "features", "logits")
    for node in graph.node:
        for names in (node.input, node.output):
            for number, name in enumerate(names):
                if name in taken:
                    names[number] = f"{name}_within"
    for item in (*graph.input, *graph.output):
        if item.name in taken:
            item.name = f"{item.name}_within"


def _dense_to_convolution(graph: onnx.GraphProto) -> None:
    """AlexNet's dense layers as convolutions: CNTK reads ``Gemm``, but writes it out wrongly."""
    if not any(node.op_type == "Gemm" for node in graph.node):
        return
    constants = {item.name: item for item in graph.initializer}
    nodes, flattened, channels = [], ("", ""), 0
    for node in graph.node:
        if node.op_type == "Conv":
            channels = constants[node.input[1]].dims[0]
        if node.op_type == "Flatten":
            flattened = node.output[0], node.input[0]
            continue
        if node.op_type == "Gemm":
            weight = constants[node.input[1]]
            outputs, inputs = weight.dims
            side = math.isqrt(inputs // channels)
            kernel = numpy_helper.to_array(weight).reshape(outputs, channels, side, side)
            weight.CopyFrom(numpy_helper.from_array(kernel, weight.name))
            channels = outputs
            source = flattened[1] if node.input[0] == flattened[0] else node.input[0]
            node = helper.make_node(
                "Conv", [source, *node.input[1:]], list(node.output), name=node.name,
                kernel_shape=[side, side], strides=[1, 1], pads=[0] * 4,
            )  # fmt: skip
        nodes.append(node)
    last, name = nodes[-1], nodes[-1].output[0]
    last.output[0] = f"{name}_map"
    nodes.append(helper.make_node("Flatten", [f"{name}_map"], [name], axis=1))
    del graph.node[:], graph.value_info[:]
    graph.node.extend(nodes)


def _free_batch(graph: onnx.GraphProto, source: str) -> None:
    """Let the number of images be any: CNTK writes 1 into every reshape of what flows."""
    constants = {item.name: item for item in graph.initializer}
    flowing = {source}
    for node in graph.node:
        if not flowing & set(node.input):
            continue
        flowing |= set(node.output)
        if node.op_type == "Reshape":
            shape = numpy_helper.to_array(constants[node.input[1]]).copy()
            shape[0] = -1
            name = f"{node.input[1]}_any"
            graph.initializer.append(numpy_helper.from_array(shape, name))
            node.input[1] = name
        elif node.op_type == "BatchNormalization":
            for attribute in node.attribute:
                if attribute.name == "momentum":  # without meaning now, but checked
                    attribute.f = 0.9
        elif node.op_type == "Dropout":
            node.op_type = "Identity"
            del node.attribute[:], node.output[1:]


def _preprocessing(
    graph: onnx.GraphProto, source: str, mean: list[float], std: list[float], bgr: bool
) -> list[onnx.NodeProto]:
    def constant(name: str, value: np.ndarray) -> str:
        graph.initializer.append(numpy_helper.from_array(value, name))
        return name

    def per_channel(values: list[float]) -> np.ndarray:
        return np.array(values, np.float32).reshape(1, -1, 1, 1)

    nodes = [helper.make_node("Cast", ["images"], ["as_floats"], to=TensorProto.FLOAT)]
    if bgr:
        order = constant("blue_green_red", np.array([2, 1, 0], np.int64))
        nodes.append(helper.make_node("Gather", ["as_floats", order], ["as_bgr"], axis=3))
    nodes += [
        helper.make_node("Transpose", [nodes[-1].output[0]], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Sub", ["planes", constant("mean", per_channel(mean))], ["centred"]),
        helper.make_node("Div", ["centred", constant("std", per_channel(std))], ["normalised"]),
    ]
    for node in graph.node:
        for number, name in enumerate(node.input):
            if name == source:
                node.input[number] = "normalised"
    return nodes

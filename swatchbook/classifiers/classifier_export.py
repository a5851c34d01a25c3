"""A trained classifier as ONNX: features in, scores and calibrated probabilities out.

The graphs are small enough to be written out by hand; the parity check against scikit-learn
stands beside them. Nothing is ever pickled.
"""

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from scipy.special import softmax
from sklearn.ensemble import RandomForestClassifier

from swatchbook.base.errors import NetworkError
from swatchbook.classifiers.estimators import SMALLEST_VOTE, Trained, prepared, scores
from swatchbook.project import models

_OPSETS = {"": 17, "ai.onnx.ml": 3}
# float32 against float64
_TOLERANCE = 1e-3


def to_onnx(trained: Trained, width: int, l2_normalize: bool) -> onnx.ModelProto:
    """``features (n, width) float32`` → ``scores (n, k)``, ``probabilities (n, k)`` float32."""
    nodes: list[onnx.NodeProto] = []
    constants: list[onnx.TensorProto] = []

    def constant(name: str, value: Any) -> str:
        constants.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
        return name

    source = "features"
    if l2_normalize:
        nodes.append(helper.make_node("ReduceL2", [source], ["length"], axes=[1], keepdims=1))
        nodes.append(helper.make_node("Max", ["length", constant("tiny", 1e-12)], ["divisor"]))
        nodes.append(helper.make_node("Div", [source, "divisor"], ["normalized"]))
        source = "normalized"
    if isinstance(trained.estimator, RandomForestClassifier):
        nodes.append(_forest(trained.estimator, source))
        nodes.append(helper.make_node("Max", ["votes", constant("least", SMALLEST_VOTE)], ["some"]))
        nodes.append(helper.make_node("Log", ["some"], ["scores"]))
    else:
        weights, bias = _linear(trained.estimator)
        inputs = [source, constant("weights", weights), constant("bias", bias)]
        nodes.append(helper.make_node("Gemm", inputs, ["scores"]))
    scale = constant("temperature", trained.temperature)
    nodes.append(helper.make_node("Div", ["scores", scale], ["cooled"]))
    nodes.append(helper.make_node("Softmax", ["cooled"], ["probabilities"], axis=1))
    classes = len(trained.classes)
    graph = helper.make_graph(
        nodes,
        "classifier",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", width])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", classes])
            for name in ("scores", "probabilities")
        ],
        constants,
    )
    opsets = [helper.make_opsetid(domain, version) for domain, version in _OPSETS.items()]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="swatchbook")
    onnx.checker.check_model(model)
    return model


def check_parity(
    content: bytes, trained: Trained, features: np.ndarray, l2_normalize: bool
) -> None:
    """Raise NetworkError unless the model at ``content`` agrees with scikit-learn.

    Probabilities may differ by a thousandth, and the most probable class only where two are
    closer than that.
    """
    expected = softmax(
        scores(trained.estimator, prepared(features, l2_normalize)) / trained.temperature, axis=1
    )
    found = models.probabilities(content, features)
    rows = np.arange(len(features))
    difference = np.abs(found - expected).max()
    regret = (expected.max(axis=1) - expected[rows, found.argmax(axis=1)]).max()
    if not max(difference, regret) <= _TOLERANCE:
        raise NetworkError(
            f"train_classifier: the exported classifier differs from scikit-learn by "
            f"{difference:.1e} (allowed {_TOLERANCE:.0e}); nothing was replaced"
        )


def _linear(estimator: Any) -> tuple[np.ndarray, np.ndarray]:
    weights, bias = estimator.coef_.T, estimator.intercept_
    if weights.shape[1] == 1:
        return np.hstack([-weights, weights]), np.concatenate([-bias, bias])
    return weights, bias


def _forest(forest: RandomForestClassifier, source: str) -> onnx.NodeProto:
    table: dict[str, Any] = {
        key: []
        for key in (
            "nodes_treeids", "nodes_nodeids", "nodes_featureids", "nodes_values", "nodes_modes",
            "nodes_truenodeids", "nodes_falsenodeids", "target_treeids", "target_nodeids",
            "target_ids", "target_weights",
        )
    }  # fmt: skip
    for number, member in enumerate(forest.estimators_):
        tree = member.tree_
        leaf = tree.children_left < 0
        nodes = np.arange(tree.node_count)
        table["nodes_treeids"] += [number] * tree.node_count
        table["nodes_nodeids"] += nodes.tolist()
        table["nodes_featureids"] += np.where(leaf, 0, tree.feature).tolist()
        table["nodes_values"] += _not_above(np.where(leaf, 0, tree.threshold)).tolist()
        table["nodes_modes"] += np.where(leaf, "LEAF", "BRANCH_LEQ").tolist()
        table["nodes_truenodeids"] += np.where(leaf, 0, tree.children_left).tolist()
        table["nodes_falsenodeids"] += np.where(leaf, 0, tree.children_right).tolist()
        votes = tree.value[:, 0, :]
        votes = votes / votes.sum(axis=1, keepdims=True) / len(forest.estimators_)
        for node in nodes[leaf]:
            table["target_treeids"] += [number] * votes.shape[1]
            table["target_nodeids"] += [int(node)] * votes.shape[1]
            table["target_ids"] += range(votes.shape[1])
            table["target_weights"] += votes[node].tolist()
    return helper.make_node(
        "TreeEnsembleRegressor", [source], ["votes"], domain="ai.onnx.ml",
        n_targets=len(forest.classes_), **table,
    )  # fmt: skip


def _not_above(thresholds: np.ndarray) -> np.ndarray:
    """The largest float32 not above each float64: ``x <= t`` then means the same for float32 x."""
    rounded = thresholds.astype(np.float32)
    lower = np.nextafter(rounded, np.float32(-np.inf))
    return np.where(rounded > thresholds, lower, rounded)

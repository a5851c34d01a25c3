"""Maps add up to the scores, point at what was put there, and are refused where there are none."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from swatchbook.base import onnx_runtime
from swatchbook.base.errors import NetworkError
from swatchbook.classifiers import classifier_export, estimators
from swatchbook.classifiers.parameters import TrainClassifier
from swatchbook.prediction.activation_maps import ActivationMaps, against_the_rest
from swatchbook.training.networks import architectures, network_export
from swatchbook.training.parameters import RefineDnn


def exported(architecture: str, folder: Path, pixels: np.ndarray) -> bytes:
    """A network for these pixels."""
    path = folder / "network.onnx"
    pretrained = "imagenet" if architecture == "efficientnet_lite0" else "none"
    settings = RefineDnn(
        architecture=architecture, pretrained=pretrained, resolution=pixels.shape[1]
    )
    network_export.export(architectures.build(settings), settings, pixels[:2], path)
    return path.read_bytes()


def pictures(count: int, side: int = 96) -> np.ndarray:
    """Noise; every second one has a chessboard in its upper left quarter."""
    found = np.random.default_rng(0).integers(90, 160, (count, side, side, 3), dtype=np.uint8)
    board = np.kron(np.indices((6, 6)).sum(axis=0) % 2, np.ones((8, 8)))
    found[1::2, :48, :48] = (255 * board[..., None]).astype(np.uint8)
    return found


def classifier(features: np.ndarray, labels: np.ndarray, normalizes: bool, kind: str) -> bytes:
    settings = TrainClassifier(kind=kind, l2_normalize=normalizes)
    estimator = estimators.untrained(settings, 1.0)
    estimator.fit(estimators.prepared(features, normalizes), labels)
    classes = [str(name) for name in estimator.classes_]
    nothing = np.zeros(0)
    trained = estimators.Trained(estimator, classes, 1.0, 1.0, [], nothing, nothing, 0)
    model = classifier_export.to_onnx(trained, features.shape[1], normalizes)
    return bytes(model.SerializeToString())


@pytest.mark.parametrize(
    ("architecture", "normalizes", "classes"),
    [("efficientnet_lite0", True, 2), ("resnet18", False, 3)],
)
def test_the_mean_of_a_map_is_the_score(
    architecture: str, normalizes: bool, classes: int, tmp_path: Path
) -> None:
    pixels = pictures(12)
    network = exported(architecture, tmp_path, pixels)
    features = onnx_runtime.session(network).run(["features"], {"images": pixels})[0]
    content = classifier(features, np.arange(12) % classes, normalizes, "svm")
    maps = ActivationMaps(network, content)(pixels)
    assert maps.shape[:2] == (12, classes)
    (scores,) = onnx_runtime.session(content).run(["scores"], {"features": features})
    constants = onnx.load_from_string(content).graph.initializer
    (bias,) = (onnx.numpy_helper.to_array(one) for one in constants if one.name == "bias")
    assert maps.mean(axis=(2, 3)) == pytest.approx(
        scores - bias, abs=1e-3 * float(np.abs(scores).max())
    )


def test_it_points_at_what_makes_the_class(tmp_path: Path) -> None:
    pixels = pictures(24)
    network = exported("efficientnet_lite0", tmp_path, pixels)
    features = onnx_runtime.session(network).run(["features"], {"images": pixels})[0]
    content = classifier(features, np.arange(24) % 2, True, "svm")
    for maps in ActivationMaps(network, content)(pixels[1::2]):
        found = against_the_rest(maps, 1)
        assert found == pytest.approx(-against_the_rest(maps, 0), abs=1e-5)
        y, x = np.unravel_index(found.argmax(), found.shape)
        assert max(y, x) <= found.shape[0] // 2


def test_without_pooling_or_a_linear_classifier_there_is_none(tmp_path: Path) -> None:
    pixels = pictures(8)
    network = exported("efficientnet_lite0", tmp_path, pixels)
    features = onnx_runtime.session(network).run(["features"], {"images": pixels})[0]
    labels = np.arange(8) % 2
    with pytest.raises(NetworkError, match="the classifier is not linear: a heat map needs"):
        ActivationMaps(network, classifier(features, labels, True, "random_forest"))
    other = exported("alexnet", tmp_path, pictures(2, 223))
    with pytest.raises(NetworkError, match=r"the network ends in .*: a heat map needs"):
        ActivationMaps(other, classifier(features, labels, True, "svm"))

"""Graphs into CNTK and out of it: equal weights stay apart, and dense layers survive."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from support.full import some_of

from swatchbook.base.errors import NetworkError
from swatchbook.training.cntk import graphs
from swatchbook.training.networks import architectures
from swatchbook.training.parameters import RefineDnn

PATH = Path("backbone.onnx")


@pytest.mark.parametrize(
    ("architecture", "side"),
    some_of(
        [("efficientnet_lite0", 90), ("timm:test_resnet", 64)], [("resnet18", 64), ("alexnet", 224)]
    ),
)
def test_the_backbone_has_its_true_weights_and_no_other(architecture: str, side: int) -> None:
    """At first all batch norm layers are equal: the exporter would make one of them."""
    settings = RefineDnn(architecture=architecture, pretrained="none", resolution=side)
    extractor = architectures.build(settings)
    graphs.write_backbone(extractor, side, PATH)
    model = onnx.load(PATH)
    assert model.opset_import[0].version == 9
    assert not {node.op_type for node in model.graph.node} & {"Gemm"}
    planes = np.random.default_rng(0).normal(size=(1, 3, side, side)).astype(np.float32)
    found = onnxruntime.InferenceSession(PATH).run(None, {"pixels": planes})[0]
    with torch.no_grad():
        expected = extractor.backbone(torch.from_numpy(planes)).numpy()
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()
    stored = {item.name for item in model.graph.initializer}
    used = {
        name
        for name, _ in extractor.backbone.named_parameters()
        if not name.endswith(("_fc.weight", "_fc.bias"))
    }
    assert used <= stored


def test_a_network_that_onnx_9_has_no_words_for_is_an_error() -> None:
    settings = RefineDnn(architecture="timm:vit_tiny_patch16_224", pretrained="none", resolution=96)
    with pytest.raises(NetworkError, match="cntk can't train this network") as found:
        graphs.write_backbone(architectures.build(settings), 96, PATH)
    assert "\n" not in str(found.value)


def test_preprocessing_goes_before_and_the_head_after() -> None:
    settings = RefineDnn(architecture="resnet18", pretrained="none", resolution=64)
    extractor = architectures.build(settings)
    graphs.write_backbone(extractor, 64, PATH)
    head = np.random.default_rng(1).normal(size=(4, 512)).astype(np.float32), np.ones(4, np.float32)
    mean, std = ([float(x) for x in item.flatten()] for item in (extractor.mean, extractor.std))
    content = graphs.finish(onnx.load(PATH), {"features": "512"}, mean, std, False, head)
    session = onnxruntime.InferenceSession(content)
    pixels = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)
    features, logits = session.run(["features", "logits"], {"images": pixels})
    with torch.no_grad():
        expected = extractor(torch.from_numpy(pixels)).numpy()
    assert np.abs(features - expected).max() <= 1e-4 * np.abs(expected).max()
    assert np.allclose(logits, features @ head[0].T + head[1], rtol=1e-4, atol=1e-3)

    # blue first, and all of its own: the same numbers come to the network
    graphs.write_backbone(extractor, 64, PATH)
    swapped = graphs.finish(onnx.load(PATH), {"features": "512"}, mean, std, True, None)
    session = onnxruntime.InferenceSession(swapped)
    assert [output.name for output in session.get_outputs()] == ["features"]
    other = session.run(["features"], {"images": pixels[..., ::-1].copy()})[0]
    assert np.allclose(other, features, rtol=1e-4, atol=1e-5 * np.abs(features).max())

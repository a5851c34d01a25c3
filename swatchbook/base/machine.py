"""Settings of this machine, from SWATCHBOOK_* variables. They never change a result's meaning,
so they are no parameters: changing one re-runs nothing.

SWATCHBOOK_CACHE    folder of all caches (default: swatchbook in the user's cache folder)
SWATCHBOOK_WORKERS  threads or processes to use (default: the processors this process may use)
SWATCHBOOK_BATCH    images in one forward pass (default: 8)
SWATCHBOOK_ENGINE   auto, cuda, openvino or onnxruntime (default: auto)
SWATCHBOOK_DEVICE   auto, cpu or cuda: where networks are trained (default: auto)
SWATCHBOOK_PROCESSES  processes that train one network together (default: one a GPU, else 1)
SWATCHBOOK_LOADERS  processes that prepare training images beside it (default: 0; as many as
                    workers where a GPU trains)
SWATCHBOOK_CHECKPOINT_MINUTES  time between checkpoints inside an epoch (default: 10)
SWATCHBOOK_DECODED_GIB  bound of the cache of decoded images (default: 20)
SWATCHBOOK_CONTACT  how a site can reach who downloads from it: an address for the User-Agent
SWATCHBOOK_ALLOW_NETWORKS  networks beside the public internet that downloads may connect to
                    (10.0.0.0/8,…; default: none)
SWATCHBOOK_BRAVE_KEY  key of Brave Search, for acquire.source: search:brave; never written anywhere
SWATCHBOOK_API_KEY  what clients of `swatchbook serve` must show, and `swatchbook call` shows; at
                    least 16 characters; never written anywhere
SWATCHBOOK_CNTK     the Python of the CNTK environment (default: where `make cntk` puts it)
"""

import ctypes
import ipaddress
import math
import os
import sys
from pathlib import Path

from platformdirs import user_cache_dir

from swatchbook.base.errors import ParamsError, did_you_mean

_OWN_GROUPS, _GROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")
ENGINES = ("auto", "cuda", "openvino", "onnxruntime")
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
DEVICES = ("auto", "cpu", "cuda")


def cache_folder() -> Path:
    """The absolute folder of all caches; it is shared by every clone and experiment."""
    return Path(os.environ.get("SWATCHBOOK_CACHE") or user_cache_dir("swatchbook")).absolute()


def lock(name: str) -> Path:
    """Where the lock of that name stands; it outlives who held it, and is never removed."""
    return cache_folder() / "locks" / f"{name}.lock"


def workers() -> int:
    """How many threads or processes may work at once."""
    # a batch system may grant fewer processors than the machine has, a container a share of them
    granted = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    share = math.ceil(min(_quota(_OWN_GROUPS, _GROUPS), 2**20))
    return _positive("SWATCHBOOK_WORKERS", max(1, min(granted or 1, share)))


def batch() -> int:
    """How many images one forward pass takes."""
    return _positive("SWATCHBOOK_BATCH", 8)


def engine() -> str:
    """The inference engine asked for: one of ``ENGINES``."""
    return _one_of("SWATCHBOOK_ENGINE", ENGINES)


def device() -> str:
    """Where networks are to be trained: one of ``DEVICES``."""
    return _one_of("SWATCHBOOK_DEVICE", DEVICES)


def has_nvidia_driver() -> bool:
    """Whether a GPU of NVIDIA could be used at all; whether one can is for PyTorch to say."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True


def processes(default: int) -> int:
    """How many processes train one network together."""
    return _positive("SWATCHBOOK_PROCESSES", default)


def loaders(default: int) -> int:
    """How many processes prepare training images beside the one that trains."""
    return _number("SWATCHBOOK_LOADERS", default, 0)


def checkpoint_seconds() -> float:
    """The longest time in seconds that a killed training run loses, beside the current epoch."""
    return 60 * _positive("SWATCHBOOK_CHECKPOINT_MINUTES", 10)


def decoded_bytes() -> int:
    """The bound of the cache of decoded images, in bytes."""
    return 2**30 * _positive("SWATCHBOOK_DECODED_GIB", 20)


def agent() -> str:
    """The name under which sites see this program."""
    contact = os.environ.get("SWATCHBOOK_CONTACT") or ""
    if not contact.isascii() or not contact.isprintable():
        raise ParamsError(f"SWATCHBOOK_CONTACT: {contact!r} is not plain text")
    return "swatchbook/1 (images for a classifier" + (f"; {contact})" if contact else ")")


def allowed_networks() -> list[IPNetwork]:
    """Networks that are not public, but meant."""
    names = (os.environ.get("SWATCHBOOK_ALLOW_NETWORKS") or "").split(",")
    try:
        return [ipaddress.ip_network(name.strip()) for name in names if name.strip()]
    except ValueError as error:
        raise ParamsError(f"SWATCHBOOK_ALLOW_NETWORKS: {error}") from None


def brave_key() -> str:
    """The key of Brave Search. Raises ParamsError where there is none."""
    key = (os.environ.get("SWATCHBOOK_BRAVE_KEY") or "").strip()
    if not key or not key.isascii() or not key.isprintable():
        raise ParamsError(
            "SWATCHBOOK_BRAVE_KEY: acquire.source: search:brave needs your key in it "
            "(https://api-dashboard.search.brave.com)"
        )
    return key


def api_key() -> str:
    """What clients of the service must show; empty: nothing."""
    key = (os.environ.get("SWATCHBOOK_API_KEY") or "").strip()
    if key and (len(key) < 16 or not key.isascii() or not key.isprintable()):
        raise ParamsError("SWATCHBOOK_API_KEY: must be at least 16 printable ASCII characters")
    return key


def cntk_python() -> Path:
    """The interpreter of the environment that has CNTK."""
    return Path(os.environ.get("SWATCHBOOK_CNTK") or cache_folder() / "cntk/bin/python")


def _one_of(variable: str, known: tuple[str, ...]) -> str:
    name = os.environ.get(variable) or known[0]
    if name not in known:
        raise ParamsError(
            f"{variable}: {name!r} is not known.{did_you_mean(name, known)} "
            f"Known: {', '.join(known)}"
        )
    return name


def _quota(own: Path, root: Path) -> float:
    """How many processors' time the control groups of this process grant; infinite: all.

    Of version 2 (``cpu.max``) and 1 (``cpu.cfs_quota_us``), the least of its group and those
    around it (https://docs.kernel.org/admin-guide/cgroup-v2.html).
    """
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return math.inf
    least = math.inf
    for line in lines:
        number, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        if number == "0" and not names:
            top, read = root, _of_version_2
        elif "cpu" in names.split(","):
            top, read = root / "cpu", _of_version_1
        else:
            continue
        folder = top / path.strip("/")
        # a container sees its own group as the root, whatever it is called outside
        for one in {folder, top, *(up for up in folder.parents if top in up.parents)}:
            least = min(least, read(one))
    return least


def _of_version_2(folder: Path) -> float:
    try:
        most, period = (folder / "cpu.max").read_text().split()
        return int(most) / int(period)
    except (OSError, ValueError, ZeroDivisionError):  # "max 100000": no limit
        return math.inf


def _of_version_1(folder: Path) -> float:
    try:
        most, period = (
            int((folder / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period")
        )
        return most / period if most > 0 else math.inf
    except (OSError, ValueError, ZeroDivisionError):
        return math.inf


def _positive(variable: str, default: int) -> int:
    return _number(variable, default, 1)


def _number(variable: str, default: int, least: int) -> int:
    text = os.environ.get(variable)
    if not text:
        return default
    if not text.isdecimal() or int(text) < least:
        raise ParamsError(f"{variable}: {text!r} is not a whole number of at least {least}")
    return int(text)

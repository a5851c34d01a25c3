"""This machine's caches: what each is called and what it holds. All of it can be had again."""

from collections.abc import Iterator
from pathlib import Path

from swatchbook.base import machine
from swatchbook.base.cache import Cache

# one file each
SEEN = "seen"  # verdicts on files, by stamp and by digest
QUALITY = "looks"  # brightness, contrast and sharpness of images
SEARCHES = "searches"  # what image searches found
STAGE_TIMES = "durations"  # how long stages took
PACKS = "packs"  # what remote storage has of features
# a folder each
FEATURES = "features"  # a file for each network: features by image
DOWNLOADS = "downloads"  # fetched files under their digests, and what became of each URL
DECODED = "decoded"  # images decoded at one size, for training
TRAINING = "training"  # checkpoints of training runs
COLUMNS = "columns"  # tables as the browser reads them
LAYOUTS = "layouts"  # maps of features for the browser
THUMBNAILS = "thumbnails"  # small pictures for the browser
OPENVINO = "openvino"  # compiled networks
CNTK = "cntk"  # CNTK's own Python


def opened(name: str) -> Cache:
    """The cache of that name in one file."""
    return Cache(machine.cache_folder() / f"{name}.sqlite")


def folder(name: str) -> Path:
    """The folder of a cache of several files."""
    return machine.cache_folder() / name


def all_files() -> Iterator[Path]:
    """Every cache that is a ``Cache`` of its own, but for those of decoded images."""
    home = machine.cache_folder()
    for pattern in ("*.sqlite", f"{FEATURES}/*.sqlite", f"{DOWNLOADS}/*.sqlite"):
        yield from sorted(home.glob(pattern))

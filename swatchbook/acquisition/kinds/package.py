"""Images that ship in an installed Python package, one folder per class."""

from collections.abc import Iterator
from functools import partial
from importlib import metadata
from pathlib import Path, PurePosixPath

from swatchbook.acquisition.candidate import Candidate
from swatchbook.acquisition.kinds.folder import read_limited
from swatchbook.acquisition.layout import Layout
from swatchbook.base.errors import DataError
from swatchbook.images import formats


def candidates(requirement: str) -> Iterator[Candidate]:
    """Every image file of the package, sorted by name; its class is the folder it stands in.

    ``requirement`` is ``NAME==VERSION``; another installed version is an error, because the
    images are part of what a result can be traced to.
    """
    name, _, version = requirement.partition("==")
    try:
        package = metadata.distribution(name)
    except (metadata.PackageNotFoundError, ValueError):
        raise DataError(
            f"acquire.source: package {name!r} is not installed: pip install {requirement}"
        ) from None
    if package.version != version:
        raise DataError(
            f"acquire.source: {requirement!r} is asked for, but {package.version} is installed; "
            f"write package:{name}=={package.version} or install the other"
        )
    paths = [PurePosixPath(str(file)) for file in package.files or []]
    for path in sorted(path for path in paths if path.suffix.lower() in formats.SUFFIXES):
        label = Layout(len(path.parts) - 2).label(path)
        file = Path(str(package.locate_file(path)))
        stamp = f"{name}=={version}|{path}"
        yield Candidate(
            str(path), label, stamp, "" if label else "no_class", partial(read_limited, file)
        )

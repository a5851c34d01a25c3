"""What goes to the machines of a cluster: this code, and the model with its golden images."""

import zipfile
from pathlib import Path
from typing import Any

from swatchbook.base import files

_LIBRARY = Path(__file__).parents[1]
# dates of files would give another archive each time
_DATE = (1980, 1, 1, 0, 0, 0)


def ship(session: Any, folder: Path, contents: dict[str, bytes]) -> str:
    """Send the code and ``contents`` (bytes by name); the name under which workers find these.

    ``folder`` is a temporary one of this process.
    """
    session.addArtifacts(str(_code(folder)), pyfile=True)
    digest = files.digest(b"".join(name.encode() + data for name, data in contents.items()))
    path = folder / f"swatchbook-{digest[:16]}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in contents.items():
            archive.writestr(zipfile.ZipInfo(name, _DATE), data)
    session.addArtifacts(str(path), file=True)
    return path.name


def received(name: str) -> dict[str, bytes]:
    """On a worker: the contents that ``ship`` has sent under ``name``."""
    from pyspark import SparkFiles

    with zipfile.ZipFile(SparkFiles.get(name)) as archive:
        return {one: archive.read(one) for one in archive.namelist()}


def _code(folder: Path) -> Path:
    path = folder / "swatchbook-code.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(_LIBRARY.rglob("*.py")):
            name = str(Path("swatchbook") / file.relative_to(_LIBRARY))
            archive.writestr(zipfile.ZipInfo(name, _DATE), file.read_bytes())
    return path

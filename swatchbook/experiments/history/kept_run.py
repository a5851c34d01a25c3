"""A run that git and DVC keep, unpacked into a folder that can be looked at like a project's."""

from pathlib import Path

from swatchbook.base.errors import DataError
from swatchbook.experiments.history import runs
from swatchbook.project import params, stage, tables
from swatchbook.project.paths import CLASSIFIER, NETWORK
from swatchbook.project.shared_keys import DataSet

_IMAGES = Path("data/images")
# without these there is nothing to look at
_NEEDED = (params.PATH, tables.MANIFEST.path)
_WANTED = (
    tables.CURATED.path, tables.SPLIT.path, tables.PREDICTIONS.path, tables.SUSPECTS.path,
    tables.FEATURES_PATH, NETWORK, CLASSIFIER, stage.metrics_path("evaluate"),
)  # fmt: skip


def unpack(run: str, folder: Path) -> list[str]:
    """Write the tables, models and label fixes of ``run`` to ``folder``; what it doesn't have.

    Pictures are those of this project's store, which keeps each image under its digest.

    Raises:
        DataError: there is no such run, or what it left is neither here nor in a remote.
    """
    for path in _NEEDED:
        _write(folder / path, runs.content(run, path))
    missing = []
    fixes = _fixes(folder)
    for path in (*_WANTED, *fixes):
        try:
            _write(folder / path, runs.content(run, path))
        except DataError:
            # of a run in which nobody had fixed a label there are none
            missing += [path.as_posix()] if path not in fixes else []
    if _IMAGES.is_dir():
        (folder / _IMAGES).symlink_to(_IMAGES.absolute())
    return missing


def _fixes(folder: Path) -> list[Path]:
    data_set = params.load(DataSet, folder / params.PATH).data_set
    return [Path(f"annotations/{data_set}{end}") for end in (".csv", ".classes.txt")]


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)

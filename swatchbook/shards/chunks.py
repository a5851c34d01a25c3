"""Results of shards, one folder a shard, each there as a whole or not at all.

    results/  run.json, manifest.*                what was asked of which images
              chunk=00000/  part.parquet, _SUCCESS   the rows of one shard, and their digest

Any number of processes on any number of machines that share the folder may write to it: a chunk is
made under a name of its own, and a rename makes it the chunk. Who comes second finds it there.
"""

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from swatchbook.base import files
from swatchbook.base.errors import DataError
from swatchbook.shards import manifest, paths, sample, unfinished
from swatchbook.shards.manifest import Manifest

FORMAT = 1
RUN, PART, SUCCESS = "run.json", "part.parquet", "_SUCCESS"
# what may give other last bits in another version
_LIBRARIES = ("numpy", "onnxruntime", "openvino", "opencv-python-headless", "pillow")
_MAKING = ".making-"
# what stands in a folder before it says what it is
_FIRST = (RUN, paths.FACTS, paths.ROWS)


@dataclass(frozen=True)
class Chunks:
    """The results of one run over the images of ``manifest``, in ``folder``.

    ``facts`` say what was asked (of which share of the images: ``sample_frac`` and ``seed``): two
    runs whose facts differ never share a folder.
    """

    folder: Path
    manifest: Manifest
    facts: dict[str, Any]

    def __contains__(self, shard: object) -> bool:
        """Whether the results of a shard are there, and whole."""
        return isinstance(shard, int) and self.flaw(shard) is None

    def wanted(self, shard: int) -> pd.DataFrame:
        """The rows of the manifest that the results of a shard must have, in their order."""
        rows = self.manifest.of_shards[shard]
        return rows[sample.chosen(rows["sha256"], self.facts["sample_frac"], self.facts["seed"])]

    def to_do(self, shards: Iterable[int]) -> list[int]:
        """Those of ``shards`` whose results are still to be made."""
        return [shard for shard in shards if shard not in self]

    def flaw(self, shard: int) -> str | None:
        """What is wrong with the results of a shard: ``missing`` or ``damaged``; None: nothing."""
        folder = self.of(shard)
        try:
            facts = json.loads((folder / SUCCESS).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return "missing"
        except (OSError, ValueError):
            return "damaged"
        part = folder / PART
        whole = part.is_file() and files.sha256(part) == facts.get("sha256")
        return None if whole else "damaged"

    def of(self, shard: int) -> Path:
        """The folder of a shard's results."""
        return self.folder / f"chunk={shard:05}"

    def commit(self, shard: int, rows: pa.Table) -> None:
        """Put the results of a shard in their place; what is there already, and whole, stays."""
        making = self.folder / unfinished.name(_MAKING)
        making.mkdir()
        try:
            with files.replacing(making / PART) as temporary:
                pq.write_table(rows, temporary, compression="zstd")
            facts = {"rows": rows.num_rows, "sha256": files.sha256(making / PART)}
            _write_json(making / SUCCESS, facts)
            if self.of(shard).exists() and shard not in self:
                self.of(shard).rename(making / "damaged")
            try:
                making.rename(self.of(shard))
            except OSError:
                if shard not in self:  # else another was first: its rows are the same
                    raise
            else:
                shutil.rmtree(self.of(shard) / "damaged", ignore_errors=True)
        finally:
            shutil.rmtree(making, ignore_errors=True)

    def read(self, shard: int) -> pa.Table:
        """The results of a shard. Raises DataError where they are not there, or damaged."""
        try:
            with pq.ParquetFile(self.of(shard) / PART) as file:
                return file.read()
        except (OSError, pa.ArrowException) as error:
            raise DataError(
                f"{self.of(shard)}: can't be read ({type(error).__name__}); run the command that "
                "made it once more"
            ) from None

    def all(self) -> Iterator[pa.Table]:
        """The results that are there, and whole, by shard."""
        for shard in range(self.manifest.shards):
            if shard in self:
                yield self.read(shard)


def begin(
    folder: Path, of: Manifest, facts: Mapping[str, Any], allow_versions: bool = False
) -> Chunks:
    """Begin a run in ``folder``, or go on with it; whoever is first lays down what it is.

    Raises:
        DataError: where the folder holds something else, was begun with other ``facts`` or other
            images, or by other versions of what computes (unless ``allow_versions``).
    """
    wanted = {"format": FORMAT, "manifest": of.digest, **facts}
    if not (folder / RUN).exists():
        _lay_down(folder, of, wanted)
    begun = _facts_of(folder)
    versions = begun.pop("versions", {})
    if different := sorted(key for key in {*begun, *wanted} if begun.get(key) != wanted.get(key)):
        what = "; ".join(
            f"{'images' if key == 'manifest' else key} {_short(begun.get(key))}, "
            f"now {_short(wanted.get(key))}"
            for key in different
        )
        raise DataError(
            f"--out: {str(folder)!r} was begun with {what}; nothing was written. Choose another "
            "folder, or remove that one"
        )
    own = _versions()
    others = [name for name in own if versions.get(name) != own[name]]
    if others and not allow_versions:
        what = ", ".join(f"{name} {versions.get(name)}, here {own[name]}" for name in others)
        raise DataError(
            f"--out: {str(folder)!r} was begun with {what}: last digits may differ. Install the "
            "same versions, or give --allow-versions"
        )
    chunks = Chunks(folder, of, wanted)
    unfinished.remove(folder, _MAKING)
    return chunks


def opened(folder: Path) -> Chunks:
    """The results in a folder, with the copy of their manifest. Raises DataError."""
    facts = _facts_of(folder)
    found = manifest.read(folder)
    if facts.get("manifest") != found.digest:
        raise DataError(
            f"{folder}: its manifest is of other images than {RUN} names; use a whole copy of it"
        )
    return Chunks(folder, found, facts)


def _lay_down(folder: Path, of: Manifest, facts: dict[str, Any]) -> None:
    """Begin a run in a folder that is empty, or in which others have just begun the same."""
    if folder.exists():
        there = {path.name for path in folder.iterdir()} if folder.is_dir() else {folder.name}
        if others := [name for name in there if name not in _FIRST and not name.startswith(".")]:
            raise DataError(
                f"--out: {str(folder)!r} is there and holds no results of shards, but "
                f"{sorted(others)[0]!r}; choose another folder"
            )
    folder.mkdir(parents=True, exist_ok=True)
    of.write(folder)
    making = folder / unfinished.name(_MAKING)
    _write_json(making, {**facts, "versions": _versions()})
    try:
        # unlike a rename it fails where another was first
        (folder / RUN).hardlink_to(making)
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        making.rename(folder / RUN)
    finally:
        making.unlink(missing_ok=True)


def _write_json(path: Path, facts: dict[str, Any]) -> None:
    # every digit: what is asked for is compared
    files.write_bytes(path, (json.dumps(facts, indent=2, ensure_ascii=False) + "\n").encode())


def _facts_of(folder: Path) -> dict[str, Any]:
    path = folder / RUN
    try:
        facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        version = facts["format"]
    except FileNotFoundError:
        raise DataError(
            f"{str(folder)!r} holds no results of shards ({RUN}); `swatchbook predict SHARDS "
            "--shard 1/1 --out DIR` makes them"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path}: can't be read ({type(error).__name__}); choose another folder"
        ) from None
    if version != FORMAT:
        raise DataError(
            f"{path}: of format {version!r}, this Swatchbook knows {FORMAT}; choose another "
            "folder, or use the version that began it"
        )
    return facts


def _versions() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "none"
    return found


def _short(value: Any) -> str:
    text = str(value)
    return f"{text[:12]}…" if len(text) == 64 else repr(value)

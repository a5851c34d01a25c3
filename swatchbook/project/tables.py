"""The tables that cross stages: their columns, types and meaning, checked when read and written.

CSV where a person may want to read a diff, Parquet where arrays live. Text that a spreadsheet
would run as a formula is written with a leading apostrophe and read back without it
(OWASP ASVS 1.2.10).
"""

import csv
import io
import warnings
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from swatchbook.base import files
from swatchbook.base.errors import DataError, first_line
from swatchbook.base.text import escaped
from swatchbook.project.parts import TEST as TEST
from swatchbook.project.parts import TRAIN as TRAIN
from swatchbook.project.parts import VALIDATION as VALIDATION

# before the name of a class: the column of its probability
_PROBABILITY = "p_"
_ANEW = "`dvc repro` makes it anew"


@dataclass(frozen=True)
class Table:
    """A CSV file: its path and its columns with their dtypes, in order."""

    path: Path
    columns: dict[str, str]

    def read(self) -> pd.DataFrame:
        """Read and check the file. Raises DataError where it is missing or has other columns."""
        try:
            with self.path.open(encoding="utf-8-sig", newline="") as file:
                text = file.read()
        except FileNotFoundError:
            raise DataError(f"{self.path}: no such file; `dvc repro` makes it") from None
        except ValueError as error:
            raise DataError(f"{self.path}: not a table: {error}; {_ANEW}") from None
        return self.parsed(text, str(self.path))

    def parsed(self, text: str, where: str) -> pd.DataFrame:
        """Check the table that ``text`` holds; errors (DataError) name ``where`` it is from."""
        try:
            if text.partition("\n")[0].endswith("\r"):
                text = text.replace("\r\n", "\n")  # a person's editor, not this project's
            names = next(csv.reader(io.StringIO(text, newline="")), [])
            kinds: dict[Hashable, Any] = {
                name: "float64" if name.startswith(_PROBABILITY) else "str" for name in names
            }
            with warnings.catch_warnings():
                # pandas only warns where a row has more fields than the header
                warnings.simplefilter("error", pd.errors.ParserWarning)
                frame = pd.read_csv(
                    io.StringIO(text), dtype=kinds, keep_default_na=False, na_values={},
                    lineterminator="\n", index_col=False,
                )  # fmt: skip
        except (pd.errors.ParserWarning, ValueError, csv.Error) as error:
            raise DataError(f"{where}: not a table: {first_line(error)}; {_ANEW}") from None
        missing = [name for name in self.columns if name not in frame]
        if missing:
            raise DataError(f"{where}: column {missing[0]!r} is missing; {_ANEW}")
        for name, kind in self.columns.items():
            try:
                frame[name] = _parsed(frame[name], kind)
            except (ValueError, OverflowError):
                raise DataError(
                    f"{where}: column {name!r} holds other than {kind}; {_ANEW}"
                ) from None
        for other in set(frame) - set(self.columns):
            if kinds.get(other, "str") == "str":
                frame[other] = _parsed(frame[other].astype(str), "str")
        return frame

    def write(self, frame: pd.DataFrame, extra: tuple[str, ...] = ()) -> None:
        """Write the table's columns, then the ``extra`` ones, at once."""
        out = frame[[*self.columns, *extra]].copy()
        for name in out:
            if out[name].dtype == object:
                out[name] = [escaped(str(text)) for text in out[name]]
        with files.replacing(self.path) as temporary:
            out.to_csv(temporary, index=False, lineterminator="\n", float_format="%.9g")


MANIFEST = Table(
    Path("data/manifest.csv"),
    # one row per candidate; status: ok or quarantined; source: name inside the source; url and
    # final_url to fetched: where a file from the web came from (sources.candidate.Origin);
    # file_sha256: of the file as it came, sha256: of what is stored (acquire.max_side);
    # part: train, val or test, where the source says so
    {
        "sha256": "str", "path": "str", "label": "str", "source": "str", "url": "str",
        "status": "str", "reason": "str", "width": "int64", "height": "int64", "bytes": "int64",
        "format": "str", "dhash": "str", "final_url": "str", "licence": "str", "author": "str",
        "query": "str", "rank": "str", "fetched": "str", "file_sha256": "str", "part": "str",
        "colours": "str",
    },
)  # fmt: skip
# what could not be used of a source that was refused as a whole
REFUSED = Table(Path("data/refused.csv"), {"source": "str", "label": "str", "reason": "str"})
CURATED = Table(
    Path("data/curated.csv"),
    # one row per usable candidate; kept: whether it goes on; reason: why not
    {
        "sha256": "str", "path": "str", "label": "str", "source": "str", "group": "str",
        "kept": "bool", "reason": "str", "part": "str",
    },
)  # fmt: skip
SPLIT = Table(
    Path("data/split.csv"),
    # one row per kept image; subset: train or test; fold: 0…k−1 in train, −1 in test
    {
        "sha256": "str", "path": "str", "label": "str", "source": "str", "group": "str",
        "subset": "str", "fold": "int64",
    },
)  # fmt: skip
UNREADABLE = Table(
    # images of the split that featurize could not read
    Path("data/unreadable.csv"), {"sha256": "str", "path": "str", "reason": "str"}
)  # fmt: skip
OUT_OF_FOLD = Table(
    # one row per training image, and p_<class> by a classifier that has not seen its fold
    Path("data/out_of_fold.csv"), {"sha256": "str"}
)  # fmt: skip
PREDICTIONS = Table(
    Path("data/predictions.csv"),
    # one row per image, and p_<class>…; subset: test, or train (out of fold)
    {
        "sha256": "str", "path": "str", "label": "str", "group": "str", "subset": "str",
        "predicted": "str", "confidence": "float64",
    },
)  # fmt: skip
TRAINING_CURVES = Table(
    Path("plots/refine_dnn/training.csv"),
    # one row per epoch of a refinement; errors are shares of images
    {"epoch": "int64"} | dict.fromkeys(
        ("rate", "training_loss", "training_error", "validation_loss", "validation_error",
         "validation_class_average_error"), "float64",
    ),
)  # fmt: skip
SUSPECTS = Table(
    Path("data/suspects.csv"),
    # one row per suspicion, best first; subset: train, test, or empty where it is left out
    {
        "sha256": "str", "path": "str", "label": "str", "subset": "str", "kind": "str",
        "suggested": "str", "score": "float64", "why": "str",
    },
)  # fmt: skip


# what `reason` of CURATED begins with, by why an image is left out; empty where it is kept
CONFLICT, EXCLUDED = "conflict", "excluded"
DUPLICATE, NEAR_DUPLICATE = "duplicate", "near-duplicate"


def outcomes(curated: pd.DataFrame) -> pd.Series:
    """Of each row of CURATED why it is left out, as one of the words above; empty: kept."""
    return curated["reason"].str.extract(r"^([\w-]*)", expand=False)


def counts_as_labelled(curated: pd.DataFrame) -> pd.Series:
    """Which rows of CURATED say something of their class: not those in conflict or excluded."""
    return ~outcomes(curated).isin((CONFLICT, EXCLUDED))


def probability_columns(classes: Sequence[str]) -> list[str]:
    """The columns of the probabilities of ``classes``."""
    return [f"{_PROBABILITY}{name}" for name in classes]


def classes_of(frame: pd.DataFrame) -> list[str]:
    """The classes that a table has probabilities of, in its order."""
    names = map(str, frame.columns)
    return [name.removeprefix(_PROBABILITY) for name in names if name.startswith(_PROBABILITY)]


@dataclass(frozen=True)
class Features:
    """Features of images and what made them.

    ``sha256`` has n digests, ``vectors`` is (n, d) float32, ``origin`` says which network,
    engine and precision made them.
    """

    sha256: list[str]
    vectors: np.ndarray
    origin: dict[str, str]

    def of(self, rows: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
        """Those of ``rows`` that have features, with their digest as index, and the features.

        Both are in the order of ``sha256``; ``rows`` has a column of that name, without repeats.
        """
        by_digest = rows.set_index("sha256", drop=False)
        chosen = [n for n, sha256 in enumerate(self.sha256) if sha256 in by_digest.index]
        found = by_digest.loc[[self.sha256[number] for number in chosen]]
        return found, self.vectors[chosen]


FEATURES_PATH = Path("data/features.parquet")


def write_features(features: Features, path: Path = FEATURES_PATH) -> None:
    """Write ``sha256, features`` (fixed-size list of float32) with the origin as metadata."""
    vectors = np.ascontiguousarray(features.vectors, np.float32)
    lists = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
    table = pa.table({"sha256": pa.array(features.sha256, pa.string()), "features": lists})
    with files.replacing(path) as temporary:
        # floats of a network hardly compress, and have no repeats to look up
        pq.write_table(
            table.replace_schema_metadata(features.origin), temporary,
            compression="none", use_dictionary=False, write_statistics=False,
        )  # fmt: skip


def read_features(path: Path = FEATURES_PATH) -> Features:
    """Read what ``write_features`` wrote. Raises DataError where it can't."""
    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; `dvc repro featurize` makes it") from None
    except pa.ArrowInvalid as error:
        raise DataError(f"{path}: not a table of features: {error}; {_ANEW}") from None
    if not {"sha256", "features"} <= set(table.column_names):
        raise DataError(
            f"{path}: not a table of features: its columns are {table.column_names}; {_ANEW}"
        )
    lists = table["features"].combine_chunks()
    vectors = lists.flatten().to_numpy().reshape(len(lists), lists.type.list_size)
    origin = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
    return Features(table["sha256"].to_pylist(), vectors, origin)


@dataclass(frozen=True)
class Selection:
    """What a refined network said before it had seen all labels, to choose and calibrate by.

    Of the images in ``sha256``: ``vectors (n, d) float32`` and ``logits (n, k) float32`` of the
    network that was trained without the validation fold. No rows: there is no such network apart
    from the one in ``models/network.onnx``, whose digest is ``network``.
    """

    sha256: list[str]
    vectors: np.ndarray
    logits: np.ndarray
    network: str = ""


SELECTION_PATH = Path("data/selection.parquet")


def write_selection(
    selection: Selection | None, network: str = "", path: Path = SELECTION_PATH
) -> None:
    """Write ``sha256, features, logits``, with the digest of the ``network``; None: no rows."""
    found = selection or Selection([], np.zeros((0, 1), np.float32), np.zeros((0, 1), np.float32))
    columns = {"sha256": pa.array(found.sha256, pa.string())}
    for name, values in (("features", found.vectors), ("logits", found.logits)):
        flat = pa.array(np.ascontiguousarray(values, np.float32).ravel())
        columns[name] = pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
    with files.replacing(path) as temporary:
        pq.write_table(
            pa.table(columns).replace_schema_metadata({"network": network}), temporary,
            compression="none", use_dictionary=False,
            write_statistics=False,
        )  # fmt: skip


def read_selection(path: Path = SELECTION_PATH) -> Selection:
    """Read what ``write_selection`` wrote. Raises DataError where it can't."""
    try:
        table = pq.read_table(path, columns=["sha256", "features", "logits"])
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; `dvc repro refine_dnn` makes it") from None
    except pa.ArrowException as error:
        raise DataError(f"{path}: not what refine_dnn writes: {error}; {_ANEW}") from None
    parts = []
    for name in ("features", "logits"):
        lists = table[name].combine_chunks()
        parts.append(lists.flatten().to_numpy().reshape(len(lists), lists.type.list_size))
    network = (table.schema.metadata or {}).get(b"network", b"").decode()
    return Selection(table["sha256"].to_pylist(), parts[0], parts[1], network)


def write_points(points: pd.DataFrame, path: Path) -> None:
    """Write the points of a plot as CSV at once, six significant digits."""
    with files.replacing(path) as temporary:
        points.to_csv(temporary, index=False, lineterminator="\n", float_format="%.6g")


def counted(column: pd.Series) -> dict[str, int]:
    """How often each value occurs, sorted by value."""
    return dict(sorted(Counter(column).items()))


def _parsed(column: pd.Series, kind: str) -> pd.Series:
    if kind == "bool":
        if not column.isin(["True", "False"]).all():
            raise ValueError
        return column.eq("True")
    if kind == "str":
        return column.map(lambda text: text[1:] if text.startswith("'") else text)
    return pd.Series(column.to_numpy().astype(kind), index=column.index)

"""Predictions as CSV, JSON or Parquet; and as a journal, from which a killed run goes on."""

import csv
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self, TextIO

from swatchbook.base import files, text
from swatchbook.base.errors import DataError
from swatchbook.prediction.formats import format_of
from swatchbook.prediction.predictions import REFUSED, Neighbour, Prediction, Wishes


class Journal:
    """The predictions of an unfinished run, beside the file that it will become.

    ``done`` counts the paths that it holds. Another ``run`` (of another model, of other images, in
    another arithmetic) or other wishes are an error (DataError): it would mix what is not alike.
    """

    def __init__(self, out: Path, run: Sequence[str], wishes: Wishes) -> None:
        self.path = out.with_name(f"{out.name}.partial")
        header = json.dumps({"run": list(run), "wishes": asdict(wishes)})
        if self.path.exists():
            self._cut_torn_line()
        with self.path.open("a+", encoding="utf-8") as file:
            file.seek(0)
            first = file.readline()
            if first and first != f"{header}\n":
                raise DataError(
                    f"{self.path}: begun with another model, other images or options; finish that "
                    "run, or remove the file to begin anew"
                )
            if not first:
                file.write(f"{header}\n")
        self.done = Counter(prediction.path for prediction in self.read())
        self._file = self.path.open("a", encoding="utf-8")

    def add(self, prediction: Prediction) -> None:
        """Keep one; a kill costs at most the few that are not yet on the disk."""
        self._file.write(json.dumps(asdict(prediction), ensure_ascii=True) + "\n")

    def flush(self) -> None:
        """Hand over to the system what was added."""
        self._file.flush()

    def read(self) -> Iterator[Prediction]:
        """All that it holds, in the order in which they were added."""
        with self.path.open(encoding="utf-8") as file:
            next(file)
            for line in file:
                yield _parsed(line)

    def close(self) -> None:
        """Close the file; it stays."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _cut_torn_line(self) -> None:
        with self.path.open("rb+") as file:
            end = file.seek(0, os.SEEK_END)
            start = max(0, end - 2**20)
            file.seek(start)
            tail = file.read()
            if tail and not tail.endswith(b"\n"):
                file.truncate(start + tail.rfind(b"\n") + 1)


def _parsed(line: str) -> Prediction:
    row = json.loads(line)
    row["top"] = [tuple(pair) for pair in row["top"]]
    row["neighbours"] = [Neighbour(**one) for one in row["neighbours"]]
    return Prediction(**row)


def write(rows: Iterable[Prediction], path: Path, top: int) -> None:
    """Write ``rows`` with ``top`` classes each to a file of the format that its name says."""
    with files.replacing(path) as temporary:
        if format_of(path) == "parquet":
            # pyarrow takes a while to import
            from swatchbook.prediction import parquet_file

            parquet_file.write(rows, temporary, top)
        else:
            with temporary.open("w", encoding="utf-8", newline="") as file:
                for _ in printed(rows, file, format_of(path), top):
                    pass


def printed(
    rows: Iterable[Prediction], file: TextIO, format_name: str, top: int
) -> Iterator[Prediction]:
    """Write each of ``rows`` to ``file`` as ``csv`` or ``json``, and pass it on."""
    yield from {"csv": _as_csv, "json": _as_json}[format_name](rows, file, top)


def _as_csv(rows: Iterable[Prediction], file: TextIO, top: int) -> Iterator[Prediction]:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*flat(Prediction("", "", ""), top)])
    for row in rows:
        values = flat(row, top)
        values["neighbours"] = " ".join(
            f"{one.label}:{one.similarity:.4f}:{one.sha256}" for one in row.neighbours
        )
        writer.writerow(text.escaped(_text(value)) for value in values.values())
        yield row


def _as_json(rows: Iterable[Prediction], file: TextIO, top: int) -> Iterator[Prediction]:
    # one object a line, so that a reader of lines can take it as well
    before = "["
    for row in rows:
        content = asdict(row)
        content["confidence"] = _confidence(row)
        content["top"] = [{"label": label, "probability": p} for label, p in row.top[:top]]
        file.write(f"{before}\n{json.dumps(content, ensure_ascii=False)}")
        before = ","
        yield row
    file.write("[]\n" if before == "[" else "\n]\n")


def flat(row: Prediction, top: int) -> dict[str, Any]:
    """The columns of a prediction; of the classes only where there are several.

    What a refused image doesn't have is None: a zero would count in a mean.
    """
    columns: dict[str, Any] = {
        "path": row.path, "sha256": row.sha256, "status": row.status, "reason": row.reason,
        "predicted": row.predicted, "confidence": _confidence(row),
    }  # fmt: skip
    for number in range(top if top > 1 else 0):
        label, probability = row.top[number] if number < len(row.top) else ("", None)
        columns |= {f"label_{number + 1}": label, f"p_{number + 1}": probability}
    return {**columns, "neighbours": ""}


def _confidence(row: Prediction) -> float | None:
    return None if row.status == REFUSED else row.confidence


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.9g}" if isinstance(value, float) else str(value)

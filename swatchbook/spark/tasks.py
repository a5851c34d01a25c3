"""What runs on the workers of a cluster: a shard at a time, by the code that any process runs.

A model is loaded once in a worker's process, and so is the sandbox that decodes.
"""

import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from swatchbook.base.errors import DataError, SwatchbookError
from swatchbook.bundle import golden, model_file
from swatchbook.bundle.predictor import Predictor
from swatchbook.inference.engines import Network
from swatchbook.prediction.decoder import Decoder
from swatchbook.shards import chunks, featurizing, scoring
from swatchbook.shards.chunks import Chunks
from swatchbook.spark import shipping

# of the rows that tasks give back
REPORT = "shard int, images int, seconds double, host string, pid int, error string"
MODEL = "model.onnx"
# Spark gives a task one processor, and runs as many as there are
_THREADS = 1


@dataclass(frozen=True)
class Job:
    """What all tasks of a job do: ``facts`` are those of the results; ``shipped`` names the model.

    ``shards`` and ``out`` are folders on a path that every machine has.
    """

    shards: str
    out: str
    facts: tuple[tuple[str, Any], ...]
    shipped: str
    allow_versions: bool


Work = Callable[[Path, int, Chunks], pa.Table]
# of this process: what is dear to open
_ready: dict[str, Work] = {}
_opened: dict[Job, Chunks] = {}


def run(
    batches: Iterator[pa.RecordBatch], job: Job, shards: tuple[int, ...]
) -> Iterator[pa.RecordBatch]:
    """Make and commit the results of those of ``shards`` that column ``id`` numbers.

    Gives a row of ``REPORT`` for each.

    What would go wrong on every machine is told in ``error``: to try it again helps nobody.
    """
    for batch in batches:
        for shard in (shards[place] for place in batch.column("id").to_pylist()):
            started = time.perf_counter()
            count, error = 0, ""
            try:
                count = _one(shard, job)
            except SwatchbookError as problem:
                error = f"{socket.gethostname()}: {problem}"
            row = {
                "shard": pa.array([shard], pa.int32()),
                "images": pa.array([count], pa.int32()),
                "seconds": pa.array([time.perf_counter() - started], pa.float64()),
                "host": pa.array([socket.gethostname()]),
                "pid": pa.array([os.getpid()], pa.int32()),
                "error": pa.array([error]),
            }
            yield pa.RecordBatch.from_pydict(row)


def _one(shard: int, job: Job) -> int:
    for folder in (job.shards, job.out):
        if not Path(folder).is_dir():
            raise DataError(
                f"{folder}: is not there; shards and --out must be on a path that every machine "
                "of the cluster has"
            )
    results = _results(job)
    if shard in results:
        return int(results.read(shard).num_rows)  # an attempt that was lost has come this far
    rows = _work(job)(Path(job.shards), shard, results)
    results.commit(shard, rows)
    return int(rows.num_rows)


def _results(job: Job) -> Chunks:
    # a manifest of millions takes a while to read and to check
    if job not in _opened:
        asked = {key: value for key, value in job.facts if key not in ("format", "manifest")}
        of = chunks.opened(Path(job.out)).manifest
        _opened[job] = chunks.begin(Path(job.out), of, asked, job.allow_versions)
    return _opened[job]


def _work(job: Job) -> Work:
    if job.shipped not in _ready:
        with tempfile.TemporaryDirectory() as folder:
            for name, content in shipping.received(job.shipped).items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            facts = dict(job.facts)
            make = _scorer if facts["what"] == scoring.WHAT else _featurizer
            _ready[job.shipped] = make(Path(folder, MODEL), facts)
    return _ready[job.shipped]


def _scorer(model: Path, facts: dict[str, Any]) -> Work:
    arithmetic = facts["precision"], facts["engine"], [facts["batch"]], _THREADS
    predictor = Predictor(model_file.read(model), *arithmetic)
    golden.check(golden.beside(model), predictor)
    decoder = Decoder(_THREADS, predictor.frame)
    return lambda shards, shard, results: scoring.score(
        shards, shard, results, predictor, _THREADS, decoder
    )


def _featurizer(model: Path, facts: dict[str, Any]) -> Work:
    network = Network.load(model, facts["precision"], facts["engine"], facts["batch"], _THREADS)
    decoder = Decoder(_THREADS, network.frame)
    return lambda shards, shard, results: featurizing.featurize(
        shards, shard, results, network, decoder
    )

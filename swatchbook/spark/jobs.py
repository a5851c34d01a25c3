"""Jobs on a cluster: plan, send, wait, and say what came of it. The results are chunks of shards,
the same whatever machine made them: ``swatchbook.shards``."""

import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from swatchbook.base import machine
from swatchbook.bundle import golden
from swatchbook.inference import engines
from swatchbook.prediction.run import Answers
from swatchbook.shards import chunks, featurizing, manifest
from swatchbook.shards import run as shards_run
from swatchbook.shards.chunks import Chunks
from swatchbook.shards.run import Terms
from swatchbook.spark import session, shipping, tasks
from swatchbook.spark.session import Cluster, SparkError
from swatchbook.spark.tasks import Job

_LOOKED_EVERY = 1.0


def score(
    shards: Path,
    model: Path,
    precision: str,
    answers: Answers,
    terms: Terms,
    out: Path,
    cluster: Cluster,
) -> None:
    """Score ``shards`` by the bundle at ``model`` into ``out``; what is there already stays.

    Raises:
        DataError: where the shards can't be read, or ``out`` was begun with something else.
        NetworkError: where the bundle can't run here, or on a worker.
        SparkError: where there is no session, or its job ended.
    """
    found = manifest.read(shards)
    _, results = shards_run.begun(found, model, precision, answers, terms, out)
    folder = golden.beside(model)
    contents = {tasks.MODEL: model.read_bytes()} | {
        f"{folder.name}/{path.name}": path.read_bytes() for path in sorted(folder.iterdir())
    }
    _run(shards, results, contents, cluster, terms.allow_versions)


def featurize(
    shards: Path,
    network: Path,
    precision: str,
    terms: Terms,
    out: Path,
    cluster: Cluster,
) -> None:
    """Compute features of ``shards`` by the network into ``out``. Raises as ``score``."""
    found = manifest.read(shards)
    at_work = engines.Network.load(network, precision, machine.engine(), machine.batch(), 1)
    facts = featurizing.facts(at_work, terms.sample_frac, terms.seed)
    results = chunks.begin(out, found, facts, terms.allow_versions)
    contents = {tasks.MODEL: network.read_bytes()}
    _run(shards, results, contents, cluster, terms.allow_versions)


def _run(
    shards: Path,
    results: Chunks,
    contents: dict[str, bytes],
    cluster: Cluster,
    allow_versions: bool,
) -> None:
    count = results.manifest.shards
    to_do = results.to_do(range(count))
    if len(to_do) < count:
        _say(f"spark: {count - len(to_do)} of {count} shards are in {results.folder}: going on")
    if not to_do:
        return
    started = time.perf_counter()
    with (
        tempfile.TemporaryDirectory(prefix="swatchbook-spark-") as folder,
        session.opened(cluster) as spark,
    ):
        shipped = shipping.ship(spark, Path(folder), contents)
        job = Job(
            str(shards.resolve()), str(results.folder.resolve()), tuple(results.facts.items()),
            shipped, allow_versions,
        )  # fmt: skip
        begun = time.perf_counter()
        rows = _collected(spark, to_do, job, results)
        ended = time.perf_counter()
    if errors := sorted({row.error for row in rows if row.error}):
        more = f" (and {len(errors) - 1} other errors)" if len(errors) > 1 else ""
        raise SparkError(f"spark: {errors[0]}{more}")
    images = sum(row.images for row in rows)
    workers, hosts = len({(row.host, row.pid) for row in rows}), len({row.host for row in rows})
    seconds = ended - begun
    _say(
        f"spark: {images} images of {len(to_do)} shards in {seconds:.0f} s by {workers} workers on "
        f"{hosts} machines ({images / seconds:.0f} images/s; session {begun - started:.0f} s) "
        f"→ {results.folder}; `swatchbook scored {results.folder}` counts them"
    )


def _collected(spark: Any, to_do: list[int], job: Job, results: Chunks) -> list[Any]:
    """A row of ``tasks.REPORT`` for each shard; each is a task of its own."""
    numbers = spark.range(0, len(to_do), 1, len(to_do))
    # looked up on the worker: Spark would put rows of a table into partitions as it likes
    done = numbers.mapInArrow(partial(tasks.run, job=job, shards=tuple(to_do)), tasks.REPORT)
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(results, len(to_do), over), daemon=True)
    watcher.start()
    try:
        rows: list[Any] = done.collect()
    except Exception as error:  # Spark's, Java's and the network's have nothing in common
        raise SparkError(
            f"spark: the job ended: {session.reason(error)}; what is done is kept, and the same "
            "command goes on"
        ) from None
    finally:
        over.set()
        watcher.join()
    return rows


def _watch(results: Chunks, to_do: int, over: threading.Event) -> None:
    before = sum(1 for _ in results.folder.glob("chunk=*"))
    with tqdm(total=to_do, unit="shard", disable=None) as bar:
        while not over.wait(_LOOKED_EVERY):
            bar.update(sum(1 for _ in results.folder.glob("chunk=*")) - before - bar.n)


def _say(text: str) -> None:
    print(text, file=sys.stderr)

"""A Spark session on this machine, on a cluster, or over Spark Connect; quiet, and ended for sure.

Only what Spark Connect has is used, so that managed clusters without a SparkContext do as well.
"""

import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swatchbook.base import machine
from swatchbook.base.errors import SwatchbookError

MISSING = (
    "spark: pyspark is not installed; `pip install 'swatchbook[spark]'` (in a clone: "
    "`pip install -r requirements-spark.txt`), and Java 17"
)
# times that a task may fail: a lost worker's are done elsewhere
_ATTEMPTS = 4
_DEFAULTS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.task.maxFailures": str(_ATTEMPTS),
    # who computes a shard a second time computes it for nothing
    "spark.speculation": "false",
    # a task is one thread: those of libraries would fight over the processors
    "spark.executorEnv.OMP_NUM_THREADS": "1",
}


class SparkError(SwatchbookError):
    """Spark is not here, can't be reached, or a job of it ended."""


@dataclass(frozen=True)
class Cluster:
    """Where Spark is: ``local[N]``, ``spark://HOST:PORT``, ``yarn``, ``k8s://…``, or
    ``sc://HOST:PORT`` (Spark Connect); and Spark's own ``settings``."""

    master: str
    settings: Mapping[str, str]


def at(master: str | None, settings: Iterable[tuple[str, str]]) -> Cluster:
    """The cluster at ``master``; None: all processors of this machine that may be used."""
    return Cluster(master or f"local[{machine.workers()}]", dict(settings))


@contextlib.contextmanager
def opened(cluster: Cluster) -> Iterator[Any]:
    """A session there. It ends with the context, also where this process is told to end.

    Raises:
        SparkError: where pyspark or Java is missing, or the master can't be reached.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise SparkError(MISSING) from None
    master = cluster.master
    remote = master.startswith("sc://")
    if not remote and shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        raise SparkError(
            "spark: Java is not here, and Spark runs in it; install Java 17 "
            "(Debian: openjdk-17-jre-headless)"
        )
    builder: Any = SparkSession.builder.appName("swatchbook")
    if remote:
        builder = builder.remote(master)
    else:
        # workers of this machine run this Python; those of others have their own
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        builder = builder.master(_with_attempts(master))
    for key, value in {**({} if remote else _DEFAULTS), **cluster.settings}.items():
        builder = builder.config(key, value)
    before = signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, _interrupted)
    session: Any = None
    log = Path(tempfile.gettempdir(), f"swatchbook-spark-{os.getpid()}.log")
    try:
        try:
            with _stderr_to(log):
                session = builder.getOrCreate()
        except Exception as error:  # whatever Java or the network ends with
            raise SparkError(f"spark: no session at {master!r}: {reason(error)}") from None
        yield session
    except SparkError as error:
        raise SparkError(f"{error} (Spark's log: {log})") from None
    else:
        log.unlink(missing_ok=True)
    finally:
        if session is not None:
            with contextlib.suppress(Exception):
                session.stop()
        signal.signal(signal.SIGTERM, before)


def reason(error: Exception) -> str:
    """What an error of Spark's says, as one line: Java's first words, or Python's last ones."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    of_java = [line.removeprefix(": ") for line in lines if line.startswith(": ")]
    of_python = [line for line in lines if "Error: " in line or "Exception: " in line]
    telling = of_java[:1] or of_python[-1:] or lines[:1] or [type(error).__name__]
    return telling[0][:300]


def _with_attempts(master: str) -> str:
    # local[2] alone tries once
    is_local = master.startswith("local[") and "," not in master
    return f"{master[:-1]},{_ATTEMPTS}]" if is_local else master


@contextlib.contextmanager
def _stderr_to(log: Path) -> Iterator[None]:
    """Have processes that are started within it write their errors to ``log``: Java has many
    words for everything, and none of them is ours."""
    sys.stderr.flush()
    own = os.dup(2)
    with log.open("ab") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(own, 2)
        os.close(own)


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt

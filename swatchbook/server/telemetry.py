"""What the service tells of itself: Prometheus metrics and one JSON line a request.

Neither holds anything of an image but its size: no content, no file name.
"""

import contextlib
import json
import sys
import threading
import time
from collections.abc import Collection
from typing import Any, TextIO

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


class Telemetry:
    """Counters of one service, and its log; of the events ``only`` those, where it says so."""

    def __init__(self, log: TextIO = sys.stderr, only: Collection[str] | None = None) -> None:
        self._log = log
        self._only = only
        self._writing = threading.Lock()
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        self._requests = Counter(
            "swatchbook_requests", "Requests.", ["route", "status"], registry=self._registry
        )
        self._shed_requests = Counter(
            "swatchbook_shed_requests", "Requests refused unread, for there was too much to do.",
            registry=self._registry,
        )  # fmt: skip
        self._written, self._unwritten = 0.0, 0
        self._seconds = Histogram(
            "swatchbook_request_seconds", "From headers to answer.", ["route"], buckets=_SECONDS,
            registry=self._registry,
        )  # fmt: skip
        self._images = Counter(
            "swatchbook_images", "Images, by what was said of them.", ["status"],
            registry=self._registry,
        )  # fmt: skip
        self._batches = Histogram(
            "swatchbook_batch_images", "Images of one forward pass.", registry=self._registry,
            buckets=(1, 2, 4, 8, 16, 32),
        )  # fmt: skip
        self._waiting = Gauge(
            "swatchbook_waiting_images", "Images accepted and not yet answered.",
            registry=self._registry,
        )  # fmt: skip
        self._collected = Counter(
            "swatchbook_collected_images", "Images it was unsure of, by what became of them.",
            ["outcome"], registry=self._registry,
        )  # fmt: skip
        self._reloads = Counter(
            "swatchbook_reloads", "Models loaded or refused.", ["outcome"], registry=self._registry
        )

    def request(self, request_id: str, method: str, route: str, status: int, **more: Any) -> None:
        """Count a request and write its line; ``seconds`` and ``images`` may be among ``more``."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(more.get("seconds", 0.0))
        self.write("request", id=request_id, method=method, route=route, status=status, **more)

    def shed(self) -> None:
        """Count a request that was refused unread; the log has their number once a second."""
        self._shed_requests.inc()
        self._unwritten += 1
        now = time.monotonic()
        if now - self._written >= 1:
            self.write("shed", requests=self._unwritten)
            self._written, self._unwritten = now, 0

    def image(self, status: str) -> None:
        """Count an image by its status."""
        self._images.labels(status).inc()

    def batch(self, size: int) -> None:
        """Count a forward pass."""
        self._batches.observe(size)

    def waiting(self, images: int) -> None:
        """Say how many images wait."""
        self._waiting.set(images)

    def collected(self, outcome: str) -> None:
        """Count an image that the service was unsure of, by what became of it."""
        self._collected.labels(outcome).inc()

    def reloaded(self, outcome: str) -> None:
        """Count a model ``loaded`` or ``refused``."""
        self._reloads.labels(outcome).inc()

    def write(self, event: str, **facts: Any) -> None:
        """Write one line of JSON: control characters in it are escaped."""
        if self._only is not None and event not in self._only:
            return
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        line = json.dumps({"time": stamp, "event": event, **facts})
        # a full disk or a closed pipe takes the log, not the answers
        with self._writing, contextlib.suppress(OSError, ValueError):
            self._log.write(f"{line}\n")
            self._log.flush()

    def exposition(self) -> bytes:
        """The metrics as text (Prometheus exposition format 0.0.4)."""
        text: bytes = generate_latest(self._registry)
        return text

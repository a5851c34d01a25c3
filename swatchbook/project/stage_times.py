"""How long each stage took, by what it was given and what came out.

Times differ from run to run, so they are no output of a stage: results would never be the same
bytes twice. This machine's cache keeps them, and finds them again for every commit and experiment.
"""

import json
from collections.abc import Mapping
from typing import Any

from swatchbook.base import caches, files
from swatchbook.base.cache import Cache
from swatchbook.project.params import STAGES


def given(stage: str, sections: Mapping[str, Any]) -> dict[str, Any]:
    """The sections of params.yaml that a stage's work depends on: its own and those before it."""
    return {name: sections.get(name, {}) for name in STAGES[: STAGES.index(stage) + 1]}


def record(stage: str, parameters: Mapping[str, Any], metrics: Any, seconds: float) -> None:
    """Keep the time of a stage; ``parameters`` are what it was ``given``.

    Of several the longest: a stage that found all in caches is quick, and tells nothing.
    """
    key = _key(stage, parameters, metrics)
    with _cache() as known:
        before = float(json.loads(known.get([key]).get(key, b"0")))
        known.put({key: json.dumps(max(before, round(seconds, 3))).encode()})


def find(runs: Mapping[str, tuple[Mapping[str, Any], Any]]) -> dict[str, float]:
    """Seconds by stage, where they are known; ``runs`` has each stage's parameters and metrics."""
    keys = {_key(stage, *given): stage for stage, given in runs.items()}
    with _cache() as known:
        return {keys[key]: float(json.loads(value)) for key, value in known.get(keys).items()}


def _cache() -> Cache:
    return caches.opened(caches.STAGE_TIMES)


def _key(stage: str, parameters: Mapping[str, Any], metrics: Any) -> str:
    text = json.dumps([stage, parameters, metrics], sort_keys=True, default=str)
    return files.digest(text.encode())

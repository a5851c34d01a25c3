"""How long each stage took, by what it was given and what came out.

Times differ from run to run, so they are no output of a stage: results would never be the same
bytes twice. This machine's cache keeps them, and finds them again for every commit and experiment.
"""

import json
from collections.abc import Mapping
from typing import Any

from swatchbook import files, machine
from swatchbook.cache import Cache


def record(stage: str, parameters: Mapping[str, Any], metrics: Any, seconds: float) -> None:
    """Keep the time of a stage; ``parameters`` are its section of params.yaml."""
    with _cache() as known:
        known.put({_key(stage, parameters, metrics): json.dumps(round(seconds, 3)).encode()})


def find(runs: Mapping[str, tuple[Mapping[str, Any], Any]]) -> dict[str, float]:
    """Seconds by stage, where they are known; ``runs`` has each stage's parameters and metrics."""
    keys = {_key(stage, *given): stage for stage, given in runs.items()}
    with _cache() as known:
        return {keys[key]: float(json.loads(value)) for key, value in known.get(keys).items()}


def _cache() -> Cache:
    return Cache(machine.cache_folder() / "durations.sqlite")


def _key(stage: str, parameters: Mapping[str, Any], metrics: Any) -> str:
    text = json.dumps([stage, parameters, metrics], sort_keys=True, default=str)
    return files.digest(text.encode())

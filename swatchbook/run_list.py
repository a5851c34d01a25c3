"""All runs that DVC keeps, each with what was changed, what came out, and what it cost."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.repo.experiments.serialize import ExpState
from scmrepo.exceptions import SCMError

from swatchbook import durations, params, stage
from swatchbook.errors import DataError, did_you_mean, first_line
from swatchbook.evaluation import HEADLINES
from swatchbook.params_schema import Params
from swatchbook.runs import WORKSPACE

COMMIT, EXPERIMENT = "commit", "experiment"


@dataclass(frozen=True)
class Listed:
    """One run.

    ``changed`` has the parameters that are other than in the commit it began from (of a commit:
    than in the one before), ``parameters`` all of them, by dotted key. ``metrics`` are the
    headlines with ``value, low, high``; ``seconds`` by stage, where this machine ran it.
    """

    name: str
    revision: str
    kind: str
    time: datetime | None
    parameters: dict[str, Any]
    changed: dict[str, Any]
    metrics: dict[str, dict[str, float]]
    seconds: dict[str, float]
    device: str


def runs(commits: int) -> list[Listed]:
    """The workspace, the last ``commits`` commits (0: all), and the experiments from them.

    Raises:
        DataError: outside a DVC project.
    """
    try:
        with Repo() as repo:
            # one more, for what the last of them changed
            states = repo.experiments.show(num=commits + 1 if commits else -1)
    except (DvcException, SCMError) as error:
        raise DataError(first_line(error)) from None
    found = []
    # the workspace comes first, and is no commit
    for number, state in enumerate(states[: commits + 1] if commits else states):
        # the workspace stands on the newest commit, a commit on the one before it
        older = states[number + 1] if number + 1 < len(states) else None
        kind = WORKSPACE if state.rev == WORKSPACE else COMMIT
        found.append(_listed(state, kind, _parameters(older)))
        for one in _experiments(state):
            found.append(_listed(one, EXPERIMENT, _parameters(state)))
    return found


def only(
    listed: Sequence[Listed], kinds: Sequence[str] = (), where: Mapping[str, str] | None = None
) -> list[Listed]:
    """Those of ``kinds`` (none: all) whose parameters are as ``where`` says, as YAML writes them.

    Raises:
        DataError: for a key that no run has.
    """
    known = sorted({key for run in listed for key in run.parameters})
    for key in where or {}:
        if key not in known:
            hint = did_you_mean(key, known)
            raise DataError(f"--where: {key!r} is no parameter of these runs.{hint}")
    return [
        run
        for run in listed
        if (not kinds or run.kind in kinds)
        and all(text_of(run.parameters.get(key)) == text for key, text in (where or {}).items())
    ]


def table(listed: Sequence[Listed]) -> pd.DataFrame:
    """A row a run as values: name, commit, time, metrics with bounds, changes, seconds, device."""
    keys = list(dict.fromkeys(key for run in listed for key in run.changed))
    stages = list(dict.fromkeys(name for run in listed for name in run.seconds))
    rows = []
    for run in listed:
        row: dict[str, Any] = {
            "run": run.name, "revision": run.revision, "kind": run.kind,
            "time": run.time.isoformat(timespec="minutes") if run.time else "",
        }  # fmt: skip
        for name in HEADLINES:
            for end, value in run.metrics.get(name, {}).items():
                row[name if end == "value" else f"{name}_{end}"] = value
        # of what any run changed, the value that each has
        row |= {key: text_of(run.parameters.get(key)) for key in keys}
        row |= {f"{name}_seconds": run.seconds.get(name) for name in stages}
        row["device"] = run.device
        rows.append(row)
    return pd.DataFrame(rows)


def text_of(value: Any) -> str:
    """A parameter as one would write it."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value)


def _experiments(state: ExpState) -> Iterator[ExpState]:
    for chain in state.experiments or []:
        # the last of a chain is the experiment, those before it its checkpoints
        yield from (chain.revs or [])[-1:]


def _listed(state: ExpState, kind: str, base: dict[str, Any]) -> Listed:
    parameters = _parameters(state)
    sections = _sections(state)
    metrics = {
        name: _data(state, stage.metrics_path(name).as_posix()) for name in Params.model_fields
    }
    known = {
        name: (durations.given(name, sections), content)
        for name, content in metrics.items()
        if content
    }
    featurize = metrics["featurize"]
    changed = {key: value for key, value in parameters.items() if base and base.get(key) != value}
    return Listed(
        state.name or (WORKSPACE if kind == WORKSPACE else state.rev[:7]),
        "" if kind == WORKSPACE else state.rev[:7],
        kind,
        state.data.timestamp if state.data else None,
        parameters,
        changed,
        _headlines(metrics["evaluate"]),
        durations.find(known),
        ", ".join(filter(None, [featurize.get("engine"), featurize.get("precision")])),
    )


def _headlines(evaluation: dict[str, Any]) -> dict[str, dict[str, float]]:
    intervals = evaluation.get("interval", {})
    return {
        name: {"value": evaluation[name], **intervals.get(name, {})}
        for name in HEADLINES
        if name in evaluation
    }


def _sections(state: ExpState | None) -> dict[str, Any]:
    found = state.data.params.get(params.PATH.as_posix(), {}) if state and state.data else {}
    content = found.get("data") or {}
    return content if isinstance(content, dict) else {}


def _parameters(state: ExpState | None) -> dict[str, Any]:
    return {
        f"{section}.{key}": value
        for section, keys in _sections(state).items()
        if isinstance(keys, dict)
        for key, value in keys.items()
    }


def _data(state: ExpState, path: str) -> dict[str, Any]:
    found = state.data.metrics.get(path, {}) if state.data else {}
    content = found.get("data") or {}
    return content if isinstance(content, dict) else {}

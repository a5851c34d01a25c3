"""All runs that git and DVC keep, each with what was changed, what came out, and what it cost."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from swatchbook.base.errors import DataError, ParamsError, did_you_mean
from swatchbook.evaluation.headlines import HEADLINES
from swatchbook.experiments.history import git_history
from swatchbook.experiments.history.git_history import WORKSPACE, Kept
from swatchbook.project import params, stage, stage_times

COMMIT, EXPERIMENT = "commit", "experiment"
_PARAMS = params.PATH.as_posix()
_METRICS = {name: stage.metrics_path(name).as_posix() for name in params.STAGES}
_FILES = (_PARAMS, *_METRICS.values())


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
        DataError: where there is no git repository.
    """
    # one more, for what the last of them changed
    kept = git_history.commits(commits + 1 if commits else 0)
    shown = kept[:commits] if commits else kept
    tried = git_history.experiments()
    revisions = [one.revision for one in kept]
    revisions += [one.revision for commit in shown for one in tried.get(commit.revision, [])]
    files = git_history.contents(revisions, _FILES)
    found = [_listed(None, WORKSPACE, _workspace(), _sections(files, kept[0].revision))]
    for number, commit in enumerate(shown):
        older = kept[number + 1].revision if number + 1 < len(kept) else ""
        before = _sections(files, older)
        found.append(_listed(commit, COMMIT, _of(files, commit.revision), before))
        own = _sections(files, commit.revision)
        for one in tried.get(commit.revision, []):
            found.append(_listed(one, EXPERIMENT, _of(files, one.revision), own))
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


def _listed(
    kept: Kept | None, kind: str, files: Mapping[str, bytes], before: Mapping[str, Any]
) -> Listed:
    sections = _parsed(files.get(_PARAMS, b""))
    raw = {name: _json(files.get(path, b"")) for name, path in _METRICS.items()}
    known = {
        name: (stage_times.given(name, sections), content)
        for name, content in raw.items()
        if content
    }
    parameters, base = _flat(sections), _flat(before)
    changed = {key: value for key, value in parameters.items() if base and base.get(key) != value}
    featurize = _metrics(files, "featurize")
    return Listed(
        (kept.name or kept.revision[:7]) if kept else WORKSPACE,
        kept.revision[:7] if kept else "",
        kind,
        kept.time.replace(tzinfo=None) if kept else None,
        parameters,
        changed,
        _headlines(_metrics(files, "evaluate")),
        stage_times.find(known),
        ", ".join(filter(None, [featurize.get("engine"), featurize.get("precision")])),
    )


def _headlines(evaluation: dict[str, Any]) -> dict[str, dict[str, float]]:
    intervals = evaluation.get("interval", {})
    return {
        name: {"value": evaluation[name], **intervals.get(name, {})}
        for name in HEADLINES
        if name in evaluation
    }


def _of(files: Mapping[tuple[str, str], bytes], revision: str) -> dict[str, bytes]:
    return {path: content for (rev, path), content in files.items() if rev == revision}


def _workspace() -> dict[str, bytes]:
    return {path: Path(path).read_bytes() for path in _FILES if Path(path).is_file()}


def _sections(files: Mapping[tuple[str, str], bytes], revision: str) -> dict[str, Any]:
    return _parsed(files.get((revision, _PARAMS), b""))


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        return params.parsed(text.decode(), params.PATH)
    except (ParamsError, UnicodeDecodeError):
        return {}  # of a commit that could not run


def _flat(sections: Mapping[str, Any]) -> dict[str, Any]:
    return {
        f"{section}.{key}": value
        for section, keys in sections.items()
        if isinstance(keys, dict)
        for key, value in keys.items()
    }


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _metrics(files: Mapping[str, bytes], name: str) -> dict[str, Any]:
    try:
        return stage.metrics_of(files.get(_METRICS[name], b"{}"))
    except ValueError:
        return {}

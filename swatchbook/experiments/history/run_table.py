"""The run history as a table for people."""

import textwrap
from typing import Any

from tabulate import tabulate

from swatchbook.base import terminal
from swatchbook.base.errors import DataError, did_you_mean
from swatchbook.evaluation.headlines import COLUMNS, HEADLINES, LOSSES
from swatchbook.experiments.history.run_list import Listed, text_of

_SHOWN = ("accuracy", "class_average_accuracy", "log_loss")
_HEADS = tuple(COLUMNS[name] for name in _SHOWN)
_CHANGED, _DEVICE = "changed", "device"
# what a narrow table is without, one after the other
_LESS = ("intervals", "time of day", "commit", _DEVICE, "took", "time")
_LEAST_CHANGED = 24


def ordered(listed: list[Listed], key: str) -> list[Listed]:
    """By a headline metric, the best first, or by a parameter.

    Raises:
        DataError: where ``key`` is neither.
    """
    if key in HEADLINES:
        sign = 1 if key in LOSSES else -1
        # runs without it last
        return sorted(listed, key=lambda run: _rank(run, key, sign))
    known = sorted({name for run in listed for name in run.parameters})
    if key not in known:
        names = [*HEADLINES, *known]
        raise DataError(
            f"--sort: {key!r} is neither a metric nor a parameter.{did_you_mean(key, names)}"
        )
    return sorted(listed, key=lambda run: _orderly(run.parameters.get(key)))


def _rank(run: Listed, metric: str, sign: int) -> tuple[bool, float]:
    found = run.metrics.get(metric)
    return (True, 0.0) if found is None else (False, sign * found["value"])


def _orderly(value: Any) -> tuple[int, float, str]:
    if isinstance(value, int | float):
        return 0, float(value), ""
    return 1, 0.0, text_of(value)


def as_text(listed: list[Listed], form: str, width: int = 0) -> str:
    """A table of runs in a ``form`` of tabulate; what all have alike is said above it.

    Where it is wider than ``width`` characters (0: whatever it is), it leaves out what can be
    missed: intervals, times of day, commits; long lists of changes are wrapped.
    """
    if not listed:
        return "no runs"
    # what all of them changed alike is said once
    alike = {
        key: value
        for key, value in listed[0].changed.items()
        if len(listed) > 1 and all(run.changed.get(key) == value for run in listed)
    }
    devices = {run.device for run in listed if run.device}
    above = [f"all with {terminal.plain(_changes(alike))}"] if alike else []
    if len(devices) == 1 and width:
        above.append(f"all on {terminal.plain(*devices)}")
    rows = [_row(run, alike) for run in listed]
    dropped: set[str] = {_DEVICE} if len(devices) <= 1 and width else set()
    text = _drawn(rows, dropped, form)
    for step in _LESS if width else ():
        if _width(text) <= width:
            break
        dropped |= {step}
        text = _drawn(rows, dropped, form)
    if width and _width(text) > width:
        others = _width(_drawn(rows, dropped | {_CHANGED}, form)) + 2
        text = _drawn(rows, dropped, form, max(width - others, _LEAST_CHANGED))
    if "intervals" in dropped:
        above.append("without intervals and more: --csv has all")
    return "\n".join([*above, "", text]) if above else text


def _row(run: Listed, alike: dict[str, Any]) -> dict[str, str]:
    own = {key: value for key, value in run.changed.items() if key not in alike}
    total = sum(run.seconds.values())
    return {
        "run": run.name,
        "commit": run.revision,
        "time": f"{run.time:%Y-%m-%d %H:%M}" if run.time else "",
        _CHANGED: _changes(own),
        **{COLUMNS[name]: _metric(run, name) for name in _SHOWN},
        "took": f"{total:.0f} s" if total else "",
        _DEVICE: run.device,
    }


def _drawn(rows: list[dict[str, str]], dropped: set[str], form: str, wrap: int = 0) -> str:
    shown = []
    for row in rows:
        cells = {name: terminal.plain(cell) for name, cell in row.items() if name not in dropped}
        if "intervals" in dropped:
            cells |= {name: cells[name].partition(" (")[0] for name in _HEADS if name in cells}
        if "time of day" in dropped and "time" in cells:
            cells["time"] = cells["time"].partition(" ")[0]
        if wrap:
            cells[_CHANGED] = "\n".join(
                textwrap.wrap(cells[_CHANGED], wrap, break_on_hyphens=False) or [""]
            )
        shown.append(cells)
    return str(tabulate(shown, "keys", form, disable_numparse=True))


def _width(text: str) -> int:
    return max(map(len, text.splitlines()))


def _changes(changed: dict[str, Any]) -> str:
    return ", ".join(f"{key}={text_of(value)}" for key, value in changed.items())


def _metric(run: Listed, name: str) -> str:
    found = run.metrics.get(name)
    if not found:
        return ""
    bounds = f" ({found['low']:.3f} to {found['high']:.3f})" if "low" in found else ""
    return f"{found['value']:.3f}{bounds}"

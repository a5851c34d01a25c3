"""A comparison in words and tables: for a terminal, as Markdown, as JSON."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from tabulate import tabulate

from swatchbook.evaluation.headlines import LOSSES, SHARES
from swatchbook.experiments.comparison import Comparison

# a terminal is no place for hundreds of paths
_MOST_FLIPS = 20


def sentence(a: str, b: str, found: Comparison) -> str:
    """What the comparison says, in plain words: the flips decide, not the intervals."""
    return _overall(a, b, found) + _classes_apart(found)


def _overall(a: str, b: str, found: Comparison) -> str:
    delta = found.metrics["accuracy"]["difference"]
    flips = (
        f"{found.fixed} image{'s' * (found.fixed != 1)} fixed, {found.broken} broken "
        f"({_p(found.p_adjusted)})"
    )
    if found.fixed + found.broken == 0:
        return f"{b} and {a} are right and wrong on the same {len(found.shared.rows)} images"
    if not found.verdict:
        return f"{b} can't be told from {a}: {_points(delta)} of accuracy; {flips}"
    if found.verdict == "better":
        return f"{b} is better than {a} by {_points(delta)} of accuracy; {flips}"
    mirrored = {"value": -delta["value"], "low": -delta["high"], "high": -delta["low"]}
    return f"{b} is worse than {a} by {_points(mirrored)} of accuracy; {flips}"


def _classes_apart(found: Comparison) -> str:
    """The classes in which the flips go one way beyond chance, as the end of a sentence."""
    parts = [
        f"{row['verdict']} on {row['class']} ({row['fixed']} fixed, {row['broken']} broken)"
        for row in found.per_class.to_dict("records")
        if row["verdict"]
    ]
    return f"; by class: {', '.join(parts)}" if parts else ""


def notes(a: str, b: str, found: Comparison) -> list[str]:
    """What the reader must know of the images that were and weren't compared."""
    shared, said = found.shared, []
    count = len(shared.rows)
    if (count, count) != (shared.tested_in_a, shared.tested_in_b):
        said.append(
            f"only the {count} test images that both have are compared, "
            f"of {shared.tested_in_a} of {a} and {shared.tested_in_b} of {b}"
        )
    for tested, trained, images in ((a, b, shared.trained_in_b), (b, a, shared.trained_in_a)):
        if images:
            said.append(f"{_images(images)} of {tested}'s test part left out: {trained} trained on")
    if shared.relabelled:
        said.append(f"{_images(shared.relabelled)} with another label in {a}: {b}'s label counts")
    return said


def metrics_table(found: Comparison) -> pd.DataFrame:
    """``metric, A, B, difference, B is``: values with their intervals as text."""
    rows = []
    for name, values in found.metrics.items():
        delta = values["difference"]
        good = -1 if name in LOSSES else 1
        sides = sorted((good * delta["low"], good * delta["high"]))
        verdict = "better" if sides[0] > 0 else "worse" if sides[1] < 0 else ""
        if name == "accuracy":
            # one rule decides: the test of the flips, as in the sentence
            verdict = found.verdict
        rows.append(
            (name, *(_value(name, values[run]) for run in ("a", "b")), _delta(name, delta), verdict)
        )
    return pd.DataFrame(rows, columns=["metric", "A", "B", "B − A", "B is"])


def classes_table(found: Comparison) -> pd.DataFrame:
    """A row for each class: its images, recalls, flips and corrected p-value, as text."""
    rows = [
        (
            row["class"], row["images"], f"{row['recall_a']:.1%}", f"{row['recall_b']:.1%}",
            row["fixed"], row["broken"], _p(row["p_adjusted"]),
        )
        for row in found.per_class.to_dict("records")
    ]  # fmt: skip
    names = ["class", "images", "recall A", "recall B", "fixed", "broken", "by chance"]
    return pd.DataFrame(rows, columns=names)


def as_text(a: str, names: Sequence[str], results: Sequence[Comparison], form: str) -> str:
    """All of it as a text; ``form`` is ``simple`` (for a terminal) or ``github`` (Markdown)."""
    parts = []
    for b, found in zip(names, results, strict=True):
        title = f"{b} (B) against {a} (A)"
        parts.append(f"## {title}" if form == "github" else title)
        parts.append(f"{sentence(a, b, found)}.")
        parts += [f"Note: {note}." for note in notes(a, b, found)]
        parts += [_table(metrics_table(found), form), _table(classes_table(found), form)]
        flips = found.shared.flips
        shown = flips if form == "github" else flips.head(_MOST_FLIPS)
        if len(shown):
            parts.append(
                _table(shown[["kind", "path", "label", "predicted_a", "predicted_b"]], form)
            )
        if len(shown) < len(flips):
            parts.append(f"{len(flips) - len(shown)} more flips: --json, --md or --html has all")
    if len(results) > 1:
        parts.append(f"p-values are corrected for {len(results)} comparisons (Holm).")
    return "\n\n".join(parts)


def as_json(a: str, names: Sequence[str], results: Sequence[Comparison]) -> dict[str, Any]:
    """All of it as JSON holds it."""
    return {
        "a": a,
        "comparisons": [
            {
                "b": b,
                "sentence": sentence(a, b, found),
                "images": len(found.shared.rows),
                "groups": int(found.shared.a.groups.max()) + 1,
                "tested_in_a": found.shared.tested_in_a,
                "tested_in_b": found.shared.tested_in_b,
                "trained_in_a": found.shared.trained_in_a,
                "trained_in_b": found.shared.trained_in_b,
                "relabelled": found.shared.relabelled,
                "metrics": found.metrics,
                "fixed": found.fixed,
                "broken": found.broken,
                "groups_better": found.test.better,
                "groups_worse": found.test.worse,
                "p": found.test.p,
                "p_adjusted": found.p_adjusted,
                "verdict": found.verdict,
                "per_class": found.per_class.to_dict("records"),
                "flips": found.shared.flips.to_dict("records"),
            }
            for b, found in zip(names, results, strict=True)
        ],
    }


def _table(rows: pd.DataFrame, form: str) -> str:
    text: str = tabulate(
        rows.to_numpy().tolist(), headers=[*rows.columns], tablefmt=form, disable_numparse=True
    )
    return text


def _value(name: str, value: dict[str, float]) -> str:
    if name in SHARES:
        return f"{value['value']:.1%} ({value['low']:.1%} to {value['high']:.1%})"
    return f"{value['value']:.3f} ({value['low']:.3f} to {value['high']:.3f})"


def _delta(name: str, value: dict[str, float]) -> str:
    if name in SHARES:
        return _points(value, signed=True)
    return f"{value['value']:+.3f} ({value['low']:+.3f} to {value['high']:+.3f})"


def _points(value: dict[str, float], signed: bool = False) -> str:
    sign = "+" if signed or value["low"] < 0 else ""
    low, high = (f"{100 * value[end]:{sign}.1f}" for end in ("low", "high"))
    return f"{100 * value['value']:{sign}.1f} points ({low} to {high})"


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}"


def _images(count: int) -> str:
    return f"{count} image{'s' * (count != 1)}"

"""``swatchbook runs``: what was run, what was changed, what came out."""

from pathlib import Path
from typing import Any

import click
from tabulate import tabulate

from swatchbook import figures, run_list, run_plots, terminal
from swatchbook.errors import DataError, did_you_mean
from swatchbook.evaluation import HEADLINES, LOSSES
from swatchbook.run_list import Listed
from swatchbook.runs import WORKSPACE

_SHOWN = ("accuracy", "class_average_accuracy", "log_loss")
_KINDS = (WORKSPACE, run_list.COMMIT, run_list.EXPERIMENT)


@click.command("runs")
@click.option(
    "-n", "--commits", type=click.IntRange(min=0), default=5, show_default=True,
    help="How many commits back; 0: all.",
)  # fmt: skip
@click.option("--only", "kinds", type=click.Choice(_KINDS), multiple=True, help="These only.")
@click.option("--where", multiple=True, help="Parameter=value: runs with that value only.")
@click.option("--sort", "key", help="Metric or parameter; metrics with the best first.")
@click.option("--csv", "form", flag_value="csv", help="Print all values as CSV.")
@click.option("--json", "form", flag_value="json", help="Print all values as JSON.")
@click.option("--md", "form", flag_value="md", help="Print Markdown.")
@click.option(
    "--plot", type=click.Path(dir_okay=False, path_type=Path),
    help="Write a picture: parameters against --metric.",
)  # fmt: skip
@click.option(
    "--metric", type=click.Choice(HEADLINES), default="class_average_accuracy", show_default=True,
    help="The metric of the picture.",
)  # fmt: skip
def command(
    commits: int,
    kinds: tuple[str, ...],
    where: tuple[str, ...],
    key: str | None,
    form: str | None,
    plot: Path | None,
    metric: str,
) -> None:
    """List experiments and commits: what was changed, what came out, how long it took.

    swatchbook runs --only experiment --where refine_dnn.resolution=448 --sort accuracy
    """
    listed = run_list.only(run_list.runs(commits), kinds, dict(map(_condition, where)))
    if key:
        listed = _sorted(listed, key)
    if plot is not None:
        figures.save(run_plots.parallel_coordinates(listed, metric), plot)
    if form == "csv":
        click.echo(run_list.table(listed).to_csv(index=False, lineterminator="\n"), nl=False)
    elif form == "json":
        click.echo(run_list.table(listed).to_json(orient="records", indent=2))
    else:
        click.echo(_shown(listed, "github" if form == "md" else "simple"))
    if plot is not None:
        click.echo(f"runs: → {plot}", err=True)


def _condition(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"--where: {text!r} is not PARAMETER=VALUE")
    return key, value


def _sorted(listed: list[Listed], key: str) -> list[Listed]:
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
    return 1, 0.0, run_list.text_of(value)


def _shown(listed: list[Listed], form: str) -> str:
    if not listed:
        return "no runs"
    # what all of them changed alike is said once
    alike = {
        key: value
        for key, value in listed[0].changed.items()
        if len(listed) > 1 and all(run.changed.get(key) == value for run in listed)
    }
    rows = []
    for run in listed:
        own = {key: value for key, value in run.changed.items() if key not in alike}
        total = sum(run.seconds.values())
        rows.append(
            (
                run.name, run.revision, f"{run.time:%Y-%m-%d %H:%M}" if run.time else "",
                _changes(own), *(_metric(run, name) for name in _SHOWN),
                f"{total:.0f} s" if total else "", run.device,
            )
        )  # fmt: skip
    names = ["run", "commit", "time", "changed", *_SHOWN, "took", "device"]
    cells = [[terminal.plain(cell) for cell in row] for row in rows]
    text = str(tabulate(cells, names, form, disable_numparse=True))
    return f"all with {terminal.plain(_changes(alike))}\n\n{text}" if alike else text


def _changes(changed: dict[str, Any]) -> str:
    return ", ".join(f"{key}={run_list.text_of(value)}" for key, value in changed.items())


def _metric(run: Listed, name: str) -> str:
    found = run.metrics.get(name)
    if not found:
        return ""
    bounds = f" ({found['low']:.3f} to {found['high']:.3f})" if "low" in found else ""
    return f"{found['value']:.3f}{bounds}"

"""``swatchbook gate``: whether a run is good enough, for CI."""

import math
from typing import Any

import click

from swatchbook import comparison, gate, params, runs
from swatchbook.errors import did_you_mean
from swatchbook.evaluation import HEADLINES

# 2 is for errors, as in every command
_EXIT_CODES: dict[gate.Outcome, int] = {"pass": 0, "fail": 1, "can't tell": 3}


class _Limit(click.ParamType):
    """``METRIC=NUMBER``"""

    name = "metric=number"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, float]:
        metric, _, text = str(value).partition("=")
        if metric not in HEADLINES:
            hint = did_you_mean(metric, HEADLINES)
            self.fail(f"{metric!r} is no metric.{hint} Known: {', '.join(HEADLINES)}", param, ctx)
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            self.fail(f"{value!r} is not METRIC=NUMBER", param, ctx)
        return metric, number


@click.command("gate")
@click.argument("run", default=runs.WORKSPACE)
@click.option("--min", "least", type=_Limit(), multiple=True, help="A metric and its least value.")
@click.option("--max", "most", type=_Limit(), multiple=True, help="A metric and its most.")
@click.option("--no-worse-than", "reference", help="Another run that it must not be worse than.")
@click.option(
    "--metric", type=click.Choice(HEADLINES), default="accuracy", show_default=True,
    help="In what it must be no worse.",
)  # fmt: skip
@click.option(
    "--margin", type=click.FloatRange(0, 1), default=0.0, show_default=True,
    help="By how much it may be worse.",
)  # fmt: skip
@click.pass_context
def command(
    context: click.Context,
    run: str,
    least: tuple[tuple[str, float], ...],
    most: tuple[tuple[str, float], ...],
    reference: str | None,
    metric: str,
    margin: float,
) -> None:
    """Say whether RUN (default: the workspace) is good enough; for CI.

    swatchbook gate --min class_average_accuracy=0.9 --no-worse-than main

    A limit is kept or broken where the whole interval lies on its one side. Exit code 0: all is
    kept; 1: a limit is broken; 2: an error; 3: it can't be told.
    """
    if not (least or most or reference):
        raise click.UsageError("nothing to check: give --min, --max or --no-worse-than")
    checks = []
    if least or most:
        metrics = runs.evaluation(run)
        for name, bound in least:
            checks.append(gate.limit(metrics, name, bound, is_least=True))
        for name, bound in most:
            checks.append(gate.limit(metrics, name, bound, is_least=False))
    if reference:
        settings = params.load().evaluate
        (found,) = comparison.compare(
            runs.predictions(reference), [runs.predictions(run)], settings.confidence,
            settings.resamples, settings.seed,
        )  # fmt: skip
        checks.append(gate.no_worse(reference, found, metric, margin))
    for check in checks:
        click.echo(f"{check.outcome}: {check.text}")
    context.exit(_EXIT_CODES[gate.verdict(checks)])

"""``swatchbook gate``: whether a run is good enough, for CI."""

import math
from typing import Any

import click

from swatchbook.base.errors import did_you_mean
from swatchbook.evaluation.headlines import HEADLINES

# 2 is for errors, as in every command
_EXIT_CODES = {"pass": 0, "fail": 1, "can't tell": 3}


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
            self.fail(f"{value!r} is not METRIC=NUMBER, as accuracy=0.9", param, ctx)
        if number < 0 or (metric != "log_loss" and number > 1):
            like = f"; {number:g} % is {number / 100:g}" if 1 < number <= 100 else ""
            allowed = "0 or more" if metric == "log_loss" else "a share of 0 to 1"
            self.fail(f"{value!r} is not allowed: {metric} is {allowed}{like}", param, ctx)
        return metric, number


@click.command("gate")
@click.argument("run", default="workspace")
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
    from swatchbook.evaluation.parameters import Evaluate
    from swatchbook.experiments import comparison, quality_gate
    from swatchbook.experiments.history import runs
    from swatchbook.project import params

    if not (least or most or reference):
        raise click.UsageError("nothing to check: give --min, --max or --no-worse-than")
    checks = []
    if least or most:
        metrics = runs.evaluation(run)
        for name, bound in least:
            checks.append(quality_gate.limit(metrics, name, bound, is_least=True))
        for name, bound in most:
            checks.append(quality_gate.limit(metrics, name, bound, is_least=False))
    if reference:
        settings = params.load(Evaluate)
        (found,) = comparison.compare(
            runs.predictions(reference), [runs.predictions(run)], settings.confidence,
            settings.resamples, settings.seed,
        )  # fmt: skip
        checks.append(quality_gate.no_worse(reference, found, metric, margin))
    for check in checks:
        click.echo(f"{check.outcome}: {check.text}")
    context.exit(_EXIT_CODES[quality_gate.verdict(checks)])

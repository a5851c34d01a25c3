"""``swatchbook runs``: what was run, what was changed, what came out."""

import shutil
import sys
from pathlib import Path

import click

from swatchbook.cli.options import OutputFile
from swatchbook.evaluation.headlines import HEADLINES

_KINDS = ("workspace", "commit", "experiment")


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
    "--plot", type=OutputFile(),
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
    from swatchbook.experiments.history import run_list, run_table

    listed = run_list.only(run_list.runs(commits), kinds, dict(map(_condition, where)))
    if key:
        listed = run_table.ordered(listed, key)
    if plot is not None:
        from swatchbook.experiments.history import run_plots
        from swatchbook.project import figures

        figures.save(run_plots.parallel_coordinates(listed, metric), plot)
    if form == "csv":
        click.echo(run_list.table(listed).to_csv(index=False, lineterminator="\n"), nl=False)
    elif form == "json":
        click.echo(run_list.table(listed).to_json(orient="records", indent=2))
    else:
        # what is piped or written into a file is for programs and other places: as it is
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
        click.echo(
            run_table.as_text(listed, "github")
            if form == "md"
            else run_table.as_text(listed, "simple", width)
        )
    if plot is not None:
        click.echo(f"runs: → {plot}", err=True)


def _condition(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"--where: {text!r} is not PARAMETER=VALUE")
    return key, value

"""``swatchbook compare``: whether two runs differ beyond chance."""

import json
from pathlib import Path

import click

from swatchbook.base import files
from swatchbook.base.errors import DataError
from swatchbook.cli.options import OutputFile


@click.command("compare")
@click.argument("a")
@click.argument("others", nargs=-1, metavar="[B...]")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("--md", "as_markdown", is_flag=True, help="Print Markdown, with all flips.")
@click.option(
    "--html", "page", type=OutputFile(),
    help="Write a page with plots and the pictures that flipped.",
)  # fmt: skip
def command(
    a: str, others: tuple[str, ...], as_json: bool, as_markdown: bool, page: Path | None
) -> None:
    """Say whether runs differ from A, on the test images that they share.

    A and B are commits, branches, tags, experiments, or `workspace` (what B is by default):
    swatchbook compare main nasty-tune
    """
    from swatchbook.evaluation.parameters import Evaluate
    from swatchbook.experiments import comparison, comparison_report
    from swatchbook.experiments.history import runs
    from swatchbook.project import params
    from swatchbook.project.shared_keys import DeepLevels

    if as_json and as_markdown:
        raise click.UsageError("--json and --md are two ways to print: choose one")
    names = list(others or [runs.WORKSPACE])
    if len({a, *names}) <= len(names):
        raise DataError("a run is named twice: it can't differ from itself; name another")
    settings = params.load(Evaluate)
    tables = [runs.predictions(name) for name in (a, *names)]
    found = comparison.compare(
        tables[0], tables[1:], settings.confidence, settings.resamples, settings.seed
    )
    if page is not None:
        from swatchbook.experiments import comparison_page

        training = [runs.training(name) for name in (a, *names)]
        text = comparison_page.page(a, names, found, training, params.load(DeepLevels).pair)
        with files.replacing(page) as temporary:
            temporary.write_text(text, encoding="utf-8")
    if as_json:
        click.echo(json.dumps(comparison_report.as_json(a, names, found), indent=2))
    else:
        form = "github" if as_markdown else "simple"
        click.echo(comparison_report.as_text(a, names, found, form))
    if page is not None:
        click.echo(f"compare: → {page}", err=True)

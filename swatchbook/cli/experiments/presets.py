"""``swatchbook presets``: training recipes by name."""

import click


@click.command("presets")
@click.argument("name", required=False)
def command(name: str | None) -> None:
    """Print a training recipe as options for `dvc exp run`, or list them all.

    dvc exp run --queue $(swatchbook presets guide_best)
    """
    from swatchbook.training import presets

    click.echo(presets.options(name) if name else presets.listing())

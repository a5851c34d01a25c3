"""``swatchbook find-rate``: a learning rate to begin with."""

import click


@click.command("find-rate")
def command() -> None:
    """Say which learning rate to take: refine_dnn's network is trained at ever higher ones.

    At most 150 minibatches; no output of a stage changes. Draws plots/rate_finder.png.
    """
    from swatchbook.cli.experiments import rate_finder

    click.echo(rate_finder.found())

"""``swatchbook doctor``: what is wrong with the project on this machine, and how to mend it."""

import click


@click.command("doctor")
@click.option("--fix", is_flag=True, help="Mend what can be mended safely.")
@click.pass_context
def command(context: click.Context, fix: bool) -> None:
    """Look for what a killed run, a full disk or another version left behind.

    Nothing is removed that can't be had again. Exit code 0: all is well; 1: a problem remains.
    """
    from swatchbook.health import doctor
    from swatchbook.health.findings import report

    context.exit(report(doctor.findings(), fix))

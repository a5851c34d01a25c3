"""``swatchbook doctor``: what is wrong with the project on this machine, and how to mend it."""

from collections.abc import Iterable

import click

from swatchbook import doctor, terminal
from swatchbook.doctor import Finding
from swatchbook.errors import SwatchbookError


def report(findings: Iterable[Finding], fix: bool) -> int:
    """Print what was found, mend it where asked; the exit code: 1 where a problem remains."""
    remaining = 0
    for found in findings:
        hint = " (--fix mends it)" if found.fix and not fix else ""
        click.echo(terminal.plain(f"{found.level}: {found.text}{hint}"))
        if found.level != "problem":
            continue
        if not (fix and found.fix):
            remaining += 1
            continue
        try:
            click.echo(terminal.plain(f"fixed: {found.fix()}"))
        except (SwatchbookError, OSError) as error:
            remaining += 1
            click.echo(terminal.plain(f"not fixed: {error}"))
    return 1 if remaining else 0


@click.command("doctor")
@click.option("--fix", is_flag=True, help="Mend what can be mended safely.")
@click.pass_context
def command(context: click.Context, fix: bool) -> None:
    """Look for what a killed run, a full disk or another version left behind.

    Nothing is removed that can't be had again. Exit code 0: all is well; 1: a problem remains.
    """
    context.exit(report(doctor.examine(), fix))

"""The commands beside the pipeline: ``swatchbook COMMAND``. Errors are one line, exit code 2."""

import sqlite3
import sys
from typing import NoReturn

import click

from swatchbook.cli import learning_curve
from swatchbook.cli.annotate import annotate
from swatchbook.cli.init import command as init
from swatchbook.cli.next import command as next_images
from swatchbook.errors import SwatchbookError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def swatchbook() -> None:
    """Commands beside the pipeline; run them in the project's folder."""


swatchbook.add_command(init)
swatchbook.add_command(annotate)
swatchbook.add_command(learning_curve.command)
swatchbook.add_command(next_images)


def main() -> NoReturn:
    """Run the command of this process's arguments, and exit."""
    try:
        swatchbook.main(prog_name="swatchbook", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        raise SystemExit(2) from None
    except click.UsageError as error:
        where = f"{error.ctx.command_path}: " if error.ctx else ""
        _fail(f"{where}{error.format_message()}")
    except SwatchbookError as error:
        _fail(str(error))
    except (OSError, sqlite3.Error) as error:
        _fail(str(error))
    except (click.Abort, KeyboardInterrupt):
        raise SystemExit(130) from None
    raise SystemExit(0)


def _fail(message: str) -> NoReturn:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    raise SystemExit(2) from None

"""The commands beside the pipeline: ``swatchbook COMMAND``. Errors are one line, exit code 2."""

import importlib
import sqlite3
import sys
from typing import NoReturn

import click

from swatchbook.errors import SwatchbookError, did_you_mean

# each is `command` in the module of its name
_COMMANDS = {
    "init": "init", "annotate": "annotate", "learning-curve": "learning_curve", "next": "next",
    "compare": "compare", "gate": "gate", "runs": "runs", "doctor": "doctor", "verify": "verify",
    "cache": "cache", "bundle": "bundle", "predict": "predict", "serve": "serve", "call": "call",
}  # fmt: skip


class _Commands(click.Group):
    """Imports a command when it is run: one that only writes a row should not wait for SciPy."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        if cmd_name not in _COMMANDS:
            hint = did_you_mean(cmd_name, _COMMANDS)
            raise click.UsageError(
                f"{cmd_name!r} is no command.{hint} Known: {', '.join(sorted(_COMMANDS))}", ctx
            )
        module = importlib.import_module(f"swatchbook.cli.{_COMMANDS[cmd_name]}")
        command: click.Command = module.command
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
def swatchbook() -> None:
    """Commands beside the pipeline; run them in the project's folder."""


def main() -> NoReturn:
    """Run the command of this process's arguments, and exit."""
    try:
        code = swatchbook.main(prog_name="swatchbook", standalone_mode=False)
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
    # what a command has left by `context.exit`, else what it returned: nothing
    raise SystemExit(code if isinstance(code, int) else 0)


def _fail(message: str) -> NoReturn:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    raise SystemExit(2) from None

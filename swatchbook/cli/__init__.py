"""The commands beside the pipeline: ``swatchbook COMMAND``. Errors are one line, exit code 2.

A command is a module that declares its options and imports what does the work only when it is run:
help and mistakes are answered at once.
"""

import importlib
import sqlite3
import sys
from pathlib import Path
from typing import NoReturn

import click

from swatchbook.base import collector
from swatchbook.base.errors import SwatchbookError, did_you_mean

# by group: each is `command` in the module of its name (swatchbook/cli/GROUP/NAME.py), with the
# first line of its help
_GROUPS = {
    "data": {
        "init": "Point the project at your images and say what is there.",
        "browse": "Look, fix labels and see results in a browser.",
        "annotate": "Fix labels, or leave images out: rows of a file in git.",
        "next": "List the unlabelled images that are most worth a label.",
    },
    "experiments": {
        "runs": "List experiments and commits: what was changed, what came out.",
        "compare": "Say whether runs differ beyond chance.",
        "gate": "Say whether a run is good enough; for CI.",
        "learning-curve": "Say whether more images would help.",
        "find-rate": "Say which learning rate to begin with.",
        "presets": "Print training recipes as options for `dvc exp run`.",
    },
    "model": {
        "predict": "Say which class images have.",
        "serve": "Answer over HTTP which class images have.",
        "call": "Ask a service about images.",
        "bundle": "Put network and classifier into one file to deploy.",
    },
    "scale": {
        "pack": "Put images into shards, for many machines.",
        "scored": "Say whether results of shards are complete.",
        "tiles": "Cut rasters into shards of tiles.",
        "map": "Draw scored tiles as maps, and measure areas.",
        "spark": "Score or featurize shards on a Spark cluster.",
    },
    "project": {
        "params": "Check params.yaml, or merge two versions of it.",
        "doctor": "Look for what a killed run or a full disk left behind.",
        "verify": "Hash all that is stored.",
        "cache": "Share features and finished runs, take in those of a cluster.",
        "setup-cntk": "Set up CNTK 2.7 in a Python of its own.",
        "reference": "Print a generated page of the docs.",
    },
}
_MODULES = {
    name: f"swatchbook.cli.{group}.{name.replace('-', '_')}"
    for group, commands in _GROUPS.items()
    for name in commands
}


class _Commands(click.Group):
    """Imports a command when it is run: one that only writes a row should not wait for SciPy."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        if cmd_name not in _MODULES:
            hint = did_you_mean(cmd_name, _MODULES)
            raise click.UsageError(
                f"{cmd_name!r} is no command.{hint} Known: {', '.join(_MODULES)}", ctx
            )
        command: click.Command = importlib.import_module(_MODULES[cmd_name]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for group, commands in _GROUPS.items():
            with formatter.section(group.capitalize()):
                formatter.write_dl(list(commands.items()))


def _version(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        import importlib.metadata
        import tomllib

        # a clone is not installed
        project = Path(__file__).parents[2] / "pyproject.toml"
        if project.is_file():
            version = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"]
        else:
            version = importlib.metadata.version("swatchbook")
        click.echo(f"swatchbook {version}")
        context.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version,
    help="Print the version.",
)  # fmt: skip
def swatchbook() -> None:
    """Commands beside the pipeline; run them in the project's folder."""


def main() -> NoReturn:
    """Run the command of this process's arguments, and exit."""
    collector.seldom()
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
    collector.done()
    # what a command has left by `context.exit`, else what it returned: nothing
    raise SystemExit(code if isinstance(code, int) else 0)


def _fail(message: str) -> NoReturn:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    raise SystemExit(2) from None

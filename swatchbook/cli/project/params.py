"""``swatchbook params``: whether params.yaml can be used."""

import subprocess
from pathlib import Path

import click


@click.group("params")
def command() -> None:
    """Check params.yaml, or merge two versions of it."""


@command.command("check")
def check() -> None:
    """Check every key and value of params.yaml, and what must hold between them.

    `make repro` does this first. Exit code 0: all is well; 2, with one line: it isn't.
    """
    from swatchbook.pipeline import params
    from swatchbook.project.params import PATH

    params.load()
    click.echo(f"{PATH}: every key and value is allowed")


@command.command("merge")
@click.argument("base", type=click.Path(path_type=Path, exists=True))
@click.argument("ours", type=click.Path(path_type=Path, exists=True))
@click.argument("theirs", type=click.Path(path_type=Path, exists=True))
@click.pass_context
def merge(context: click.Context, base: Path, ours: Path, theirs: Path) -> None:
    """Write a newer version's params.yaml, THEIRS, with the values of OURS, to OURS.

    The values that OURS changed since BASE; git calls it so when a newer Swatchbook is merged
    (upgrade.sh). Where a file has another form, git merges it line by line.
    """
    from swatchbook.base.errors import ParamsError
    from swatchbook.pipeline import params_file

    texts = [path.read_text(encoding="utf-8") for path in (base, ours, theirs)]
    try:
        text = params_file.merged(*texts)
    except ParamsError:
        command = ["git", "merge-file", str(ours), str(base), str(theirs)]
        context.exit(subprocess.run(command, check=False).returncode)
    ours.write_text(text, encoding="utf-8")

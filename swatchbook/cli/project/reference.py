"""``swatchbook reference``: pages of the docs that are generated."""

from collections.abc import Iterator

import click

from swatchbook.cli import swatchbook


@click.command("reference")
@click.argument("page", type=click.Choice(["commands", "params"]))
def command(page: str) -> None:
    """Print docs/cli.md or docs/params.md."""
    if page == "commands":
        click.echo(commands(), nl=False)
        return
    from swatchbook.pipeline import reference

    click.echo(reference.reference())


def commands() -> str:
    """The text of docs/cli.md."""
    parts = [
        "# Commands\n\nWritten from the commands' own help (`make docs`). "
        "`make repro` and `make test` put `swatchbook` into the environment; it runs the code of "
        "the folder you stand in.\n"
    ]
    for path, shown in _commands("swatchbook", swatchbook):
        context = click.Context(
            shown, info_name=path, max_content_width=96, help_option_names=["-h", "--help"]
        )
        parts.append(f"## {path}\n\n```\n{shown.get_help(context)}\n```\n")
    return "\n".join(parts)


def _commands(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _commands(f"{path} {name}", inner)

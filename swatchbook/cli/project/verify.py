"""``swatchbook verify``: whether what is stored is still what was stored."""

import click


@click.command("verify")
@click.option("--fix", is_flag=True, help="Put whole copies in the place of damaged ones.")
@click.option("--remote", default="", metavar="NAME", help="Fetch and hash what that remote holds.")
@click.pass_context
def command(context: click.Context, fix: bool, remote: str) -> None:
    """Read and hash every byte of DVC's cache, the outputs and this machine's caches.

    A whole copy is taken from the workspace, DVC's cache or a remote; what is damaged is laid
    aside. With --remote instead what that remote holds; --fix sends whole copies of this machine.
    Exit code 0: all is well; 1: a problem remains.
    """
    from swatchbook.health import verification
    from swatchbook.health.findings import report
    from swatchbook.storage import remotes

    found = verification.stored(remotes.opened(remote)) if remote else verification.local()
    context.exit(report(found, fix))

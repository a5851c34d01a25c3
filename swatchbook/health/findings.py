"""What an examination of a project found, and the report of it: mended where asked and safe."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import click

from swatchbook.base import terminal
from swatchbook.base.errors import SwatchbookError

Level = Literal["ok", "note", "problem"]
Fix = Callable[[], str]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; ``fix`` mends it and says what it did, where that is safe."""

    level: Level
    text: str
    fix: Fix | None = None


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

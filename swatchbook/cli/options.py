"""Kinds of values that options of several commands take; what can't work is refused at once."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click


class OutputFile(click.Path):
    """A file to be written: no folder, and its own folder is there, or can be and is made.

    With ``or_folder`` a folder is taken as well.
    """

    def __init__(self, or_folder: bool = False) -> None:
        super().__init__(dir_okay=or_folder, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = Path(str(super().convert(value, param, ctx)))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self.fail(f"{str(path)!r}: {error.strerror}: {error.filename!r}", param, ctx)
        if not os.access(path.parent, os.W_OK):
            self.fail(
                f"{str(path)!r}: {str(path.parent)!r} may not be written to; choose another folder",
                param,
                ctx,
            )
        return path


# of a command
Decorator = Callable[[Callable[..., None]], Callable[..., None]]


class Part(click.ParamType):
    """Part I of N equal ones, counted from 1: ``3/40``."""

    name = "part"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        first, slash, second = str(value).partition("/")
        if not (slash and first.isdecimal() and second.isdecimal()):
            self.fail(
                f"{value!r} is not I/N: a part and of how many are needed, as in 3/40", param, ctx
            )
        number, parts = int(first), int(second)
        if not 1 <= number <= parts:
            self.fail(f"{value!r}: I must be from 1 to N", param, ctx)
        return number, parts


def terms_of_shards(when: str) -> Decorator:
    """Options: of which images of shards, and how strictly; ``when`` begins the help of each."""

    def with_options(function: Callable[..., None]) -> Callable[..., None]:
        for option in (
            click.option(
                "--allow-versions", is_flag=True,
                help=f"{when}go on what other versions of libraries have begun.",
            ),
            click.option(
                "--seed", default=0, type=click.IntRange(0), help=f"{when}another, other images."
            ),
            click.option(
                "--sample-frac", default=1.0, type=click.FloatRange(0, 1, min_open=True),
                help=f"{when}this share of the images, the same ones everywhere.",
            ),
        ):  # fmt: skip
            function = option(function)
        return function

    return with_options


class Origin(click.ParamType):
    """A site as browsers name it in the header Origin (RFC 6454), or ``*``."""

    name = "origin"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        parts = urlsplit(str(value))
        wanted = f"{parts.scheme}://{parts.netloc}".lower()
        if value != "*" and (parts.scheme not in ("http", "https") or value != wanted):
            like = wanted if parts.netloc else "https://www.example.org"
            self.fail(
                f"{value!r} is no origin, and would match no page: a scheme and a host, "
                f"no path ({like}), or *", param, ctx,
            )  # fmt: skip
        return str(value)

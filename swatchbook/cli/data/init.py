"""``swatchbook init``: begin with one's own images."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from swatchbook.base import files, terminal

if TYPE_CHECKING:
    from swatchbook.acquisition.candidate import Candidate


@click.command("init")
@click.argument("name")
@click.option(
    "--from",
    "location",
    required=True,
    help="Folder, zip or tar file, table of files and classes, or list of URLs.",
)
@click.option(
    "--keep-split", is_flag=True, help="Folders train, val and test are a split that is to stay."
)
@click.option("--layout", type=click.Choice(["auto", "classes", "split"]), help="acquire.layout.")
@click.option("--file-column", default="", help="Column of a table that names the file.")
@click.option("--label-column", default="", help="Column of a table with the class.")
def command(
    name: str,
    location: str,
    keep_split: bool,
    layout: str | None,
    file_column: str,
    label_column: str,
) -> None:
    """Point the project at your images and say what is there.

    Writes acquire.data_set and acquire.source in params.yaml, and annotations/NAME.csv:
    swatchbook init shirts --from ~/shirts
    """
    from swatchbook.acquisition.kinds.label_table import Columns
    from swatchbook.acquisition.parameters import Acquire
    from swatchbook.acquisition.sources import How
    from swatchbook.base.errors import DataError
    from swatchbook.cli.data import first_look
    from swatchbook.curation import annotations
    from swatchbook.project import params

    path = Path(location).expanduser().absolute()
    kind = first_look.kind_of(path)
    if keep_split and kind != "table":
        layout = "split"
    values = {
        "data_set": name, "source": f"{kind}:{path}", "layout": layout or "auto",
        "file_column": file_column, "label_column": label_column,
    }  # fmt: skip
    # the schema knows which names can be used
    wanted = params.section_of(Acquire, {"acquire": values})
    columns = Columns(wanted.file_column, wanted.label_column)
    found = first_look.listed(kind, path, How(wanted.layout, columns))
    usable = [item for item, _ in found if not item.reason]
    if not usable:
        raise DataError(f"init: {str(path)!r} holds no image{_why([item for item, _ in found])}")
    first_look.set_keys(params.PATH, values, keep_split)
    table = annotations.FOLDER / f"{name}.csv"
    if not table.exists():
        files.write_bytes(table, b"sha256,label,note,annotator,time\n")
    counts = Counter(item.label for item in usable)
    listed = ", ".join(f"{label} {count}" for label, count in sorted(counts.items()))
    _say(f"{len(counts)} classes, {len(usable)} files: {listed}")
    for problem in first_look.problems(found):
        _say(f"look at this: {problem}")
    _say(f"params.yaml, {table}; next: make repro")


def _why(found: "list[Candidate]") -> str:
    from swatchbook.acquisition import losses

    if not found:
        return ""
    (reason, count), *_ = Counter(item.reason for item in found).most_common()
    cure = f": {losses.CURES[reason]}" if reason in losses.CURES else ""
    return f", {count} files are {reason}{cure}"


def _say(text: str) -> None:
    click.echo(f"init: {terminal.plain(text)}")

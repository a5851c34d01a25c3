"""The rooms of the library: which there are, what each may import, what each does import."""

import ast
import re
from functools import cache
from pathlib import Path

from support.project import ROOT

LIBRARY = ROOT / "swatchbook"
EVERYTHING = "everything"


@cache
def allowed() -> dict[str, set[str]]:
    """By room, in their order, the rooms that it may import: the table of docs/architecture.md."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    part = text.partition("\n## Rooms\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\|([^|]*)\|$", part, re.M)
    return {
        room: {name for name, _ in rows} - {room} if EVERYTHING in names else set(names.split())
        for room, names in rows
    }


def room_of(file: Path) -> str:
    """The room that a file of the library stands in; empty for those beside the rooms."""
    parts = file.relative_to(LIBRARY).parts
    return parts[0] if len(parts) > 1 else ""


def imported(file: Path) -> set[str]:
    """Names of this project's own that a file imports, as dotted paths."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in names if name.split(".")[0] in ("swatchbook", "stages")}


def module_file(name: str) -> Path | None:
    """The file of a dotted name, where it is a module or a package."""
    base = ROOT.joinpath(*name.split("."))
    return next((f for f in (base.with_suffix(".py"), base / "__init__.py") if f.is_file()), None)


def closure(name: str) -> set[Path]:
    """The project's own files that importing ``name`` runs, now or later; empty ones apart."""
    found: set[Path] = set()
    waiting = [name]
    while waiting:
        parts = waiting.pop().split(".")
        for length in range(1, len(parts) + 1):
            file = module_file(".".join(parts[:length]))
            if file is not None and file not in found:
                found.add(file)
                waiting += imported(file)
    return {file for file in found if file.stat().st_size}

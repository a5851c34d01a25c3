"""The messages of all errors that the code can raise, read from the code."""

import ast
import re
from collections.abc import Iterator

from support.project import ROOT

# by name: which of its arguments is the text
ERRORS = {
    "ParamsError": 0, "DataError": 0, "NetworkError": 0, "TrainingError": 0, "OutOfMemory": 0,
    "SandboxError": 0, "BusyError": 0, "UsageError": 0, "fail": 0, "PydanticCustomError": 1,
}  # fmt: skip
_FOLDERS = ("swatchbook", "stages")
# what says it in words of its own, which vary
_CURES = ("cure", "did_you_mean", "hint", "_why", "more", "causes")


def text_of(node: ast.expr) -> str:
    """The text that an expression makes, with … for what is put in, and «cure» for a way out."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(map(text_of, node.values))
    if isinstance(node, ast.FormattedValue):
        return text_of(node.value)
    if isinstance(node, ast.BinOp):
        return text_of(node.left) + text_of(node.right)
    if isinstance(node, ast.IfExp):
        return text_of(node.body) + text_of(node.orelse)
    if isinstance(node, ast.Call):
        return text_of(node.func)
    name = getattr(node, "attr", getattr(node, "id", ""))
    if name == "_ANEW":
        return "`"
    return "«cure»" if name in _CURES else "…"


def messages() -> Iterator[tuple[str, str]]:
    """Where each error is raised and with what text; what only passes another on is left out."""
    for path in sorted(file for name in _FOLDERS for file in (ROOT / name).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args:
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                if name in ERRORS and len(node.args) > ERRORS[name]:
                    text = text_of(node.args[ERRORS[name]])
                    if re.search(r"[a-z]{3}", text.replace("«cure»", "")):
                        yield f"{path.relative_to(ROOT)}:{node.lineno}", text

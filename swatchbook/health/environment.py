"""The environment's own commands, which name the folder that they were set up in.

    python -m swatchbook.health.environment FOLDER

has those in FOLDER name it, after a project was moved or copied; `make` runs it.
"""

import sys
from pathlib import Path

# the longest way to a program that a system takes in a script's first line (Linux: 127 or 255)
_LONGEST = 127


def commands(folder: Path) -> list[Path]:
    """The scripts in an environment's folder of programs that name a Python in another place."""
    return [
        path
        for path in sorted(folder.iterdir())
        if path.is_file()
        and not path.is_symlink()
        and (named := _named(path)) is not None
        and named.parent != folder
    ]


def mend(folder: Path) -> int:
    """Have the scripts in ``folder`` name its own Python; return how many there were."""
    found = commands(folder)
    before: set[Path] = set()
    for path in found:
        named, content = _named(path), path.read_bytes()
        assert named is not None
        before.add(named.parent)
        first, _, rest = content.partition(b"\n")
        if first == b"#!/bin/sh":
            path.write_bytes(content.replace(str(named).encode(), str(folder / "python").encode()))
        else:
            path.write_bytes(_beginning(folder / "python") + rest)
    for path in folder.glob("activate*"):
        text = path.read_text(encoding="utf-8")
        for old in before:
            text = text.replace(str(old.parent), str(folder.parent))
        path.write_text(text, encoding="utf-8")
    return len(found)


def _beginning(python: Path) -> bytes:
    line = f"#!{python}\n"
    if " " in line or len(line) > _LONGEST:  # as pip writes it
        line = f"#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''\n"
    return line.encode()


def _named(path: Path) -> Path | None:
    """The Python that a script is for; None of what is no such script."""
    with path.open("rb") as file:
        lines = file.read(4096).split(b"\n")[:2]
    first = lines[0].decode("utf-8", "replace")
    if first == "#!/bin/sh" and len(lines) > 1:
        name = lines[1].decode("utf-8", "replace").partition('"')[2].partition('"')[0]
    else:
        name = first.removeprefix("#!") if first.startswith("#!") else ""
    found = Path(name)
    return found if found.is_absolute() and found.name.startswith("python") else None


if __name__ == "__main__":
    place = Path(sys.argv[1]).absolute()
    if count := mend(place):
        print(f"make: this environment was moved: {count} commands name its place again")

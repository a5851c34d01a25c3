"""`swatchbook browse` over made-up tables: each image is one of a few hundred real pictures.

    python -m benchmarks.browse_made PICTURES [OPTIONS OF BROWSE]

A million files would be as many; what is read, decoded, encoded and kept is the same.
"""

import sys
from pathlib import Path

from swatchbook import cli
from swatchbook.images import store


def main() -> None:
    """Serve until Ctrl-C."""
    pictures = [path.read_bytes() for path in sorted(Path(sys.argv.pop(1)).rglob("*.jpg"))]

    def content(sha256: str, path: Path) -> bytes:
        return pictures[int(sha256[:8], 16) % len(pictures)]

    store.content = content
    sys.argv.insert(1, "browse")
    cli.main()


if __name__ == "__main__":
    main()

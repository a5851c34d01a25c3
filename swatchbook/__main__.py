"""``python -m swatchbook``: the commands."""

from swatchbook.cli import main

main()

"""The stages of dvc.yaml: thin scripts, each run as ``python -m stages.NAME``."""

from swatchbook.base import collector

# while a stage imports what it needs, a quarter of its start; ``stage.run`` sets it back
collector.seldom()

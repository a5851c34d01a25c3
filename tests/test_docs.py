"""The documentation says what is true."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

from swatchbook import images

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith("https://"):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_targets_named_in_the_docs_exist(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"(?:^ {4}|`)make ([a-z]+)", page.read_text(encoding="utf-8"), re.M):
        assert re.search(rf"^{target}:", makefile, re.M), target


def test_the_graph_is_that_of_dvc() -> None:
    drawn = subprocess.run(
        [sys.executable, "-m", "dvc", "dag", "--mermaid"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    edges = sorted(re.findall(r"node(\d)-->node(\d)", drawn))
    for page in (ROOT / "README.md", ROOT / "docs" / "pipeline.md"):
        text = page.read_text(encoding="utf-8")
        assert sorted(re.findall(r"node(\d)-->node(\d)", text)) == edges
        assert re.findall(r'node\d\["\w+"\]', text) == re.findall(r'node\d\["\w+"\]', drawn)


def test_every_reason_for_refusal_is_documented() -> None:
    text = (ROOT / "docs" / "acquiring.md").read_text(encoding="utf-8")
    for reason, meaning in images.REASONS.items():
        assert f"| `{reason}` | {meaning} |" in text


def test_make_help_lists_every_target() -> None:
    # `make test` runs this: the inner make must not think that it is a part of the outer one
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    listed = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True, env=environment
    ).stdout  # fmt: skip
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M)
    assert re.findall(r"^([a-z]+)", listed, re.M) == targets

"""The documentation says what is true."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.project import ROOT

from swatchbook.acquisition import candidate
from swatchbook.base import machine
from swatchbook.fetching import downloader
from swatchbook.images import limits
from swatchbook.search import provider
from swatchbook.training.parameters import RefineDnn
from swatchbook.training.presets import PRESETS

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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_code_that_is_named_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for path in re.findall(r"\b((?:swatchbook|stages|tests|benchmarks)/[a-z_/]+\.py)\b", text):
        assert (ROOT / path).is_file(), path
    for group, name in re.findall(r"`([a-z_]+)/([a-z_]+\.py)(?::\w+)?`", text):
        if (ROOT / "swatchbook" / group).is_dir():
            assert (ROOT / "swatchbook" / group / name).is_file(), f"{group}/{name}"


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
    for reason, meaning in (
        limits.REASONS | candidate.REASONS | downloader.REASONS | provider.REASONS
    ).items():
        assert f"| `{reason}` | {meaning} |" in text


def test_make_help_lists_every_target() -> None:
    # `make test` runs this: the inner make must not think that it is a part of the outer one
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    listed = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True, env=environment
    ).stdout  # fmt: skip
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M)
    assert re.findall(r"^([a-z-]+)", listed, re.M) == targets


def test_every_parameter_of_training_is_explained() -> None:
    text = (ROOT / "docs" / "refining.md").read_text(encoding="utf-8")
    first_cells = re.findall(r"^\| (`.*?) \|", text, re.M)
    explained = set(re.findall(r"`(\w+)`", " ".join(first_cells)))
    assert set(RefineDnn.model_fields) <= explained


def test_every_preset_is_in_the_table() -> None:
    text = (ROOT / "docs" / "refining.md").read_text(encoding="utf-8")
    for name, preset in PRESETS.items():
        row = next(line for line in text.splitlines() if line.startswith(f"| `{name}` |"))
        assert f"| {preset.resolution} | {preset.minibatch} |" in row
        for rate, _ in preset.schedule:
            assert f"{rate:.5f}".rstrip("0") in row


def test_every_setting_of_the_machine_is_documented() -> None:
    text = (ROOT / "docs" / "machine.md").read_text(encoding="utf-8")
    named = set(re.findall(r"SWATCHBOOK_\w+", str(machine.__doc__)))
    assert named - {"SWATCHBOOK_"} <= set(re.findall(r"`(SWATCHBOOK_\w+)`", text))


def test_the_keys_of_the_browser_are_those_of_its_pages() -> None:
    """The table is made of the lists that the pages and their help use."""
    everywhere = "Images, one image, Review, Groups; New images but for `c`"
    names = {"page": "every page", "acts": everywhere, "images": "Images", "image": "one image",
             "review": "Review", "groups": "Groups", "new": "New images",
             "threshold": "Threshold", "compare": "Compare", "job": "Learning, Map",
             "map": "Map", "changes": "Changes"}  # fmt: skip
    rows = []
    for file, where in names.items():
        text = (ROOT / f"swatchbook/browser/static/{file}.js").read_text(encoding="utf-8")
        for keys, what in re.findall(r'\{ keys: \[(.*?)\], what: "([^"]+)"', text):
            shown = " ".join(f"`{key}`" for key in re.findall(r'"([^"]+)"', keys))
            rows.append(f"| {where} | {shown} | {what} |")
    assert len(rows) > 30
    table = "\n".join(["| Where | Keys | What |", "|---|---|---|", *rows])
    assert table in (ROOT / "docs" / "browsing.md").read_text(encoding="utf-8"), table

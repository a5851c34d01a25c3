"""docs/params.md is what the schema says."""

from support.project import ROOT

from swatchbook.pipeline import reference
from swatchbook.pipeline.params import Params


def test_the_page_is_up_to_date() -> None:
    assert (ROOT / "docs" / "params.md").read_text() == reference.reference() + "\n"


def test_every_key_has_a_row() -> None:
    page = reference.reference()
    for name, section in Params().model_dump().items():
        part = page.partition(f"## {name}\n")[2].partition("\n## ")[0]
        assert [line.split("`")[1] for line in part.splitlines() if line.startswith("| `")] == [
            *section
        ]

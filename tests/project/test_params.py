"""A stage reads its own section, and is stopped by mistakes in it alone."""

from pathlib import Path
from typing import ClassVar

import pytest

from swatchbook.base.errors import ParamsError
from swatchbook.pipeline.params import Params
from swatchbook.project import params, shared_keys
from swatchbook.project.section import Section, View, key


class Weave(Section):
    """A section."""

    section: ClassVar = "weave"
    threads: int = key(3, "how many", ge=1)


def test_a_section_is_read_without_the_others() -> None:
    Path("params.yaml").write_text("weave: {threads: 5}\nother: {anything: [1]}")
    assert params.load(Weave).threads == 5
    Path("params.yaml").write_text("other: 3")
    assert params.load(Weave).threads == 3


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("weave: {threads: 0}", "weave.threads: 0 is not allowed: input should be greater"),
        ("weave: {thread: 2}", "weave.thread: unknown key. Did you mean 'threads'? Known: threads"),
        ("weave: 3", "weave: 3 is not allowed"),
    ],
)
def test_a_mistake_in_the_own_section_is_one_line(text: str, says: str) -> None:
    Path("params.yaml").write_text(text)
    with pytest.raises(ParamsError) as caught:
        params.load(Weave)
    assert str(caught.value).startswith(says)


@pytest.mark.parametrize("view", View.__subclasses__())
def test_a_view_has_the_keys_of_the_section_that_it_is_of(view: type[View]) -> None:
    owner = params.keys_of(Params, view.section)
    for name, field in view.model_fields.items():
        assert repr(field) == repr(owner[name]), name
    assert view.__module__ == shared_keys.__name__


def test_stages_are_those_of_the_schema_in_its_order() -> None:
    assert list(Params.model_fields) == list(params.STAGES)

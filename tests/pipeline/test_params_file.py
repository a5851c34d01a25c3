"""Values of params.yaml are changed in place, and two versions of it are merged by key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from support.project import ROOT

from swatchbook.base.errors import ParamsError
from swatchbook.pipeline import params_file

OLD = """\
# all of it
split:
  folds: 4      # how many
  seed: 0       # another seed

dedupe:
  keep: one     # or all
"""
NEW = """\
# all of it
split:
  by: group     # new
  folds: 4      # folds of the training part
  seed: 0       # another seed
dedupe:
  most: 3       # new
"""


def test_values_are_as_they_are_written() -> None:
    found = params_file.values(OLD)
    assert found == {("split", "folds"): "4", ("split", "seed"): "0", ("dedupe", "keep"): "one"}


def test_the_shipped_file_is_understood_whole() -> None:
    text = (ROOT / "params.yaml").read_text()
    written = params_file.values(text)
    loaded = YAML(typ="safe").load(text)
    assert set(written) == {(name, key) for name, keys in loaded.items() for key in keys}
    assert params_file.with_values(text, written) == text


def test_a_merge_has_the_new_keys_and_comments_and_the_own_values() -> None:
    ours = OLD.replace("folds: 4 ", "folds: 7 ")
    found = params_file.merged(OLD, ours, NEW)
    assert found == NEW.replace("folds: 4 ", "folds: 7 ")


def test_what_is_no_key_any_more_is_kept_where_the_check_names_it() -> None:
    ours = OLD.replace("keep: one", "keep: all")
    found = params_file.merged(OLD, ours, NEW)
    assert found == NEW + "  keep: all\n"


def test_a_section_that_is_gone_is_kept_too() -> None:
    found = params_file.merged(OLD, OLD.replace("one", "all"), "split:\n  seed: 0\n")
    assert found == "split:\n  seed: 0\n\ndedupe:\n  keep: all\n"


@pytest.mark.parametrize("text", ["split: {seed: 1}", "split:\n  seed:\n  - 1", "  seed: 1"])
def test_another_form_is_an_error(text: str) -> None:
    with pytest.raises(ParamsError, match=r"params\.yaml: line \d"):
        params_file.values(text)


@given(st.dictionaries(st.sampled_from(["folds", "seed"]), st.integers(0, 99).map(str)))
def test_what_is_set_is_what_is_read(changed: dict[str, str]) -> None:
    wanted = {("split", key): value for key, value in changed.items()}
    found = params_file.values(params_file.with_values(NEW, wanted))
    assert found == {**params_file.values(NEW), **wanted}


def test_a_quoted_value_may_hold_what_begins_a_comment() -> None:
    text = "acquire:\n  source: 'folder:/my #1 it''s'  # where\n"
    assert params_file.values(text) == {("acquire", "source"): "'folder:/my #1 it''s'"}
    assert params_file.with_values(text, {("acquire", "source"): "x"}).endswith(" x  # where\n")

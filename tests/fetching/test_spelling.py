"""Two spellings of one image are one."""

import pytest

from swatchbook.fetching import spelling


@pytest.mark.parametrize(
    "url", ["https://x.org/a?b=1", "http://x.org/a?b=1#top", "https://x.org/a?utm_source=me&b=1"]
)
def test_scheme_fragment_and_marks_make_no_other_image(url: str) -> None:
    assert spelling.key_of(url) == spelling.key_of("http://x.org/a?b=1")
    assert spelling.host_of(url) == "x.org"


@pytest.mark.parametrize("url", ["http://x.org/b?b=1", "ftp://x.org/a?b=1", "http://y.org/a?b=1"])
def test_others_are_others(url: str) -> None:
    assert spelling.key_of(url) != spelling.key_of("http://x.org/a?b=1")


def test_what_is_no_url_is_its_own_key() -> None:
    assert spelling.key_of("http://[x") == "http://[x"
    assert spelling.host_of("http://[x") == ""

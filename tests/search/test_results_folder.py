"""Results of a search made elsewhere."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from swatchbook.search.provider import Result, SearchError
from swatchbook.search.results_folder import ResultsFolder


async def nobody(*_: Any) -> Any:
    raise AssertionError("a folder asks nobody")


def found(most: int = 5) -> list[Result]:
    return asyncio.run(ResultsFolder(Path("results")).search(nobody, "striped shirt", most, []))


def test_a_file_of_the_querys_name_holds_its_results() -> None:
    Path("results").mkdir()
    text = (
        '[{"url": "http://a/1.jpg", "licence": "CC0", "author": "Ann"}, {"url": "http://a/2.jpg"}]'
    )
    Path("results/striped shirt.json").write_text(text)
    assert found() == [Result("http://a/1.jpg", "CC0", "Ann"), Result("http://a/2.jpg")]
    assert found(1) == [Result("http://a/1.jpg", "CC0", "Ann")]


@pytest.mark.parametrize(
    ("text", "reason"),
    [(None, "search_failed"), ("[", "search_answer"), ('{"a": 1}', "search_answer"),
     ('[{"link": "x"}]', "search_answer")],
)  # fmt: skip
def test_what_is_no_results_has_a_reason(text: str | None, reason: str) -> None:  # B22
    Path("results").mkdir()
    if text is not None:
        Path("results/striped shirt.json").write_text(text)
    with pytest.raises(SearchError) as raised:
        found()
    assert raised.value.reason == reason

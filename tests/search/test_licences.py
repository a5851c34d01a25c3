"""Names of licences as codes."""

import pytest

from swatchbook.search import licences


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("CC BY-SA 4.0", "by-sa"), ("CC BY 2.0", "by"), ("CC BY-NC-ND 3.0 de", "by-nc-nd"),
        ("cc-by-sa-3.0", "by-sa"), ("by-nc", "by-nc"), ("CC0", "cc0"), ("CC0 1.0", "cc0"),
        ("CC-Zero", "cc0"), ("Public domain", "pdm"), ("Public Domain Mark 1.0", "pdm"),
        ("pdm", "pdm"), ("CC BY-SA 4.0-3.0", "by-sa"), (" cc by ", "by"),
        ("", ""), ("GFDL 1.2", ""), ("All rights reserved", ""), ("CC BY-XX 4.0", ""),
        ("bystander", ""), ("CC SA 1.0", ""), ("CC BY-ND-SA 1.0", ""), ("pdf", ""),
        ("by permission only", ""), ("By courtesy of X", ""), ("CC BY 4.0 NC", ""), ("by me", ""),
        ("CC BY 2.5, 3.0", "by"),
        ("No restrictions", ""), ("nc-sampling+", ""), ("CC NC-SAMPLING+ 1.0", ""),
    ],
)  # fmt: skip
def test_a_licence_has_one_code_or_none(name: str, code: str) -> None:
    assert licences.code(name) == code

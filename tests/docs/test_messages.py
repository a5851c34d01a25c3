"""Whoever meets an error is told what to do: each message of the code says it, or passes on
what another said.
"""

import re

import pytest
from support.messages import messages

ALL = dict(messages())
# what another program or system said, with its name before it; and those of a list of rules
PASSED_ON = {
    "… (list: …)",
    "…: … can't be had: …",
    "…: status …: …",
    "remote …: ……",
    "remote …: …",
    "refine_dnn.pretrained: CNTK can't use … at … px: …",
    "{text}",
}
# a command, a key or option with its value, what is allowed, a page
POINTER = re.compile(
    r"`|docs/|--[a-z]|SWATCHBOOK_|Known: |Did you mean|It has |pip install |«cure»|allowed|Nearest|"
    r"\b(must|may be|needs?|(is|are) (needed|wanted)|at (most|least)|as in|not one of)\b|"
    r"[a-z_]+\.[a-z_]+: [a-z]+ |[a-z]+:(PATH|…)|, as [a-z]+=|a scheme and a host"
)
# or what to do, behind the fact
IMPERATIVE = re.compile(
    r"[;:,(.?] (or )?(use|set|give|try|name|save|make|choose|take|keep|put|remove|run|write|wait|"
    r"mend|unpack|see|let|install|reinstall|relabel|rename|fetch|move|finish|is|stop|"
    r"\w+ it again)\b",
    re.IGNORECASE,
)


@pytest.mark.parametrize("where", ALL)
def test_a_message_says_what_to_do(where: str) -> None:
    text = ALL[where]
    assert text in PASSED_ON or POINTER.search(text) or IMPERATIVE.search(text), f"{where}: {text}"


def test_they_are_all_looked_at() -> None:
    assert len(ALL) > 200

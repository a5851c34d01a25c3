"""Names of licences as one short code each, so that a filter can be written down."""

import re
from typing import Literal, get_args

Licence = Literal["cc0", "pdm", "by", "by-sa", "by-nc", "by-nd", "by-nc-sa", "by-nc-nd"]
CODES = get_args(Licence)
_PUBLIC_DOMAIN = re.compile(r"(public domain|pdm?)\b", re.IGNORECASE)
_ZERO = re.compile(r"cc[ -]?(0|zero)\b", re.IGNORECASE)
# the version may have others beside it, and a country: CC BY-SA 4.0-3.0, CC BY 3.0 de
_COMMONS = re.compile(
    r"(?:cc[ -])?(by(?:-(?:nc|nd|sa))*)"
    r"(?:[ -]\d\.\d(?:[-,/ ]+\d\.\d)*(?:[ -](?!nc|nd|sa)[a-z]{2})?)?",
    re.IGNORECASE,
)


def code(name: str) -> str:
    """The code of a licence's name, or nothing where it is none of ``CODES``.

    ``CC BY-SA 4.0``, ``by-sa`` and ``cc-by-sa-3.0`` are ``by-sa``. See
    https://creativecommons.org/share-your-work/cclicenses/
    """
    text = name.strip()
    if _ZERO.match(text):
        return "cc0"
    if _PUBLIC_DOMAIN.match(text):
        return "pdm"
    found = _COMMONS.fullmatch(text)
    if not found:
        return ""
    short = found.group(1).lower()
    return short if short in CODES else ""

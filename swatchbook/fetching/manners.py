"""How politely, and from where, things are fetched."""

from collections.abc import Sequence
from dataclasses import dataclass

from swatchbook.base.machine import IPNetwork


@dataclass(frozen=True)
class Manners:
    """How to fetch.

    ``agent`` is the name that sites see, ``robots`` whether their wishes are heeded, ``allowed``
    networks that are not public but meant, ``refresh`` whether what is there is fetched again,
    ``seconds`` the time for one URL in all its attempts.
    """

    agent: str = "swatchbook/1"
    robots: bool = True
    allowed: Sequence[IPNetwork] = ()
    refresh: bool = False
    seconds: float = 60.0

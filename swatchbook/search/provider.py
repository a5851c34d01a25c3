"""What an image search is to the rest: a query goes in, results come out, or a reason."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ValidationError

REASONS = {
    "search_empty": "nothing was found (under the licences asked for)",
    "search_quota": "the service asks to wait longer than a minute, or its quota is used up",
    "search_refused": "the service doesn't accept the key, or any request",
    "search_failed": "the service can't be reached, or fails",
    "search_answer": "the answer has another form than the service's documentation says",
}

Ask = Callable[[str, Mapping[str, str], Mapping[str, str]], Awaitable[Any]]


class SearchError(Exception):
    """Why a query has no results: one of ``REASONS``."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class Result:
    """An image that a search found: ``licence`` and ``author`` are empty where it doesn't tell."""

    url: str
    licence: str = ""
    author: str = ""


class Provider(ABC):
    """A service that searches for images by text.

    ``name`` is for people, ``delay`` the least time in seconds from one request to the next.
    """

    name: ClassVar[str]
    tells_licences: ClassVar[bool] = True
    is_local: ClassVar[bool] = False
    delay: float

    @abstractmethod
    async def search(
        self, ask: Ask, query: str, most: int, licences: Sequence[str]
    ) -> list[Result]:
        """Up to ``most`` results in the service's order.

        ``ask(address, parameters, headers)`` makes a request and gives the answer's JSON.
        ``licences`` may narrow the search; the caller leaves out what they don't allow.

        Raises:
            SearchError: where the answer can't be used.
        """


_Form = TypeVar("_Form", bound=BaseModel)


def read(form: type[_Form], answer: Any) -> _Form:
    """``answer`` in the form that is documented. Raises SearchError where it has another."""
    try:
        return form.model_validate(answer)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SearchError("search_answer", f"{where}: {first['msg']}") from None

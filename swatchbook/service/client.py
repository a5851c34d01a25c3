"""A client of the service, which also tells where the time of a call goes."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import requests

from swatchbook.base.errors import DataError, first_line

_SECONDS = 60
# what is said of one image, as that it is too large, says nothing of the next
_OF_IMAGE = (413, 422)


@dataclass(frozen=True)
class Call:
    """One call: seconds in all, seconds of work in the service, and what it said of the image."""

    total: float
    compute: float
    result: dict[str, Any]


class Client:
    """Calls one service, over one connection where it can; ``key``: empty for none."""

    def __init__(self, url: str, key: str = "") -> None:
        self._url = url.rstrip("/")
        self._session = requests.Session()
        # no answer of another address is wanted, and no password of a .netrc goes there
        self._session.trust_env = False
        if key:
            self._session.headers["Authorization"] = f"Bearer {key}"

    def classify(self, data: bytes, top: int) -> Call:
        """Ask about one encoded image.

        Raises:
            DataError: where the service can't be reached or refuses to answer.
        """
        started = time.perf_counter()
        try:
            answer = self._session.post(
                f"{self._url}/v1/classify", params={"top_k": top}, data=data, timeout=_SECONDS,
                headers={"Content-Type": "application/octet-stream"}, allow_redirects=False,
            )  # fmt: skip
            content = answer.json()
        except requests.JSONDecodeError:
            raise DataError(
                f"{self._url}: status {answer.status_code}, and no JSON; is that the "
                "address of a service?"
            ) from None
        except (requests.RequestException, ValueError) as error:
            raise DataError(f"{self._url}: {first_line(error)}") from None
        total = time.perf_counter() - started
        if not isinstance(content, dict) or "results" not in content:
            why = content.get("error", "") if isinstance(content, dict) else ""
            if answer.status_code in _OF_IMAGE:
                return Call(total, 0.0, {"status": "refused", "reason": why, "top": []})
            raise DataError(f"{self._url}: status {answer.status_code}: {why}")
        return Call(total, content["milliseconds"] / 1000, content["results"][0])

    def calls(self, data: bytes, top: int, count: int) -> Iterator[Call]:
        """Ask about one image ``count`` times."""
        for _ in range(count):
            yield self.classify(data, top)

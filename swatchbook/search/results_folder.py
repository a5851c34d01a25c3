"""Results of a search made elsewhere: one JSON file a query, in a folder."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, RootModel

from swatchbook.search.provider import Ask, Provider, Result, SearchError, read


class _Image(BaseModel):
    url: str
    licence: str = ""
    author: str = ""


class _Answer(RootModel[list[_Image]]):
    pass


@dataclass(frozen=True)
class ResultsFolder(Provider):
    """See ``Provider``. ``striped shirt.json`` holds ``[{"url", "licence", "author"}, …]``."""

    name = "folder"
    is_local = True

    folder: Path
    delay: float = 0.0

    async def search(
        self, ask: Ask, query: str, most: int, licences: Sequence[str]
    ) -> list[Result]:
        """See ``Provider``."""
        path = self.folder / f"{query}.json"
        try:
            answer = json.loads(path.read_bytes())
        except OSError as error:
            raise SearchError("search_failed", f"{path}: {error.strerror}") from None
        except (ValueError, RecursionError):
            raise SearchError("search_answer", f"{path}: no JSON") from None
        images = read(_Answer, answer).root
        return [Result(image.url, image.licence, image.author) for image in images][:most]

"""A request's images: a few at a time, until its time is over or its client has gone."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from starlette.requests import ClientDisconnect

from swatchbook.base.errors import ImageRefused
from swatchbook.server.admission import Admission, Full
from swatchbook.server.problem import Problem
from swatchbook.service import answering
from swatchbook.service.answering import Answering
from swatchbook.service.scoring import Score

CONTENTS = [bytes([number]) for number in range(20)]


class Scorer:
    """In place of a scorer: an image takes 10 ms; 13 is bad, 14 breaks the engine, 15 is lost."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.at_work = self.most = 0

    def of_image(self, data: bytes) -> "asyncio.Future[Score]":
        return asyncio.ensure_future(self._score(data[0]))

    def of_pixels(self, pixels: np.ndarray) -> "asyncio.Future[Score]":
        return asyncio.ensure_future(self._score(int(pixels.max())))

    async def _score(self, number: int) -> Score:
        self.begun.append(number)
        self.at_work += 1
        self.most = max(self.most, self.at_work)
        # a later one may be done before an earlier one
        try:
            await asyncio.sleep(60 if number == 15 else 0.01 if number % 3 else 0.03)
        finally:
            self.at_work -= 1
        if number == 13:
            raise ImageRefused("truncated")
        if number == 14:
            raise RuntimeError("the engine failed")
        row = np.full(2, number, np.float32)
        return Score(row, row)


class Client:
    """A request's sender, who leaves after so many looks."""

    def __init__(self, looks: float = np.inf) -> None:
        self._looks = looks

    async def is_disconnected(self) -> bool:
        self._looks -= 1
        return self._looks < 0


def ask(work: Callable[[Answering, Any], Any], places: int = 8) -> tuple[Any, Scorer, Admission]:
    admission = Admission(places, 1000)
    scorer = Scorer()
    deployed = SimpleNamespace(scorer=scorer)

    async def run() -> Any:
        try:
            return await work(Answering(None, admission), deployed)  # type: ignore[arg-type]
        except Exception as error:
            return error

    result = asyncio.run(run())
    assert not admission.is_full
    assert scorer.at_work == 0
    return result, scorer, admission


def numbers(found: list[Score | ImageRefused]) -> list[float | str]:
    return [
        one.reason if isinstance(one, ImageRefused) else float(one.probabilities[0])
        for one in found
    ]


def test_the_answers_are_in_order_and_a_bad_image_costs_itself() -> None:
    found, scorer, _ = ask(lambda own, model: own.of_images(Client(), model, CONTENTS[:14]))
    assert numbers(found) == [*range(13), "truncated"]
    assert scorer.most == 4  # half of the places


@pytest.mark.parametrize("places", [1, 2, 3])
def test_few_places_are_enough(places: int) -> None:
    work = lambda own, model: own.of_images(Client(), model, CONTENTS[:9])  # noqa: E731
    found, scorer, _ = ask(work, places)
    assert numbers(found) == [*range(9)]
    assert scorer.most == 1


def test_a_large_request_leaves_room_for_others() -> None:
    async def both(own: Answering, model: Any) -> list[Any]:
        large = [own.of_images(Client(), model, CONTENTS[:12]) for _ in range(2)]  # type: ignore[arg-type]
        tasks = [asyncio.ensure_future(one) for one in large]
        await asyncio.sleep(0.005)
        with pytest.raises(Full):  # all places are taken, but not for long
            await own.of_images(Client(), model, CONTENTS[:1])  # type: ignore[arg-type]
        return [numbers(found) for found in await asyncio.gather(*tasks)]

    found, scorer, _ = ask(both)
    assert found == [[*range(12)]] * 2
    assert scorer.most == 8


def test_after_the_time_no_image_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "REQUEST_SECONDS", 0.025)
    found, scorer, _ = ask(lambda own, model: own.of_images(Client(), model, CONTENTS[:13]))
    begun = len(scorer.begun)
    assert 4 <= begun < 13
    assert numbers(found) == [*range(begun), *["timeout"] * (13 - begun)]
    pixels = np.arange(13, dtype=np.uint8).reshape(-1, 1, 1, 1)
    error, _, _ = ask(lambda own, model: own.of_pixels(Client(), model, pixels))
    assert isinstance(error, Problem)
    assert (error.status, error.why) == (503, "over 0.025 s; send fewer images at once")


def test_an_image_that_was_lost_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "_LOST_SECONDS", 0.5)
    contents = [CONTENTS[0], CONTENTS[15], *CONTENTS[1:6]]
    found, _, _ = ask(lambda own, model: own.of_images(Client(), model, contents))
    assert numbers(found) == [0, "decoder_crash", 1, 2, 3, 4, 5]


def test_for_who_has_gone_no_image_is_begun() -> None:  # F09
    error, scorer, _ = ask(lambda own, model: own.of_images(Client(looks=2), model, CONTENTS[:13]))
    assert isinstance(error, ClientDisconnect)
    assert 4 < len(scorer.begun) < 13


def test_an_engine_that_fails_ends_the_request() -> None:
    contents = [CONTENTS[14], *CONTENTS[16:]]
    error, scorer, _ = ask(lambda own, model: own.of_images(Client(), model, contents))
    assert isinstance(error, RuntimeError)
    assert len(scorer.begun) < 5

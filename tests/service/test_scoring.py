"""Images through one model: together where they wait together; a poisonous one costs itself."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator

import numpy as np
import pytest

from swatchbook.base.errors import ImageRefused
from swatchbook.bundle.predictor import Scored
from swatchbook.service.scoring import Score, Scorer, worthwhile
from swatchbook.untrusted.sandbox import Sandbox


def _decode(data: bytes) -> np.ndarray:
    match data:
        case b"die":
            os.kill(os.getpid(), signal.SIGSEGV)
        case b"hang":
            time.sleep(60)
        case b"bad":
            raise ImageRefused("truncated")
    return np.full((2, 2, 3), int(data), np.uint8)


class Model:
    """In place of a predictor: the probability is the pixel; each pass takes 20 ms."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def __call__(self, pixels: np.ndarray) -> Scored:
        self.sizes.append(len(pixels))
        time.sleep(0.02)
        if (pixels == 13).any():
            raise RuntimeError("the engine failed")
        means = pixels.reshape(len(pixels), -1).mean(axis=1, keepdims=True).astype(np.float32)
        return Scored(means, means)


@pytest.fixture
def decoder() -> Iterator[Sandbox[np.ndarray]]:
    with Sandbox(_decode, (), 2, seconds=2) as box:
        box.warm()
        yield box


@pytest.fixture
def scorer(decoder: Sandbox[np.ndarray]) -> Iterator[Scorer]:
    made = Scorer(Model(), decoder, 1, 4)  # type: ignore[arg-type]
    yield made
    made.close()


@pytest.mark.parametrize(
    ("seconds", "size"),
    [
        ({1: 1.0}, 1),
        ({1: 1.0, 2: 1.0, 4: 1.0, 8: 1.0}, 8),
        ({1: 1.0, 2: 1.7, 4: 3.2, 8: 5.0}, 2),  # what 8 would win is not looked for
        ({1: 1.0, 2: 1.9, 4: 1.0, 8: 1.0}, 1),
        ({1: 1.0, 2: 2.2}, 1),
    ],
)
def test_a_batch_is_as_large_as_makes_images_cheaper(seconds: dict[int, float], size: int) -> None:
    assert worthwhile(list(seconds), seconds.__getitem__) == size


def found(scorer: Scorer, items: list[bytes]) -> list[float | str]:
    async def ask() -> list[float | str]:
        waiting = [scorer.of_image(item) for item in items]
        results = await asyncio.gather(*waiting, return_exceptions=True)
        return [
            float(one.probabilities[0]) if isinstance(one, Score)
            else one.reason if isinstance(one, ImageRefused) else type(one).__name__
            for one in results
        ]  # fmt: skip

    return asyncio.run(ask())


def test_each_image_gets_its_own_answer_and_they_share_passes(scorer: Scorer) -> None:
    numbers = list(range(100, 140))
    assert found(scorer, [str(n).encode() for n in numbers]) == numbers
    sizes = scorer.predictor.sizes  # type: ignore[attr-defined]
    assert sum(sizes) == 40
    assert max(sizes) == 4
    assert len(sizes) < 30


def test_a_poisonous_image_costs_itself(scorer: Scorer) -> None:  # F11
    for _ in range(6):
        results = found(scorer, [b"1", b"die", b"2", b"die", b"bad", b"3"])
        assert results == [1, "decoder_crash", 2, "decoder_crash", "truncated", 3]
    assert found(scorer, [b"hang", b"4"]) == ["timeout", 4]


def test_an_engine_that_fails_costs_its_pass(scorer: Scorer) -> None:
    assert found(scorer, [b"13"]) == ["RuntimeError"]
    assert found(scorer, [b"14"]) == [14]


def test_pixels_need_no_decoding(scorer: Scorer) -> None:
    async def ask() -> Score:
        return await scorer.of_pixels(np.full((2, 2, 3), 7, np.uint8))

    assert asyncio.run(ask()).probabilities[0] == 7


def test_who_does_not_wait_costs_no_pass(decoder: Sandbox[np.ndarray]) -> None:  # F09
    scorer = Scorer(Model(), decoder, 1, 4)  # type: ignore[arg-type]

    async def leave() -> None:
        pixels = np.ones((2, 2, 3), np.uint8)
        first = scorer.of_pixels(pixels)
        await asyncio.sleep(0.005)
        for answer in [scorer.of_pixels(pixels) for _ in range(8)]:
            answer.cancel()
        await first
        await scorer.of_pixels(pixels)

    asyncio.run(leave())
    scorer.close()
    assert sum(scorer.predictor.sizes) == 2  # type: ignore[attr-defined]


def test_the_end_answers_what_waits(decoder: Sandbox[np.ndarray]) -> None:
    scorer = Scorer(Model(), decoder, 1, 4)  # type: ignore[arg-type]

    async def ask() -> list[Score]:
        waiting = [scorer.of_pixels(np.ones((2, 2, 3), np.uint8)) for _ in range(9)]
        await asyncio.get_running_loop().run_in_executor(None, scorer.close)
        return await asyncio.gather(*waiting)

    assert len(asyncio.run(ask())) == 9

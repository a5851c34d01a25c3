"""Hostile images cost one process, never the run."""

import os
import signal
import time

import pytest
from conftest import encoded, texture

from swatchbook import sandbox
from swatchbook.errors import ImageRefused
from swatchbook.perceptual import dhash
from swatchbook.sandbox import Examined, Sandbox

_REAL = sandbox._examine


def _hang_or_die(data: bytes, hash_size: int, max_side: int) -> Examined:
    if data == b"hang":
        time.sleep(60)
    if data == b"die":
        os.kill(os.getpid(), signal.SIGSEGV)
    if data == b"odd":
        raise StopAsyncIteration("nobody foresaw this")
    if data == b"eat":
        bytearray(2**40)
    return _REAL(data, hash_size, max_side)


def test_images_are_examined_in_order() -> None:
    files = [encoded(texture(number)) for number in range(6)] + [b"junk"]
    with Sandbox(2, 16) as box:
        found = dict(box.examine(enumerate(files)))
    assert list(found) == list(range(7))
    for number in range(6):
        assert isinstance(found[number], Examined)
        assert found[number].dhash == dhash(texture(number), 16)  # type: ignore[union-attr]
    assert isinstance(found[6], ImageRefused)
    assert found[6].reason == "not_image"


def test_a_crash_a_hang_and_a_glutton_are_refused_and_the_rest_goes_on(  # A13 A18 A23
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sandbox, "_examine", _hang_or_die)
    good = encoded(texture(1))
    with Sandbox(2, 16, seconds=5) as box:
        found = dict(box.examine(enumerate([good, b"hang", b"die", b"eat", good, b"odd"])))
    reasons = [found[n].reason for n in (1, 2, 3, 5)]  # type: ignore[union-attr]
    assert reasons == ["timeout", "decoder_crash", "decoder_crash", "corrupt"]
    assert isinstance(found[0], Examined)
    assert isinstance(found[4], Examined)


def test_larger_images_are_reduced_and_facts_are_of_the_smaller_one() -> None:
    large, small = encoded(texture(1, side=200).resize((200, 100))), encoded(texture(2))
    with Sandbox(2, 16, max_side=80) as box:
        found = dict(box.examine(enumerate([large, small])))
    assert isinstance(found[0], Examined)
    assert isinstance(found[1], Examined)
    assert (found[0].facts.format, found[0].facts.width, found[0].facts.height) == ("JPEG", 80, 40)
    assert found[0].smaller
    with Sandbox(1, 16) as box:
        assert dict(box.examine([(0, found[0].smaller)]))[0] == Examined(
            found[0].facts, found[0].dhash
        )
    assert found[1].smaller is None


def test_no_process_is_started_without_images() -> None:
    with Sandbox(2, 16) as box:
        assert list(box.examine([])) == []
        assert box._pool is None

"""The garbage collector is paused, and goes on."""

import gc

import pytest

from swatchbook.base import collector


def test_it_is_paused_in_the_block_and_goes_on_after_it() -> None:
    with collector.paused():
        assert not gc.isenabled()
        with collector.paused():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_goes_on_after_an_error() -> None:
    with pytest.raises(ImportError), collector.paused():
        raise ImportError
    assert gc.isenabled()

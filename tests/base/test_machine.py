"""Settings of the machine."""

from pathlib import Path

import pytest

from swatchbook.base import machine
from swatchbook.base.errors import ParamsError


def test_defaults_suit_any_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SWATCHBOOK_CACHE")
    assert machine.workers() >= 1
    assert machine.batch() == 8
    assert machine.engine() == "auto"
    assert machine.cache_folder().is_absolute()


def test_settings_are_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWATCHBOOK_WORKERS", "3")
    monkeypatch.setenv("SWATCHBOOK_CACHE", "relative")
    assert machine.workers() == 3
    assert machine.cache_folder() == Path.cwd() / "relative"


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5"])
def test_a_wrong_number_is_an_error(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("SWATCHBOOK_BATCH", value)
    with pytest.raises(ParamsError, match=r"SWATCHBOOK_BATCH: .* whole number"):
        machine.batch()


@pytest.mark.parametrize(
    ("variable", "setting"),
    [
        ("SWATCHBOOK_DEVICE", "device"),
        ("SWATCHBOOK_CHECKPOINT_MINUTES", "checkpoint_seconds"),
        ("SWATCHBOOK_DECODED_GIB", "decoded_bytes"),
    ],
)  # fmt: skip
def test_each_setting_names_its_variable_when_it_is_wrong(
    monkeypatch: pytest.MonkeyPatch, variable: str, setting: str
) -> None:
    getattr(machine, setting)()
    monkeypatch.setenv(variable, "some")
    with pytest.raises(ParamsError, match=f"{variable}: 'some'"):
        getattr(machine, setting)()
    assert variable in str(machine.__doc__)


def test_a_wrong_engine_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWATCHBOOK_ENGINE", "openvno")
    with pytest.raises(ParamsError, match="Did you mean 'openvino'"):
        machine.engine()

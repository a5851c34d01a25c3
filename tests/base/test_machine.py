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


@pytest.mark.parametrize(
    ("groups", "limits", "granted"),
    [
        ("0::/\n", {}, 4),
        ("0::/app\n", {"app/cpu.max": "150000 100000"}, 2),
        ("0::/app\n", {"app/cpu.max": "max 100000"}, 4),
        ("0::/pod/app\n", {"pod/cpu.max": "100000 100000", "pod/app/cpu.max": "300000 100000"}, 1),
        ("0::/docker/0123\n", {"cpu.max": "50000 100000"}, 1),
        ("4:cpu,cpuacct:/job\n", {"cpu/job/cpu.cfs_quota_us": "300000",
                                  "cpu/job/cpu.cfs_period_us": "100000"}, 3),
        ("4:cpu:/job\n", {"cpu/job/cpu.cfs_quota_us": "-1",
                          "cpu/job/cpu.cfs_period_us": "100000"}, 4),
        ("0::/app\n", {"app/cpu.max": "nonsense"}, 4),
    ],
)  # fmt: skip
def test_a_container_grants_what_its_groups_say(
    groups: str, limits: dict[str, str], granted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, root = Path("own"), Path("groups")
    own.write_text(groups)
    for name, text in limits.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    monkeypatch.setattr(machine, "_OWN_GROUPS", own)
    monkeypatch.setattr(machine, "_GROUPS", root)
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda _: set(range(4)), raising=False)
    monkeypatch.delenv("SWATCHBOOK_WORKERS", raising=False)
    assert machine.workers() == granted

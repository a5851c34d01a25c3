"""Presets: recipes by name that become options of an experiment."""

import shlex
import subprocess
import sys

import pytest
from ruamel.yaml import YAML
from support.project import ROOT, Project

from swatchbook.base.errors import ParamsError
from swatchbook.training import presets
from swatchbook.training.parameters import RefineDnn


@pytest.mark.parametrize("name", presets.PRESETS)
def test_a_preset_prints_options_that_make_valid_parameters(name: str) -> None:
    options = shlex.split(presets.options(name))
    assert options[::2] == ["-S"] * (len(options) // 2)
    values = dict(item.split("=", 1) for item in options[1::2])
    settings = RefineDnn.model_validate(
        {key.split(".")[1]: YAML(typ="safe").load(value) for key, value in values.items()}
    )
    preset = presets.PRESETS[name]
    assert settings.mode == "refine"
    assert (settings.architecture, settings.resolution, settings.minibatch) == (
        preset.architecture, preset.resolution, preset.minibatch,
    )  # fmt: skip
    assert settings.schedule == [list(pair) for pair in preset.schedule]
    assert RefineDnn(schedule=name).schedule == name


def test_the_tutorial_is_45_epochs_and_the_guide_15() -> None:
    epochs = {
        name: sum(count for _, count in preset.schedule) for name, preset in presets.PRESETS.items()
    }
    assert epochs.pop("tutorial") == 45
    assert set(epochs.values()) == {15}


def test_an_unknown_preset_is_an_error_with_a_suggestion() -> None:
    with pytest.raises(ParamsError, match="Did you mean 'guide_best'"):
        presets.options("guide_bst")


def test_the_command_lists_them_and_exits_with_2_on_a_wrong_name() -> None:
    command = [sys.executable, "-m", "swatchbook", "presets"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert [line.split()[0] for line in listed.stdout.splitlines()] == list(presets.PRESETS)
    wrong = subprocess.run([*command, "x"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("error: presets: 'x' is not known.")


@pytest.mark.pipeline
def test_dvc_takes_the_options_as_an_experiment(project: Project) -> None:
    options = shlex.split(presets.options("guide_best"))
    queued = project.run("dvc", "exp", "run", "--queue", "-n", "guide-best", *options)
    assert "Queued experiment 'guide-best'" in queued.stdout
    shown = project.run("dvc", "exp", "show", "--json").stdout
    assert '"schedule": [[0.01, 7], [0.001, 7], [0.0001, 1]]' in shown

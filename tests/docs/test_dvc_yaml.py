"""dvc.yaml against the code: declared dependencies and parameters."""

import configparser
import re

import pytest
from ruamel.yaml import YAML
from support.project import ROOT
from support.rooms import closure

from swatchbook.pipeline.params import Params

PIPELINE = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())
STAGES = PIPELINE["stages"]

# heavy stages: what only they depend on holds nothing that they don't import
EXACT = ("refine_dnn", "featurize")
# in rooms of every stage, not used by these two, and hardly ever changed
SPARED = {
    "base/chance.py", "base/lists.py", "base/terminal.py", "project/figures.py",
    "project/shared_keys.py",
}  # fmt: skip


def folders(stage: str) -> set[str]:
    return {dep for dep in STAGES[stage]["deps"] if dep.startswith("swatchbook")}


def library_closure(stage: str) -> set[str]:
    files = (file.relative_to(ROOT).as_posix() for file in closure(f"stages.{stage}"))
    return {file for file in files if file.startswith("swatchbook/")}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_all_code_that_it_imports(stage: str) -> None:
    assert f"stages/{stage}.py" in STAGES[stage]["deps"]
    rooms = {"/".join(file.split("/")[:2]) for file in library_closure(stage)}
    assert rooms <= folders(stage)


@pytest.mark.parametrize("stage", STAGES)
def test_every_folder_that_a_stage_depends_on_is_needed(stage: str) -> None:
    for folder in folders(stage):
        assert any(file.startswith(f"{folder}/") for file in library_closure(stage)), folder


@pytest.mark.parametrize("stage", EXACT)
def test_a_heavy_stage_depends_on_nothing_else(stage: str) -> None:
    there = {
        file.relative_to(ROOT).as_posix()
        for folder in folders(stage)
        for file in (ROOT / folder).rglob("*.py")
        if file.stat().st_size
    }
    # CNTK's process runs in another Python, and so is not imported
    known = {*library_closure(stage), "swatchbook/training/cntk/process.py"}
    assert there - known <= {f"swatchbook/{file}" for file in SPARED}


@pytest.mark.parametrize("stage", STAGES)
def test_stage_script_section_and_command_share_one_name(stage: str) -> None:
    assert STAGES[stage]["cmd"] == f"python -m stages.{stage}"
    assert (ROOT / "stages" / f"{stage}.py").is_file()
    assert stage in Params.model_fields
    assert stage in STAGES[stage]["params"] or any(
        key.startswith(f"{stage}.") for key in STAGES[stage]["params"]
    )


def test_every_parameter_belongs_to_a_stage() -> None:
    declared = {key for stage in STAGES.values() for key in stage["params"]}
    for section, field in Params.model_fields.items():
        for key in field.annotation.model_fields:  # type: ignore[union-attr]
            assert declared & {section, f"{section}.{key}"}, f"{section}.{key}"


def test_only_acquire_persists_and_every_plot_is_an_output() -> None:
    outs = {}
    for stage, content in STAGES.items():
        for out in content["outs"]:
            path, options = next(iter(out.items())) if isinstance(out, dict) else (out, {})
            outs[path] = stage
            assert not options.get("persist") or stage == "acquire"
    for plot in PIPELINE["plots"]:
        sources = [plot] if isinstance(plot, str) else [*next(iter(plot.values()))["y"]]
        for source in sources:
            assert any(source.startswith(f"{out}/") for out in outs), source


def test_templates_of_plots_exist() -> None:
    builtin = {"linear", "simple", "scatter", "smooth"}
    for plot in PIPELINE["plots"]:
        if isinstance(plot, dict):
            template = next(iter(plot.values()))["template"]
            assert template in builtin or (ROOT / f".dvc/plots/{template}.json").is_file()


def test_no_output_can_be_committed_to_git_by_accident() -> None:
    ignored = (ROOT / ".gitignore").read_text()
    for folder in {re.split("/", out)[0] for out in ("data/x", "models/x", "plots/x")}:
        assert f"/{folder}/" in ignored


def test_dvc_tells_nobody() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / ".dvc/config")
    assert not config.getboolean("core", "analytics")
    assert not config.getboolean("core", "check_update")

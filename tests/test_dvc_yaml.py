"""dvc.yaml against the code: declared dependencies, parameters and the direction of imports."""

import ast
import re
from pathlib import Path

import pytest
from conftest import ROOT
from ruamel.yaml import YAML

from swatchbook.params_schema import Params

PIPELINE = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())
STAGES = PIPELINE["stages"]

# DESIGN: a module imports only modules to its left
ORDER = (
    "errors", "terminal", "addresses", "machine", "files", "cache", "presets", "params_schema",
    "params", "params_reference", "tables", "images", "perceptual", "sandbox", "examination",
    "decoding", "store", "pace", "robots", "fetching", "download", "search", "sources", "inputs",
    "acquisition", "duplicates", "annotations", "test_lists", "splitting", "models", "figures",
    "sampling", "weights", "networks", "network_export", "decoded", "augmentation", "training_data",
    "schedules", "checkpoints", "finetuning", "parallel", "batch_norm", "depthwise",
    "torch_learner", "cntk", "training_curves", "refining", "rate_finder", "inference", "features",
    "classifiers", "classifier_export", "evaluation", "abstention", "bundle", "predictor", "golden",
    "provenance", "bundling", "neighbours", "predict", "prediction_files", "service", "client",
    "curves", "plots", "comparison", "comparison_report", "comparison_plots", "looks", "suspects",
    "learning_curve", "selection", "durations", "parent", "stage", "runs", "comparison_page",
    "gate", "run_list", "run_plots", "dvc_files", "findings", "remotes", "shared_features",
    "shared_runs", "doctor", "verification", "cli",
)  # fmt: skip

# code that a module runs in another Python, and so doesn't import
RUN_AS_FILES = {"learner.py": ["swatchbook/cntk/server.py"]}


def module_file(name: str) -> Path | None:
    base = ROOT.joinpath(*name.split("."))
    return next((f for f in (base.with_suffix(".py"), base / "__init__.py") if f.is_file()), None)


def imported(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in names if name.split(".")[0] in ("swatchbook", "stages")}


def closure(name: str) -> set[Path]:
    """The first-party files that importing ``name`` runs."""
    found: set[Path] = set()
    waiting = [name]
    while waiting:
        parts = waiting.pop().split(".")
        for length in range(1, len(parts) + 1):
            file = module_file(".".join(parts[:length]))
            if file is not None and file not in found:
                found |= {file, *(ROOT / path for path in RUN_AS_FILES.get(file.name, ()))}
                waiting += imported(file)
    return {file for file in found if file.stat().st_size}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_exactly_the_code_it_imports(stage: str) -> None:
    wanted = {file.relative_to(ROOT).as_posix() for file in closure(f"stages.{stage}")}
    declared = {dep for dep in STAGES[stage]["deps"] if dep.endswith(".py")}
    assert declared == wanted


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


def test_modules_import_only_to_the_left() -> None:
    files = sorted((ROOT / "swatchbook").rglob("*.py"))
    modules = {file.relative_to(ROOT / "swatchbook").parts[0].removesuffix(".py") for file in files}
    assert modules - {"__init__", "__main__"} == set(ORDER)
    for file in files:
        own = file.relative_to(ROOT / "swatchbook").parts[0].removesuffix(".py")
        if own == "__main__":
            continue  # it runs the last one
        for name in imported(file):
            parts = name.split(".")
            if len(parts) > 1 and parts[1] in ORDER and parts[1] != own:
                assert ORDER.index(parts[1]) < ORDER.index(own), f"{file.name} imports {name}"


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

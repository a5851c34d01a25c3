"""The learning rate finder."""

from pathlib import Path

import pytest
from support.project import Project
from support.training import CLASSES, settings, training_images

from swatchbook.cli.experiments import rate_finder
from swatchbook.training.batches.minibatches import TrainingData
from swatchbook.training.networks import architectures
from swatchbook.training.pytorch.parallel import Group
from swatchbook.training.pytorch.torch_learner import TorchLearner


def test_the_rate_rises_until_the_loss_is_lost() -> None:
    chosen = settings(dropout=0.0)
    data = TrainingData(training_images(), CLASSES, chosen)
    learner = TorchLearner(architectures.refinable(chosen, 3), chosen, Group())
    trial = rate_finder.search(learner, data, steps=60)
    assert trial.rates == sorted(trial.rates)
    assert trial.rates[0] == pytest.approx(1e-6)
    assert 10 < len(trial.rates) <= 60
    assert min(trial.losses) < trial.losses[0]
    assert trial.suggested == pytest.approx(trial.best / 10, rel=0.5)
    assert 1e-6 < trial.suggested < 1


@pytest.mark.pipeline
def test_the_command_draws_a_picture_and_changes_no_output(project: Project) -> None:
    done = project.run("python", "-m", "swatchbook", "find-rate")
    assert "as the first rate of refine_dnn.schedule" in done.stdout
    assert (project.folder / "plots/rate_finder.png").is_file()
    assert project.repro() == set()


@pytest.mark.pipeline
def test_without_a_split_it_says_so(project: Project) -> None:
    Path(project.folder / "data/split.csv").unlink()
    done = project.run("python", "-m", "swatchbook", "find-rate", ok=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: data/split.csv: no such file")

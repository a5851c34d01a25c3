"""``swatchbook bundle``: one file to deploy."""

from pathlib import Path

import click

from swatchbook.project.paths import MODEL


@click.command("bundle")
@click.option(
    "--check", is_flag=True, help="Make nothing: run the golden images of a model, here and now."
)
@click.option(
    "--model",
    default=MODEL,
    type=click.Path(path_type=Path),
    help="Which to check.",
)
def command(check: bool, model: Path) -> None:
    """Put network and classifier into models/model.onnx.

    It is held against data/predictions.csv first; where it gives other probabilities, the old
    one stays. `dvc repro` makes it too. On the machine that will serve it:

    swatchbook bundle --check --model /srv/model.onnx
    """
    from swatchbook.base import files, machine
    from swatchbook.bundle import bundling, golden, model_file
    from swatchbook.bundle.predictor import Predictor
    from swatchbook.project import stage

    if check:
        found = model_file.read(model)
        at_work = Predictor(found, "auto", machine.engine(), [1], 1)
        difference = golden.check(golden.beside(model), at_work)
        click.echo(
            f"bundle: {model} gives the probabilities it must ({at_work.engine}, "
            f"{at_work.precision}; largest difference {difference:.1e})"
        )
        if at_work.note:
            click.echo(f"bundle: {at_work.note}", err=True)
        return
    busy = "bundle: another stage is at work in this folder"
    with files.locked(stage.lock_of(Path.cwd()), busy):
        click.echo(f"bundle: {bundling.sentence(*bundling.make())}")

"""``swatchbook spark``: shards scored and featurized on a Spark cluster."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from swatchbook.cli.options import Decorator, OutputFile, terms_of_shards
from swatchbook.project.paths import MODEL, NETWORK

_PRECISIONS = ("auto", "float32", "bfloat16")


class _Setting(click.ParamType):
    name = "setting"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        key, equals, content = str(value).partition("=")
        if not (equals and key.startswith("spark.")):
            self.fail(f"{value!r} is no setting of Spark: spark.KEY=VALUE is needed", param, ctx)
        return key, content


def _options(function: Callable[..., None]) -> Callable[..., None]:
    """What all jobs take."""
    options: list[Decorator] = [
            click.argument("shards", type=click.Path(path_type=Path), metavar="SHARDS"),
            click.option(
                "--out", required=True, type=OutputFile(or_folder=True),
                help="The folder of the results, on a path that every machine has.",
            ),
            click.option(
                "--master", envvar="SWATCHBOOK_SPARK_MASTER", metavar="URL",
                help="local[N], spark://, yarn, k8s:// or sc:// (default: this machine).",
            ),
            click.option(
                "--conf", "settings", type=_Setting(), multiple=True, metavar="KEY=VALUE",
                help="A setting of Spark's.",
            ),
            click.option(
                "--precision", type=click.Choice(_PRECISIONS),
                help="Arithmetic (default: the model's; of features featurize.precision).",
            ),
            terms_of_shards(""),
    ]  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function


@click.group("spark")
def command() -> None:
    """Score or featurize shards on a Spark cluster.

    The results are those of `predict SHARDS --shard`, byte for byte. A killed run goes on.
    """


@command.command("score")
@_options
@click.option(
    "--model", default=MODEL, type=click.Path(path_type=Path), help="The bundle.",
    show_default=True,
)  # fmt: skip
@click.option(
    "--threshold", type=click.FloatRange(0, 1),
    help="Answer from this confidence, else not sure (default: bundle.threshold).",
)  # fmt: skip
def score(
    shards: Path,
    out: Path,
    master: str | None,
    settings: tuple[tuple[str, str], ...],
    precision: str | None,
    sample_frac: float,
    seed: int,
    allow_versions: bool,
    model: Path,
    threshold: float | None,
) -> None:
    """Say which class the images of SHARDS have.

    swatchbook spark score shards/ --out scored/ --master spark://HOST:7077
    """
    from swatchbook.prediction.run import Answers
    from swatchbook.shards.run import Terms
    from swatchbook.spark import jobs, session

    jobs.score(
        shards, model, precision or "auto", Answers(1, threshold),
        Terms(sample_frac, seed, allow_versions), out, session.at(master, settings),
    )  # fmt: skip


@command.command("featurize")
@_options
@click.option(
    "--network", default=NETWORK, type=click.Path(path_type=Path), help="The network.",
    show_default=True,
)  # fmt: skip
def featurize(
    shards: Path,
    out: Path,
    master: str | None,
    settings: tuple[tuple[str, str], ...],
    precision: str | None,
    sample_frac: float,
    seed: int,
    allow_versions: bool,
    network: Path,
) -> None:
    """Run the network over the images of SHARDS.

    `swatchbook cache import` takes the features in; the stage featurize finds them there.

    swatchbook spark featurize shards/ --out features/ --master spark://HOST:7077
    """
    from swatchbook.inference.parameters import Featurize
    from swatchbook.project import params
    from swatchbook.shards.run import Terms
    from swatchbook.spark import jobs, session

    if precision is None:
        in_project = params.PATH.is_file()
        precision = params.load(Featurize).precision if in_project else "auto"
    jobs.featurize(
        shards, network, precision, Terms(sample_frac, seed, allow_versions), out,
        session.at(master, settings),
    )  # fmt: skip

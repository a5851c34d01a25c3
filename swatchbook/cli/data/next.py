"""``swatchbook next``: which unlabelled images are most worth a label."""

import click

from swatchbook.review.choices import CRITERIA


@click.command("next")
@click.option("--from", "folder", required=True, help="Folder of unlabelled images.")
@click.option("--n", "count", default=20, type=click.IntRange(1), help="How many.")
@click.option("--by", "criterion", default="margin", type=click.Choice(CRITERIA), help="Why those.")
@click.option("--seed", default=0, type=click.IntRange(0), help="Seed of what is random.")
def command(folder: str, count: int, criterion: str, seed: int) -> None:
    """List the unlabelled images that are most worth a label, as tab-separated text.

    swatchbook next --from ~/unlabelled --n 20 > label_these.tsv
    """
    from swatchbook.cli.data import worth_labelling

    worth_labelling.list_them(folder, count, criterion, seed)

"""``swatchbook scored``: whether results of shards are complete."""

from pathlib import Path

import click

from swatchbook.cli.options import OutputFile

_NAMED = 5


@click.command("scored")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option(
    "--merge", "out", type=OutputFile(), metavar="FILE",
    help="Write all results to FILE.csv or .parquet, in the manifest's order.",
)  # fmt: skip
@click.option(
    "--max-refused", default=0.01, type=click.FloatRange(0, 1), show_default=True,
    help="Exit 1 where a larger share of the images is refused.",
)  # fmt: skip
@click.pass_context
def command(context: click.Context, folder: Path, out: Path | None, max_refused: float) -> None:
    """Count results of shards against the manifest: images = answered + not sure + refused.

    Exit code 0 where all are there; 1 where some are missing, damaged, or too many refused.

    swatchbook scored scored/ --merge all.parquet
    """
    from swatchbook.shards import chunks, completeness

    results = chunks.opened(folder)
    found = completeness.judge(results)
    counts = [f"{count} {status}" for status, count in sorted(found.statuses.items())]
    missing = [f"{found.missing} missing"] if found.flaws else []
    click.echo(f"scored: {found.wanted} images = {' + '.join(counts + missing) or '0'}")
    if found.reasons:
        why = ", ".join(f"{count} {reason}" for reason, count in found.reasons.most_common())
        click.echo(f"scored: refused for: {why}")
    for flaw in sorted(set(found.flaws.values())):
        shards = [shard for shard, what in found.flaws.items() if what == flaw]
        named = ", ".join(map(str, shards[:_NAMED])) + (", …" if len(shards) > _NAMED else "")
        click.echo(f"scored: {flaw}: {len(shards)} shards ({named}); run them again", err=True)
    too_many = found.refused_share > max_refused
    if too_many:
        click.echo(
            f"scored: {found.refused_share:.1%} of the images are refused (allowed "
            f"{max_refused:.1%}, --max-refused); are these the right files?", err=True,
        )  # fmt: skip
    if out is not None and found.complete:
        click.echo(f"scored: {completeness.merge(results, out)} rows → {out}")
    elif out is not None:
        click.echo(f"scored: {out} was not written: results are missing", err=True)
    context.exit(0 if found.complete and not too_many else 1)

"""Scoring a part of some shards in this process: what each member of an array of jobs does."""

import sys
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from swatchbook.base import machine
from swatchbook.bundle import model_file
from swatchbook.bundle.predictor import Predictor
from swatchbook.prediction import run as prediction_run
from swatchbook.prediction.decoder import Decoder
from swatchbook.prediction.run import Answers
from swatchbook.shards import chunks, manifest, scoring
from swatchbook.shards.chunks import Chunks
from swatchbook.shards.manifest import Manifest


@dataclass(frozen=True)
class Terms:
    """Of which images, and how strictly: ``sample_frac`` of them, chosen by ``seed``; results that
    other versions of libraries have begun are gone on with only where ``allow_versions`` says so.
    """

    sample_frac: float = 1.0
    seed: int = 0
    allow_versions: bool = False


def run(
    shards: Path,
    model: Path,
    precision: str,
    answers: Answers,
    terms: Terms,
    part: tuple[int, int],
    out: Path,
) -> None:
    """Score part number ``part[0]`` (from 1) of ``part[1]`` of the shards into ``out``.

    Shards whose results are there are passed over: a killed run goes on.

    Raises:
        DataError: where the shards can't be read, or ``out`` was begun with something else.
        NetworkError: where the bundle can't run here.
    """
    found = manifest.read(shards)
    at_work, results = begun(found, model, precision, answers, terms, out)
    own = scoring.of_part(found.shards, *part)
    to_do = results.to_do(own)
    if len(to_do) < len(own):
        _say(f"predict: {len(own) - len(to_do)} of {len(own)} shards are in {out}: going on")
    workers = machine.workers()
    count = 0
    with Decoder(workers, at_work.frame) as decoder:
        for shard in tqdm(to_do, unit="shard", disable=None):
            rows = scoring.score(shards, shard, results, at_work, workers, decoder)
            results.commit(shard, rows)
            count += rows.num_rows
    _say(
        f"predict: {count} images of {len(to_do)} shards (part {part[0]} of {part[1]}; "
        f"{at_work.engine}, {at_work.precision}) → {out}; `swatchbook scored {out}` counts them"
    )


def begun(
    found: Manifest,
    model: Path,
    precision: str,
    answers: Answers,
    terms: Terms,
    out: Path,
) -> tuple[Predictor, Chunks]:
    """The bundle at work, its golden images checked, and the folder of results, begun or taken up.

    Raises as ``run``.
    """
    bundle = model_file.read(model)
    threshold = prediction_run.threshold(bundle, answers)
    at_work = prediction_run.ready(bundle, model, precision)
    facts = scoring.facts(at_work, threshold, terms.sample_frac, terms.seed)
    return at_work, chunks.begin(out, found, facts, terms.allow_versions)


def _say(text: str) -> None:
    print(text, file=sys.stderr)

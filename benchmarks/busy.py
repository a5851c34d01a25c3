"""Training on a machine that has other work: images a second with threads that spin and that wait.

    python -m benchmarks.busy --steps 12 --rounds 3

EfficientNet-Lite0 at 224 pixels, 16 images a step, all its processors; alone, and beside as many
processes that compute without end. A fair share of a busy machine is half of what it does alone.
"""

import json
import os
import subprocess
import sys
import time
from typing import Any

from benchmarks import harness

_SIDE, _MINIBATCH = 224, 16
# spins before a thread sleeps; the library's own are 300,000
_WAYS = {"as OpenMP does by itself": "", "3,000 spins (ours)": "3000", "none": "0"}


def main() -> None:
    """Print the table."""
    options = harness.arguments(__doc__, steps=12, rounds=3)

    def run(spins: str, others: int) -> dict[str, float]:
        busy = [
            subprocess.Popen([sys.executable, "-c", "while True: sum(range(10**6))"])
            for _ in range(others)
        ]
        try:
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.busy", "--train", spins, str(options.steps)],
                cwd=harness.ROOT, stdout=subprocess.PIPE, check=True,
            )  # fmt: skip
        finally:
            for process in busy:
                process.kill()
                process.wait()
        figures: dict[str, float] = json.loads(done.stdout)
        return figures

    cores = len(os.sched_getaffinity(0))
    variants: dict[str, Any] = {
        f"{name}, {'beside others' if others else 'alone'}": (
            lambda spins=spins, others=others: run(spins, others)
        )
        for others in (0, cores)
        for name, spins in _WAYS.items()
    }
    results = harness.alternate(variants, options.rounds)
    rows = [(name, harness.spread(runs, "images_per_second")) for name, runs in results.items()]
    harness.table([f"{cores} processors", "images/s"], rows)


def _train(spins: str, steps: int) -> float:
    """Images a second of so many steps."""
    if spins:
        os.environ["GOMP_SPINCOUNT"] = spins
    # read when PyTorch is loaded: what our own package sets later changes nothing
    import torch

    from swatchbook.training.batches.minibatches import Batch
    from swatchbook.training.networks import architectures
    from swatchbook.training.parameters import RefineDnn
    from swatchbook.training.pytorch.parallel import Group
    from swatchbook.training.pytorch.torch_learner import TorchLearner

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    settings = RefineDnn.model_validate(
        {
            "mode": "refine",
            "pretrained": "none",
            "batch_norm": "train",
            "head": "random",
            "optimizer": "sgd",
            "resolution": _SIDE,
            "minibatch": _MINIBATCH,
        }
    )
    learner = TorchLearner(architectures.refinable(settings, 3), settings, Group())
    chance = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (_MINIBATCH, _SIDE, _SIDE, 3), generator=chance)
    targets = torch.nn.functional.one_hot(torch.arange(_MINIBATCH) % 3, 3).float()
    batch = Batch(pixels.to(torch.uint8), targets, torch.ones(_MINIBATCH), 0, _MINIBATCH, 0, 1)
    learner.train(batch, 0.0)  # memory is set up
    started = time.perf_counter()
    for _ in range(steps):
        learner.train(batch, 0.001)
    return steps * _MINIBATCH / (time.perf_counter() - started)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--train"]:
        speed = _train(sys.argv[2], int(sys.argv[3]))
        print(json.dumps({"images_per_second": round(speed, 2)}))
    else:
        main()

"""`dvc repro` with nothing to do, beside the least that any dvc command costs.

    python -m benchmarks.no_op --rounds 7

Runs in this project after `dvc repro`: the default 2,000 images.
"""

import subprocess

from benchmarks import harness


def main() -> None:
    options = harness.arguments(__doc__, rounds=7)
    done = subprocess.run(["dvc", "repro"], cwd=harness.ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    results = harness.alternate(
        {
            "dvc --version": lambda: harness.measured(["dvc", "--version"]),
            "dvc status": lambda: harness.measured(["dvc", "status"]),
            "dvc repro, nothing to do": lambda: harness.measured(["dvc", "repro"]),
        },
        options.rounds,
    )
    print(f"\nSeven stages, 2,000 images, {options.rounds} rounds")
    harness.table(
        ["", "seconds"],
        [(kind, harness.spread(runs, "seconds", 2)) for kind, runs in results.items()],
    )


if __name__ == "__main__":
    main()

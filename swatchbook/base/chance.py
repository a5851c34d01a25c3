"""Seeds that are the same on every machine."""

import numpy as np


def seed_of(*numbers: int) -> int:
    """A seed of 63 bits from a few numbers, the same on every machine."""
    state = np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]
    return int(state) >> 1

"""The same images wherever one looks; a smaller share lies inside a larger one."""

import math

import numpy as np

from swatchbook.base import files
from swatchbook.shards import sample

DIGESTS = [files.digest(str(n).encode()) for n in range(4000)]


def test_a_smaller_share_lies_inside_a_larger_one() -> None:
    tenth, fifth = (sample.chosen(DIGESTS, share, 0) for share in (0.1, 0.2))
    assert not (tenth & ~fifth).any()
    for share, found in ((0.1, tenth), (0.2, fifth)):
        spread = 3 * math.sqrt(len(DIGESTS) * share * (1 - share))
        assert abs(found.sum() - share * len(DIGESTS)) < spread


def test_it_depends_on_the_digest_and_the_seed_alone() -> None:
    forward = sample.chosen(DIGESTS, 0.3, 1)
    assert np.array_equal(sample.chosen(DIGESTS[::-1], 0.3, 1)[::-1], forward)
    other = sample.chosen(DIGESTS, 0.3, 2)
    assert 0.05 < (forward & other).mean() < 0.13  # 0.09 where the seeds know nothing of each other


def test_all_is_all() -> None:
    assert sample.chosen(DIGESTS, 1.0, 5).all()

"""Which unlabelled images are most worth a label (active learning)."""

import numpy as np


def select(
    criterion: str,
    probabilities: np.ndarray,
    vectors: np.ndarray,
    labelled: np.ndarray,
    count: int,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Indices of ``count`` images, most worth first, and the score of each by ``criterion``.

    Takes ``probabilities (n, k)`` and features ``vectors (n, d)`` of unlabelled images, and
    features ``labelled (m, d)`` of those that have labels.

    - ``uncertainty``: 1 − the highest probability;
    - ``margin``: the gap between the two highest, the smallest first (Scheffer et al., IDA 2001);
    - ``confidence``: the highest probability, to check what the classifier is sure of;
    - ``diversity``: the distance to the nearest image that has a label or was chosen before it
      (k-centre greedy, Sener and Savarese, ICLR 2018);
    - ``random``: none, the baseline that the others must beat.

    Equal scores are in random order, by ``seed``.
    """
    count = min(count, len(probabilities))
    random = np.random.default_rng(seed)
    if criterion == "diversity":
        return _centres(_unit(vectors), _unit(labelled), count)
    ordered = np.sort(probabilities, axis=1)
    scores = {
        "uncertainty": 1 - ordered[:, -1],
        "margin": ordered[:, -1] - ordered[:, -2],
        "confidence": ordered[:, -1],
        "random": np.zeros(len(ordered)),
    }[criterion]
    shuffled = random.permutation(len(scores))
    # a small margin is what makes an image worth a label
    worth = -scores if criterion == "margin" else scores
    chosen = shuffled[np.argsort(-worth[shuffled], kind="stable")[:count]]
    return chosen, scores[chosen]


def _centres(
    vectors: np.ndarray, labelled: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    # cosine distances to the nearest that is settled; blocks keep memory bounded
    nearest = np.full(len(vectors), np.inf)
    for start in range(0, len(labelled), 1024):
        block = labelled[start : start + 1024]
        nearest = np.minimum(nearest, (1 - vectors @ block.T).min(axis=1))
    chosen, scores = [], []
    for _ in range(count):
        index = int(nearest.argmax())
        chosen.append(index)
        scores.append(float(nearest[index]))
        nearest = np.minimum(nearest, 1 - vectors @ vectors[index])
        nearest[index] = -1.0  # never twice
    return np.array(chosen, int), np.array(scores)


def _unit(vectors: np.ndarray) -> np.ndarray:
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    scaled: np.ndarray = vectors / lengths
    return scaled

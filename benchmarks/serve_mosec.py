"""mosec: decoding in two processes, batches of up to 8 in two more."""

import mosec
import numpy as np

from benchmarks import serve_ours


class Decode(mosec.Worker):
    """Bytes to pixels."""

    def deserialize(self, data: bytes) -> bytes:
        """The body as it is."""
        return data

    def forward(self, data: bytes) -> np.ndarray:
        """One image."""
        return serve_ours.decoded(data)


class Score(mosec.Worker):
    """Pixels to probabilities."""

    def __init__(self) -> None:
        super().__init__()
        self.model = serve_ours.Model()

    def forward(self, data: list[np.ndarray]) -> list[list[float]]:
        """A batch."""
        return self.model.scores(data)


if __name__ == "__main__":
    server = mosec.Server()
    server.append_worker(Decode, num=2)
    server.append_worker(Score, num=2, max_batch_size=serve_ours.BATCH, max_wait_time=2)
    server.run()

"""LitServe: batches of up to 8 in two processes, which decode too."""

import argparse
from typing import Any

import litserve
import numpy as np
from fastapi import Request

from benchmarks import serve_ours


class Api(litserve.LitAPI):
    """Bytes to probabilities."""

    def setup(self, device: str) -> None:
        """Load."""
        self.model = serve_ours.Model()

    def decode_request(self, request: Request) -> np.ndarray:
        """One image, of a form (LitServe hands that over in place of the request)."""
        return serve_ours.decoded(request["image"].file.read())

    def batch(self, inputs: list[np.ndarray]) -> list[np.ndarray]:
        """As they are."""
        return inputs

    def predict(self, batch: list[np.ndarray]) -> list[list[float]]:
        """A batch."""
        return self.model.scores(batch)

    def unbatch(self, output: list[list[float]]) -> list[list[float]]:
        """As they are."""
        return output

    def encode_response(self, output: list[float]) -> dict[str, Any]:
        """One answer."""
        return {"scores": output}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int)
    api = Api(max_batch_size=serve_ours.BATCH, batch_timeout=0.002)
    litserve.LitServer(api, accelerator="cpu", workers_per_device=2).run(
        host="127.0.0.1", port=parser.parse_args().port, generate_client_file=False,
        log_level="error",
    )  # fmt: skip

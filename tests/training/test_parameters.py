"""Parameters of refine_dnn against what the networks really take."""

import torch
import torchvision

from swatchbook.training.parameters import alexnet_takes


def test_alexnet_takes_what_pools_evenly() -> None:
    network = torchvision.models.alexnet(weights=None).features.eval()
    for side in (224, 225, 300, 416, 448):
        with torch.no_grad():
            rows = network(torch.zeros(1, 3, side, side)).shape[2]
        assert alexnet_takes(side) == (rows >= 6 and rows % 6 == 0), side

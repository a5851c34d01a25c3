"""Fast depthwise gradients equal PyTorch's own."""

from typing import Any

import pytest
import torch
from torch.nn import functional

from swatchbook.training.pytorch.depthwise import FastDepthwise, _Depthwise

CASES = [  # channels, side, kernel, stride, padding
    (4, 11, 3, 2, 1), (4, 12, 5, 1, 2), (4, 12, 5, 2, 2), (3, 9, 7, 2, 3), (4, 10, 5, 2, 0),
    (2, 15, 3, 3, 1), (2, 7, 4, 2, 1),
]  # fmt: skip


def gradients(case: tuple[int, ...], fast: bool, dtype: torch.dtype, bias: bool) -> list[Any]:
    channels, side, kernel, stride, padding = case
    generator = torch.Generator().manual_seed(0)
    make = lambda *shape: torch.randn(  # noqa: E731
        *shape, dtype=dtype, generator=generator
    ).requires_grad_()
    pixels, weight = make(2, channels, side, side), make(channels, 1, kernel, kernel)
    offset = make(channels) if bias else None
    inputs = [item for item in (pixels, weight, offset) if item is not None]
    arguments = (pixels, weight, offset, stride, padding, 1, channels)
    if fast:
        with FastDepthwise():
            output = functional.conv2d(*arguments)
    else:
        output = functional.conv2d(*arguments)
    incoming = torch.randn(output.shape, dtype=dtype, generator=generator)
    return [output, *torch.autograd.grad(output, inputs, incoming)]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("bias", [False, True])
def test_output_and_gradients_equal_pytorch(case: tuple[int, ...], bias: bool) -> None:
    ours = gradients(case, True, torch.float64, bias)
    theirs = gradients(case, False, torch.float64, bias)
    assert bias or "_Depthwise" in str(ours[0].grad_fn)  # a bias is added after it
    for one, two in zip(ours, theirs, strict=True):
        assert torch.allclose(one, two, rtol=1e-12, atol=1e-12)


def test_under_autocast_the_gradients_are_those_of_bfloat16() -> None:
    torch.manual_seed(0)
    pixels = torch.randn(4, 8, 20, 20, requires_grad=True)
    weight = torch.randn(8, 1, 5, 5, requires_grad=True)
    results = []
    for fast in (False, True):
        with torch.autocast("cpu", torch.bfloat16):
            if fast:
                output = _Depthwise.apply(pixels, weight, (2, 2))
            else:
                output = functional.conv2d(pixels, weight, None, 2, 0, 1, 8)
        results.append(torch.autograd.grad(output.float().square().sum(), (pixels, weight)))
    for one, two in zip(*results, strict=True):
        assert one.dtype == two.dtype == torch.float32
        assert (one - two).abs().max() < 0.02 * two.abs().max()


@pytest.mark.parametrize(
    "arguments",
    [
        {"groups": 1}, {"groups": 2}, {"kernel": 3, "stride": 1}, {"dilation": 2},
        {"padding": "same", "stride": 1},
    ],
)  # fmt: skip
def test_other_convolutions_are_left_to_pytorch(arguments: dict[str, Any]) -> None:
    groups = arguments.get("groups", 4)
    kernel = arguments.get("kernel", 5)
    weight = torch.randn(4, 4 // groups, kernel, kernel, requires_grad=True)
    options = {
        key: arguments.get(key, default)
        for key, default in (("stride", 2), ("padding", 2), ("dilation", 1))
    }
    with FastDepthwise():
        output = functional.conv2d(torch.randn(1, 4, 16, 16), weight, groups=groups, **options)
    assert "_Depthwise" not in str(output.grad_fn)

"""Depthwise convolutions whose bfloat16 gradients are fast on a CPU.

oneDNN computes two of them by slow general code: that of the input at a stride above 1, and that
of the weights of kernels above 3 × 3. Both can be had from what is fast: the first is a
convolution of the gradient spread out with zeros, the second is put together from gradients of
3 × 3 windows of the kernel. Equal to PyTorch's own but for the order of sums; a step of training
of EfficientNet-Lite0 takes about half the time (in float32 there is nothing to gain).
"""

from typing import Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

_WINDOW = 3


class FastDepthwise(TorchFunctionMode):
    """While active, depthwise ``conv2d`` calls that need gradients go through this module."""

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if function is functional.conv2d and torch.is_grad_enabled():
            call = _bound(*args, **(kwargs or {}))
            if call is not None:
                pixels, weight, bias, stride, padding = call
                if any(padding):
                    pixels = functional.pad(pixels, (padding[1],) * 2 + (padding[0],) * 2)
                output = _Depthwise.apply(pixels, weight, stride)
                return output if bias is None else output + bias.view(1, -1, 1, 1)
        return function(*args, **(kwargs or {}))


_Call = tuple[torch.Tensor, torch.Tensor, torch.Tensor | None, tuple[int, int], tuple[int, int]]


def _bound(
    pixels: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> _Call | None:
    """The call's arguments where it is one that can be made faster."""
    one_to_one = groups == pixels.shape[1] == weight.shape[0] and weight.shape[1] == 1
    stride, height, width = _pair(stride), weight.shape[2], weight.shape[3]
    slow = max(stride) > 1 or max(height, width) > _WINDOW
    if not (
        one_to_one
        and slow
        and weight.requires_grad
        and pixels.device.type == "cpu"
        and not isinstance(padding, str)
        and _pair(dilation) == (1, 1)
        and min(height, width) >= _WINDOW
    ):
        return None
    return pixels, weight, bias, stride, _pair(padding)


def _pair(value: Any) -> tuple[int, int]:
    first, second = (value, value) if isinstance(value, int) else value
    return int(first), int(second)


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(
        context: Any, pixels: torch.Tensor, weight: torch.Tensor, stride: tuple[int, int]
    ) -> torch.Tensor:
        output = functional.conv2d(pixels, weight, None, stride, 0, 1, weight.shape[0])
        # under autocast the output tells in which type the sums were made
        context.save_for_backward(pixels.to(output.dtype), weight.to(output.dtype))
        context.stride = stride
        context.types = pixels.dtype, weight.dtype
        return output

    @staticmethod
    def backward(
        context: Any, gradient: torch.Tensor
    ) -> tuple[torch.Tensor | None, torch.Tensor, None]:
        pixels, weight = context.saved_tensors
        wide = gradient.contiguous(memory_format=torch.channels_last)
        to_weight = _weight_gradient(wide, pixels, weight, context.stride)
        to_pixels = None
        if context.needs_input_grad[0]:
            to_pixels = _input_gradient(wide, pixels, weight, context.stride)
            to_pixels = to_pixels.to(context.types[0])
        return to_pixels, to_weight.to(context.types[1]), None


def _input_gradient(
    gradient: torch.Tensor, pixels: torch.Tensor, weight: torch.Tensor, stride: tuple[int, int]
) -> torch.Tensor:
    """Of ``(n, c, h, w)`` pixels: the full correlation of the spread gradient and the kernel."""
    count, channels, height, width = pixels.shape
    kernel = weight.shape[2:]
    spread = torch.empty(
        (count, channels, height + kernel[0] - 1, width + kernel[1] - 1),
        dtype=gradient.dtype, memory_format=torch.channels_last,
    ).zero_()  # fmt: skip
    rows, columns = gradient.shape[2:]
    top, left = kernel[0] - 1, kernel[1] - 1
    spread[
        :, :,
        top : top + (rows - 1) * stride[0] + 1 : stride[0],
        left : left + (columns - 1) * stride[1] + 1 : stride[1],
    ] = gradient  # fmt: skip
    return functional.conv2d(spread, weight.flip(2, 3), None, 1, 0, 1, channels)


def _weight_gradient(
    gradient: torch.Tensor, pixels: torch.Tensor, weight: torch.Tensor, stride: tuple[int, int]
) -> torch.Tensor:
    """Of ``(c, 1, kh, kw)`` weights, a 3 × 3 window of the kernel at a time."""
    result = torch.empty_like(weight)
    window = weight[:, :, :_WINDOW, :_WINDOW].contiguous()
    rows = (gradient.shape[2] - 1) * stride[0] + _WINDOW
    columns = (gradient.shape[3] - 1) * stride[1] + _WINDOW
    for top in _starts(weight.shape[2]):
        for left in _starts(weight.shape[3]):
            part = pixels[:, :, top : top + rows, left : left + columns]
            result[:, :, top : top + _WINDOW, left : left + _WINDOW] = (
                torch.ops.aten.convolution_backward(
                    gradient, part.contiguous(memory_format=torch.channels_last), window, None,
                    list(stride), [0, 0], [1, 1], False, [0, 0], weight.shape[0],
                    [False, True, False],
                )[1]
            )  # fmt: skip
    return result


def _starts(length: int) -> list[int]:
    """Where windows of 3 begin that cover ``length`` taps; the last one may overlap."""
    return sorted({min(start, length - _WINDOW) for start in range(0, length, _WINDOW)})

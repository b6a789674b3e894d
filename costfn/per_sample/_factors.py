"""The two factors of a per-sample gradient: `D A^T` for each sample.

`D` holds the cotangents of a layer's outputs, that is the gradient of the loss by them.
`A` holds the inputs that the weight multiplied. Both have one column per position, such
as a token or a pixel. For an embedding the other factor has one-hot columns, which are
kept as indices.
"""

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

from torch import Tensor
from torch.nn import functional

from .._foundation.math import upcast
from ._layer_calls import Layer


class ParameterUse(NamedTuple):
    """One use of a parameter in a pass.

    Attributes:
        layer: The layer's function that was called.
        is_bias: Whether the parameter is the layer's bias; if not, it is its weight.
        input: The input of the layer, samples on axis 0.
        cotangent: The gradient of the loss by the layer's output, samples on axis 0.
    """

    layer: Layer
    is_bias: bool
    input: Tensor
    cotangent: Tensor


# Each is `(N, groups, rows, T)` with T positions; the first may be indices `(N, T)`.
Factors = tuple[Tensor, Tensor]


def convolution_sizes(use: ParameterUse) -> tuple[int, int, int]:
    """The number of positions, of rows and of columns for a convolution's weight."""
    shape, groups = use.layer.weight_shape, use.layer.options["groups"]
    positions = use.cotangent[0].numel() // shape[0]
    return positions, shape[0] // groups, prod(shape[1:])


def factors(use: ParameterUse) -> Factors:
    """The two factors of each sample's gradient by the weight."""
    layer, cotangent = use.layer, upcast(use.cotangent)
    if layer.kind == "convolution":
        return _convolution_factors(layer, use.input.to(cotangent.dtype), cotangent)
    right = columns(cotangent)
    if layer.kind == "embedding":
        index = use.input.reshape(len(right), -1).long()
        padding = layer.options["padding_idx"]
        if padding is not None:
            is_padding = index == padding % layer.weight_shape[0]
            right = right.masked_fill(is_padding[:, None, None], 0.0)
        return index, right
    inputs = columns(use.input.to(cotangent.dtype))
    # `x @ W` has the transposed weight of a linear layer.
    return (right, inputs) if layer.kind == "linear" else (inputs, right)


def columns(values: Tensor) -> Tensor:
    """The vectors of each sample as columns, `(N, 1, rows, positions)`."""
    return values.reshape(len(values), 1, -1, values.shape[-1]).mT


def _convolution_factors(layer: Layer, input: Tensor, cotangent: Tensor) -> Factors:
    groups = layer.options["groups"]
    input, cotangent = with_image_axis(layer, input), with_image_axis(layer, cotangent)
    patches = _patches(input.flatten(0, 1), layer.weight_shape[2:], layer.options)
    patches = patches.reshape(*input.shape[:2], *patches.shape[1:])
    # Several images of one sample, such as the frames of a film, are more positions.
    return _grouped(cotangent.flatten(3), groups), _grouped(patches, groups)


def with_image_axis(layer: Layer, values: Tensor) -> Tensor:
    """A convolution's values as `(N, images, channels, *positions)`."""
    return values.unsqueeze(1) if values.ndim == len(layer.weight_shape) else values


def _grouped(values: Tensor, groups: int) -> Tensor:
    """From `(N, images, channels, T)` to `(N, groups, rows, images * T)`."""
    size, images, _, positions = values.shape
    rows = values.reshape(size, images, groups, -1, positions)
    return rows.movedim(1, -2).flatten(-2)


def _patches(input: Tensor, kernel: Sequence[int], options: dict[str, Any]) -> Tensor:
    """The inputs under the kernel at each position, `(images, numbers, positions)`."""
    axes = len(kernel)
    stride = each_axis(options["stride"], axes)
    dilation = each_axis(options["dilation"], axes)
    widths = paddings(kernel, options)
    if any(p for pair in widths for p in pair):
        input = functional.pad(input, [p for pair in reversed(widths) for p in pair])
    for axis, (k, d, s) in enumerate(zip(kernel, dilation, stride, strict=True), 2):
        input = input.unfold(axis, d * (k - 1) + 1, s)[..., ::d]
    # From (images, channels, *positions, *kernel): move the kernel beside the channels.
    moved = input.movedim(list(range(-axes, 0)), list(range(2, 2 + axes)))
    return moved.flatten(1, 1 + axes).flatten(2)


def paddings(kernel: Sequence[int], options: dict[str, Any]) -> list[tuple[int, int]]:
    """The padding before and after each axis."""
    padding = options["padding"]
    if padding == "same":
        dilation = each_axis(options["dilation"], len(kernel))
        both = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        return [(p // 2, p - p // 2) for p in both]
    widths = each_axis(0 if padding == "valid" else padding, len(kernel))
    return [(p, p) for p in widths]


def each_axis(value: int | Sequence[int], axes: int) -> tuple[int, ...]:
    """An option of a convolution, which may be one number, for each axis."""
    found = (value,) if isinstance(value, int) else tuple(value)
    return found * axes if len(found) == 1 else found

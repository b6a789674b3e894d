"""Per-sample gradients by a layer's parameters, from its inputs and cotangents."""

from collections.abc import Iterator, Sequence
from functools import reduce
from math import prod

import torch
from torch import Tensor
from torch.nn import functional

from .._foundation.math import upcast
from ._factors import (
    ParameterUse,
    convolution_sizes,
    each_axis,
    factors,
    paddings,
    with_image_axis,
)
from ._layer_calls import Layer

# How many numbers are formed at a time, so that they stay in the processor's cache: of
# products of matrices, of convolutions, of sums and scales. Measured on one CPU core.
_CACHED_PRODUCT = 2**17
# Products of matrices are up to twice as fast if rows of the result have a multiple of
# this many numbers. The 27 of a convolution of 3 x 3 over three colours are slow.
_ALIGNED = 16
_CACHED_CONVOLUTION = CACHED_VALUES = 2**19


def gradients(uses: Sequence[ParameterUse]) -> Tensor:
    """The gradient of each sample by a parameter, from all uses: `(N, *shape)`."""
    return reduce(torch.add, map(_gradients, uses))


def squared_lengths(values: Tensor) -> Tensor:
    """The sum of squares over each sample, without an array of the squares."""
    rows = values.reshape(len(values), -1)
    length: Tensor = torch.linalg.vector_norm(rows, dim=1)
    return length.square()


def gradients_in_parts(uses: Sequence[ParameterUse]) -> Iterator[Tensor]:
    """The gradients of a few samples at a time, so that they stay in a cache."""
    size = min(map(_cached_samples, uses))
    if size >= len(uses[0].cotangent):
        yield gradients(uses)
        return
    for part in zip(*[split_samples(use, size) for use in uses], strict=True):
        yield gradients(part)


def _cached_samples(use: ParameterUse) -> int:
    """How many samples to take, so that their gradients and patches fit in a cache."""
    if use.is_bias or use.layer.kind in SCALES:
        return max(1, CACHED_VALUES // max(1, use.cotangent[0].numel()))
    patches = 0 if _fast_in_groups(use) else _patch_numbers(use)
    numbers = max(prod(use.layer.weight_shape), patches, 1)
    convolution = use.layer.kind == "convolution"
    return max(1, (_CACHED_CONVOLUTION if convolution else _CACHED_PRODUCT) // numbers)


def split_samples(use: ParameterUse, size: int) -> Iterator[ParameterUse]:
    """The use in parts of this many samples."""
    inputs = torch.split(use.input, size)
    cotangents = torch.split(use.cotangent, size)
    for input, cotangent in zip(inputs, cotangents, strict=True):
        yield use._replace(input=input, cotangent=cotangent)


def _patch_numbers(use: ParameterUse) -> int:
    if use.layer.kind != "convolution":
        return 0
    positions, _, columns = convolution_sizes(use)
    return positions * columns


def _product(use: ParameterUse) -> Tensor:
    left, right = factors(use)
    if right.shape[-2] % _ALIGNED and not left.shape[-2] % _ALIGNED:
        found = (right @ left.mT).mT
    else:
        found = left @ right.mT
    return found.reshape(len(left), *use.layer.weight_shape)


def _of_convolution(use: ParameterUse) -> Tensor:
    """The gradients by a convolution's weight, with a group for each sample."""
    layer, cotangent = use.layer, upcast(use.cotangent)
    shape, groups = layer.weight_shape, layer.options["groups"]
    axes = len(shape) - 2
    size = len(cotangent)
    input = with_image_axis(layer, use.input.to(cotangent.dtype)).squeeze(1)
    cotangent = with_image_axis(layer, cotangent).squeeze(1)
    # Only the shape of the weight matters for this derivative.
    weight = input.new_empty(1).expand(size * shape[0], *shape[1:])
    found: Tensor = torch.ops.aten.convolution_backward(
        cotangent.reshape(1, -1, *cotangent.shape[2:]),
        input.reshape(1, -1, *input.shape[2:]),
        weight,
        None,
        list(each_axis(layer.options["stride"], axes)),
        [before for before, _ in paddings(shape[2:], layer.options)],
        list(each_axis(layer.options["dilation"], axes)),
        False,
        [0] * axes,
        size * groups,
        [False, True, False],
    )[1]
    return found.reshape(size, *shape)


def _fast_in_groups(use: ParameterUse) -> bool:
    """Whether a weight is that of a convolution which torch can run in groups, fast.

    It is fast if input and output have few channels. In other cases patches of the
    input are multiplied.
    """
    layer = use.layer
    if layer.kind != "convolution":
        return False
    shape = layer.weight_shape
    few = 8 <= shape[1] <= 64 and shape[0] // layer.options["groups"] <= 64
    widths = paddings(shape[2:], layer.options)
    even = all(before == after for before, after in widths)
    return few and even and with_image_axis(layer, use.input).shape[1] == 1


def _gradients(use: ParameterUse) -> Tensor:
    layer, cotangent = use.layer, upcast(use.cotangent)
    if use.is_bias:
        return _sum_over_positions(cotangent, layer)
    if layer.kind in SCALES:
        normalized = SCALES[layer.kind](upcast(use.input), layer)
        return _sum_over_positions(cotangent * normalized, layer)
    if _fast_in_groups(use):
        return _of_convolution(use)
    if layer.kind == "embedding":
        return _of_embedding(use)
    return _product(use)


def _of_embedding(use: ParameterUse) -> Tensor:
    """The gradients by an embedding: cotangents, added to the rows of their words."""
    layer = use.layer
    index, right = factors(use)
    size, rows = len(index), layer.weight_shape[0]
    # All samples in one table: those of sample i begin at row i * rows.
    places = index + rows * torch.arange(size, device=index.device).unsqueeze(1)
    zeros = right.new_zeros(size * rows, *layer.weight_shape[1:])
    found = zeros.index_add(0, places.flatten(), right.squeeze(1).mT.flatten(0, 1))
    return found.reshape(size, *layer.weight_shape)


def _layer_normalized(input: Tensor, layer: Layer) -> Tensor:
    shape, eps = layer.options["normalized_shape"], layer.options["eps"]
    return functional.layer_norm(input, shape, eps=eps)


def _group_normalized(input: Tensor, layer: Layer) -> Tensor:
    groups, eps = layer.options["num_groups"], layer.options["eps"]
    return functional.group_norm(input.flatten(0, 1), groups, eps=eps).view(input.shape)


SCALES = {"layer_norm": _layer_normalized, "group_norm": _group_normalized}


def _sum_over_positions(values: Tensor, layer: Layer) -> Tensor:
    """The sum over each sample's positions, in the shape of a bias or a scale."""
    if layer.kind == "layer_norm":
        shape: tuple[int, ...] = layer.options["normalized_shape"]
        return values.reshape(len(values), -1, *shape).sum(1)
    if layer.kind in ("linear", "product"):
        return values.reshape(len(values), -1, values.shape[-1]).sum(1)
    if layer.kind == "group_norm":
        return values.flatten(3).sum((1, 3)) if values.ndim > 3 else values.sum(1)
    return with_image_axis(layer, values).flatten(3).sum((1, 3))

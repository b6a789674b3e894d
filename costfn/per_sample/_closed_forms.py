"""Squared norms of one sample's gradients, layer by layer, in closed form.

A layer that multiplies has the gradient `D A^T`: `D` the cotangents of its outputs, `A`
what it multiplied, a column per position. Its squared norm is the sum of
`(D^T D) * (A^T A)`, which is the cheaper way where positions are few. Further uses of
the same weight are further columns, so that their products count. An embedding has
one-hot columns for `D`. Other gradients are small, and are formed.
"""

from collections.abc import Sequence
from functools import reduce
from math import prod
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from .._math import upcast
from ._uses import Use


class Seen(NamedTuple):
    """One use of a parameter by one sample.

    Attributes:
        use: The call.
        is_bias: Whether the parameter is its bias, and not its weight.
        input: What the layer took.
        cotangent: The gradient of the loss by what it gave.
    """

    use: Use
    is_bias: bool
    input: Tensor
    cotangent: Tensor


def squared_norm(seen: Sequence[Seen]) -> Tensor:
    """Squared norm of the gradient of a parameter, from all its uses."""
    if not any(s.is_bias or s.use.kind in _SCALES for s in seen):
        factors = [_factors(s) for s in seen]
        if any(s.use.kind == "embedding" for s in seen) or _few_positions(factors):
            return _by_positions(factors)
        gradients = [_product(s, *f) for s, f in zip(seen, factors, strict=True)]
    else:
        gradients = [_gradient(s) for s in seen]
    return squared_length(reduce(torch.add, gradients))


def squared_length(values: Tensor) -> Tensor:
    """The sum of squares, in one pass without an array of them."""
    length: Tensor = torch.linalg.vector_norm(values)
    return length.square()


def _few_positions(factors: Sequence[tuple[Tensor, Tensor]]) -> bool:
    left, right = factors[0]
    positions = sum(r.shape[-1] for _, r in factors)
    rows, columns = left.shape[-2], right.shape[-2]
    alike = len({r.shape[0] for _, r in factors}) == 1
    return alike and positions * (rows + columns) < rows * columns


def held_numbers(use: Use) -> int:
    """About how many numbers one sample's use needs at a time."""
    given, gave = use.input.numel(), prod(use.output[0])
    if use.kind == "convolution":
        given += given * prod(use.weight_shape[2:])
    return given + 2 * gave


def _by_positions(factors: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    left, right = factors[0]
    if len(factors) == 1 and left.is_floating_point() and left[..., 0, :].numel() == 1:
        return squared_length(left) * squared_length(right)
    parts = []
    for i, (left, right) in enumerate(factors):
        for j, (other_left, other_right) in enumerate(factors[: i + 1]):
            part = (_products(left, other_left) * (right.mT @ other_right)).sum()
            parts.append(part if i == j else 2 * part)
    return torch.stack(parts).sum()


def _products(left: Tensor, other: Tensor) -> Tensor:
    """Inner products of columns, of which integers are one-hot: `(groups, T, U)`."""
    if left.is_floating_point() and other.is_floating_point():
        return left.mT @ other
    if left.is_floating_point():
        return left.index_select(1, other).mT
    if other.is_floating_point():
        return other.index_select(1, left)
    return left.unsqueeze(-1) == other


def _factors(seen: Seen) -> tuple[Tensor, Tensor]:
    """Columns of `D` and `A`: `(groups, rows, positions)`, or indices for one-hot."""
    use, cotangent = seen.use, upcast(seen.cotangent)
    if use.kind == "linear":
        left = cotangent.reshape(1, -1, cotangent.shape[-1]).mT
        return left, seen.input.to(left.dtype).reshape(1, -1, seen.input.shape[-1]).mT
    if use.kind == "embedding":
        index = seen.input.reshape(-1).long()
        right = cotangent.reshape(1, -1, cotangent.shape[-1]).mT
        padding = use.options["padding_idx"]
        if padding is not None:
            right = right.masked_fill(index == padding % use.weight_shape[0], 0.0)
        return index, right
    return _convolution_factors(use, seen.input.to(cotangent.dtype), cotangent)


def _convolution_factors(
    use: Use, input: Tensor, cotangent: Tensor
) -> tuple[Tensor, Tensor]:
    axes, groups = len(use.weight_shape) - 2, use.options["groups"]
    if input.ndim == axes + 1:
        input, cotangent = input.unsqueeze(0), cotangent.unsqueeze(0)
    patches = _patches(input, use.weight_shape[2:], use.options)
    left = _grouped(cotangent.flatten(2), groups)
    right = _grouped(patches, groups)
    if len(input) == 1:
        return left.squeeze(0), right.squeeze(0)
    # Images of one sample, as the frames of a film: more positions.
    return left.movedim(0, -2).flatten(-2), right.movedim(0, -2).flatten(-2)


def _grouped(values: Tensor, groups: int) -> Tensor:
    return values.reshape(len(values), groups, -1, values.shape[-1])


def _patches(input: Tensor, kernel: Sequence[int], options: dict[str, Any]) -> Tensor:
    """What a convolution multiplies, `(images, numbers, positions)`."""
    axes, padding = len(kernel), options["padding"]
    stride = _each_axis(options["stride"], axes)
    dilation = _each_axis(options["dilation"], axes)
    if padding == "same":
        both = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        amounts = [(p // 2, p - p // 2) for p in both]
    else:
        widths = _each_axis(0 if padding == "valid" else padding, axes)
        amounts = [(p, p) for p in widths]
    if any(p for pair in amounts for p in pair):
        input = functional.pad(input, [p for pair in reversed(amounts) for p in pair])
    if axes == 2:
        return functional.unfold(input, tuple(kernel), dilation, 0, stride)
    for axis, (k, d, s) in enumerate(zip(kernel, dilation, stride, strict=True), 2):
        input = input.unfold(axis, d * (k - 1) + 1, s)[..., ::d]
    # (images, channels, *positions, *kernel): the kernel goes beside the channels.
    moved = input.movedim(list(range(-axes, 0)), list(range(2, 2 + axes)))
    return moved.flatten(1, 1 + axes).flatten(2)


def _each_axis(value: int | Sequence[int], axes: int) -> tuple[int, ...]:
    found = (value,) if isinstance(value, int) else tuple(value)
    return found * axes if len(found) == 1 else found


def _product(seen: Seen, left: Tensor, right: Tensor) -> Tensor:
    return (left @ right.mT).reshape(seen.use.weight_shape)


def _gradient(seen: Seen) -> Tensor:
    use, cotangent = seen.use, upcast(seen.cotangent)
    if seen.is_bias:
        return _sum_but(cotangent, use)
    if use.kind in _SCALES:
        normalized = _SCALES[use.kind](upcast(seen.input), use)
        return _sum_but(cotangent * normalized, use)
    left, right = _factors(seen)
    if use.kind == "embedding":
        zeros = right.new_zeros(use.weight_shape)
        return zeros.index_add(0, left, right.squeeze(0).mT)
    return _product(seen, left, right)


def _layer_normalized(input: Tensor, use: Use) -> Tensor:
    shape, eps = use.options["normalized_shape"], use.options["eps"]
    return functional.layer_norm(input, shape, eps=eps)


def _group_normalized(input: Tensor, use: Use) -> Tensor:
    groups, eps = use.options["num_groups"], use.options["eps"]
    return functional.group_norm(input, groups, eps=eps)


_SCALES = {"layer_norm": _layer_normalized, "group_norm": _group_normalized}


def _sum_but(values: Tensor, use: Use) -> Tensor:
    """The sum over all axes that a bias or a scale does not have."""
    if use.kind == "layer_norm":
        shape = use.options["normalized_shape"]
        return values.reshape(-1, *shape).sum(0)
    if use.kind == "linear":
        return values.reshape(-1, values.shape[-1]).sum(0)
    batchless = use.kind == "convolution" and values.ndim == len(use.weight_shape) - 1
    values = values.unsqueeze(0) if batchless else values
    return values.transpose(0, 1).flatten(1).sum(1)

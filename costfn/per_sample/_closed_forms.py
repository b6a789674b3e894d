"""What the gradients of samples are in closed form, layer by layer.

A layer that multiplies has the gradient `D A^T`: `D` the cotangents of its outputs, `A`
what it multiplied, a column per position. Its squared norm is the sum of
`(D^T D) * (A^T A)`, which is the cheaper way where positions are few; else the product
is formed, of some samples at a time. Further uses of the same weight are further
columns, so that their products count. An embedding has one-hot columns for `D`.
"""

from collections.abc import Iterator, Sequence
from functools import reduce
from math import prod
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from .._foundation.math import upcast
from ._uses import Layer

_NUMBERS = 2**17  # of products formed at a time: they stay in a cache
_OF_CONVOLUTIONS = _OF_VALUES = 2**19
_MOVED = 24  # multiplications for which a number can be written and read


class Seen(NamedTuple):
    """One use of a parameter.

    Attributes:
        layer: What was called.
        is_bias: Whether the parameter is its bias, and not its weight.
        input: What the layer took, samples first.
        cotangent: The gradient of the loss by what it gave, samples first.
    """

    layer: Layer
    is_bias: bool
    input: Tensor
    cotangent: Tensor


Factors = tuple[Tensor, Tensor]  # (N, groups, rows, T) or indices (N, T); and columns


def squared_norms(seen: Sequence[Seen]) -> Tensor:
    """Squared norm of the gradient of a parameter, of each sample, from all uses."""
    if any(s.is_bias or s.layer.kind in _SCALES for s in seen):
        return (
            squared_lengths(seen[0].cotangent) if _is_own(seen) else _from_parts(seen)
        )
    alone = len(seen) == 1 and seen[0].layer.kind == "convolution"
    if alone and not _few_positions(*_sizes(seen[0])):
        return _from_parts(seen)
    factors = [_factors(s) for s in seen]
    if any(s.layer.kind == "embedding" for s in seen) or _cheaper_by_positions(factors):
        return _by_positions(factors)
    return _from_parts(seen)


def _is_own(seen: Sequence[Seen]) -> bool:
    """Whether the cotangent is the gradient: of a bias at one position."""
    one = seen[0].cotangent
    vectors = one[0].numel() == one.shape[-1] and one.dtype.itemsize > 2
    return len(seen) == 1 and seen[0].layer.kind in ("linear", "product") and vectors


def _from_parts(seen: Sequence[Seen]) -> Tensor:
    return torch.cat([squared_lengths(part) for part in formed_in_parts(seen)])


def gradients(seen: Sequence[Seen]) -> Tensor:
    """The gradient of each sample by a parameter, from all uses: `(N, *shape)`."""
    return reduce(torch.add, map(_gradients, seen))


def squared_lengths(values: Tensor) -> Tensor:
    """The sum of squares of each sample, without an array of the squares."""
    rows = values.reshape(len(values), -1)
    length: Tensor = torch.linalg.vector_norm(rows, dim=1)
    return length.square()


def along(seen: Sequence[Seen], directions: Tensor) -> Tensor:
    """Inner products of each sample's gradient, `(N, directions)`."""
    return torch.stack([_along(s, directions) for s in seen]).sum(0)


def formed_in_parts(seen: Sequence[Seen]) -> Iterator[Tensor]:
    """The gradients of a few samples at a time, so that they stay in a cache."""
    size = min(map(_quick_size, seen))
    if size >= len(seen[0].cotangent):
        yield gradients(seen)
        return
    for part in zip(*[_split(s, size) for s in seen], strict=True):
        yield gradients(part)


def _quick_size(seen: Seen) -> int:
    """Samples of which what is formed on the way stays in a cache."""
    if seen.is_bias or seen.layer.kind in _SCALES:
        return max(1, _OF_VALUES // max(1, seen.cotangent[0].numel()))
    numbers = max(prod(seen.layer.weight_shape), _patch_numbers(seen), 1)
    convolution = seen.layer.kind == "convolution"
    return max(1, (_OF_CONVOLUTIONS if convolution else _NUMBERS) // numbers)


def _split(seen: Seen, size: int) -> Iterator[Seen]:
    inputs = torch.split(seen.input, size)
    cotangents = torch.split(seen.cotangent, size)
    for input, cotangent in zip(inputs, cotangents, strict=True):
        yield seen._replace(input=input, cotangent=cotangent)


def _patch_numbers(seen: Seen) -> int:
    if seen.layer.kind != "convolution":
        return 0
    positions, _, columns = _sizes(seen)
    return positions * columns


def _sizes(seen: Seen) -> tuple[int, int, int]:
    """Positions, rows and columns of the factors of a convolution."""
    shape, groups = seen.layer.weight_shape, seen.layer.options["groups"]
    positions = seen.cotangent[0].numel() // shape[0]
    return positions, shape[0] // groups, prod(shape[1:])


def _few_positions(positions: int, rows: int, columns: int) -> bool:
    """Whether inner products of positions cost less than the gradient."""
    by_positions = positions**2 * (rows + columns + 2 * _MOVED)
    return by_positions < rows * columns * (positions + _MOVED)


def _cheaper_by_positions(factors: Sequence[Factors]) -> bool:
    left, right = factors[0]
    positions = sum(r.shape[-1] for _, r in factors)
    alike = len({r.shape[1] for _, r in factors}) == 1
    return alike and _few_positions(positions, left.shape[-2], right.shape[-2])


def _by_positions(factors: Sequence[Factors]) -> Tensor:
    left, right = factors[0]
    if len(factors) == 1 and right.shape[1] == right.shape[-1] == 1:
        one_hot = not left.is_floating_point()
        lengths = squared_lengths(right)
        return lengths if one_hot else lengths * squared_lengths(left)
    parts = []
    for i, (left, right) in enumerate(factors):
        for j, (other_left, other_right) in enumerate(factors[: i + 1]):
            part = _inner(_products(left, other_left), right.mT @ other_right)
            parts.append(part if i == j else 2 * part)
    return torch.stack(parts).sum(0)


def _inner(a: Tensor, b: Tensor) -> Tensor:
    """Of each sample; the samples are the first axis of the second."""
    if not a.is_floating_point():
        return (a * b).flatten(1).sum(1)
    rows = b.reshape(len(b), -1)
    found: Tensor = torch.linalg.vecdot(a.reshape(rows.shape), rows)
    return found


def _products(left: Tensor, other: Tensor) -> Tensor:
    """Inner products of columns, of which integers are one-hot: `(N, groups, T, U)`."""
    if left.is_floating_point() and other.is_floating_point():
        return left.mT @ other
    if left.is_floating_point():
        return _rows(left, other).mT
    if other.is_floating_point():
        return _rows(other, left)
    return (left.unsqueeze(-1) == other.unsqueeze(-2)).unsqueeze(1)


def _rows(values: Tensor, index: Tensor) -> Tensor:
    """Rows of each sample's own values."""
    places = index[:, None, :, None].expand(-1, values.shape[1], -1, values.shape[3])
    return values.gather(2, places)


def _factors(seen: Seen) -> Factors:
    """Columns of `D` and `A`: `(N, groups, rows, T)`, or indices for one-hot."""
    layer, cotangent = seen.layer, upcast(seen.cotangent)
    if layer.kind == "convolution":
        return _convolution_factors(layer, seen.input.to(cotangent.dtype), cotangent)
    right = columns(cotangent)
    if layer.kind == "embedding":
        index = seen.input.reshape(len(right), -1).long()
        padding = layer.options["padding_idx"]
        if padding is not None:
            none = index == padding % layer.weight_shape[0]
            right = right.masked_fill(none[:, None, None], 0.0)
        return index, right
    given = columns(seen.input.to(cotangent.dtype))
    return (right, given) if layer.kind == "linear" else (given, right)


def columns(values: Tensor) -> Tensor:
    """Vectors of each sample as columns, `(N, 1, rows, positions)`."""
    return values.reshape(len(values), 1, -1, values.shape[-1]).mT


def _convolution_factors(layer: Layer, input: Tensor, cotangent: Tensor) -> Factors:
    groups = layer.options["groups"]
    input, cotangent = _images(layer, input), _images(layer, cotangent)
    patches = _patches(input.flatten(0, 1), layer.weight_shape[2:], layer.options)
    patches = patches.reshape(*input.shape[:2], *patches.shape[1:])
    # Images of one sample, as the frames of a film: more positions.
    return _grouped(cotangent.flatten(3), groups), _grouped(patches, groups)


def _images(layer: Layer, values: Tensor) -> Tensor:
    """`(N, images, channels, *positions)`."""
    return values.unsqueeze(1) if values.ndim == len(layer.weight_shape) else values


def _grouped(values: Tensor, groups: int) -> Tensor:
    """From `(N, images, channels, T)` to `(N, groups, rows, images * T)`."""
    size, images, _, positions = values.shape
    rows = values.reshape(size, images, groups, -1, positions)
    return rows.movedim(1, -2).flatten(-2)


def _patches(input: Tensor, kernel: Sequence[int], options: dict[str, Any]) -> Tensor:
    """What a convolution multiplies, `(images, numbers, positions)`."""
    axes = len(kernel)
    stride = _each_axis(options["stride"], axes)
    dilation = _each_axis(options["dilation"], axes)
    amounts = _paddings(kernel, options)
    if any(p for pair in amounts for p in pair):
        input = functional.pad(input, [p for pair in reversed(amounts) for p in pair])
    for axis, (k, d, s) in enumerate(zip(kernel, dilation, stride, strict=True), 2):
        input = input.unfold(axis, d * (k - 1) + 1, s)[..., ::d]
    # (images, channels, *positions, *kernel): the kernel goes beside the channels.
    moved = input.movedim(list(range(-axes, 0)), list(range(2, 2 + axes)))
    return moved.flatten(1, 1 + axes).flatten(2)


def _paddings(kernel: Sequence[int], options: dict[str, Any]) -> list[tuple[int, int]]:
    """Before and after each axis."""
    padding = options["padding"]
    if padding == "same":
        dilation = _each_axis(options["dilation"], len(kernel))
        both = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        return [(p // 2, p - p // 2) for p in both]
    widths = _each_axis(0 if padding == "valid" else padding, len(kernel))
    return [(p, p) for p in widths]


def _each_axis(value: int | Sequence[int], axes: int) -> tuple[int, ...]:
    found = (value,) if isinstance(value, int) else tuple(value)
    return found * axes if len(found) == 1 else found


def _product(seen: Seen) -> Tensor:
    left, right = _factors(seen)
    return (left @ right.mT).reshape(len(left), *seen.layer.weight_shape)


def _of_convolution(seen: Seen) -> Tensor:
    """The gradients by a convolution's weight.

    Either as one convolution of which each sample is a group, which torch is quick at
    while there are few channels on both sides, or by patches.
    """
    layer, cotangent = seen.layer, upcast(seen.cotangent)
    shape, groups = layer.weight_shape, layer.options["groups"]
    axes = len(shape) - 2
    amounts = _paddings(shape[2:], layer.options)
    input = _images(layer, seen.input.to(cotangent.dtype))
    if input.shape[1] > 1 or not _quick_in_groups(shape, groups) or _uneven(amounts):
        return _product(seen)
    size = len(input)
    input, cotangent = input.squeeze(1), _images(layer, cotangent).squeeze(1)
    weight = input.new_empty(1).expand(size * shape[0], *shape[1:])
    found: Tensor = torch.ops.aten.convolution_backward(
        cotangent.reshape(1, -1, *cotangent.shape[2:]),
        input.reshape(1, -1, *input.shape[2:]),
        weight,
        None,
        list(_each_axis(layer.options["stride"], axes)),
        [before for before, _ in amounts],
        list(_each_axis(layer.options["dilation"], axes)),
        False,
        [0] * axes,
        size * groups,
        [False, True, False],
    )[1]
    return found.reshape(size, *shape)


def _quick_in_groups(shape: Sequence[int], groups: int) -> bool:
    return 8 <= shape[1] <= 64 and shape[0] // groups <= 64


def _uneven(amounts: Sequence[tuple[int, int]]) -> bool:
    return any(before != after for before, after in amounts)


def _gradients(seen: Seen) -> Tensor:
    layer, cotangent = seen.layer, upcast(seen.cotangent)
    if seen.is_bias:
        return _sum_but(cotangent, layer)
    if layer.kind in _SCALES:
        normalized = _SCALES[layer.kind](upcast(seen.input), layer)
        return _sum_but(cotangent * normalized, layer)
    if layer.kind == "convolution":
        return _of_convolution(seen)
    if layer.kind != "embedding":
        return _product(seen)
    index, right = _factors(seen)
    size, rows = len(index), layer.weight_shape[0]
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


_SCALES = {"layer_norm": _layer_normalized, "group_norm": _group_normalized}


def _sum_but(values: Tensor, layer: Layer) -> Tensor:
    """The sum of each sample over all axes but those that a bias or scale has."""
    if layer.kind == "layer_norm":
        shape: tuple[int, ...] = layer.options["normalized_shape"]
        return values.reshape(len(values), -1, *shape).sum(1)
    if layer.kind in ("linear", "product"):
        return values.reshape(len(values), -1, values.shape[-1]).sum(1)
    if layer.kind == "group_norm":
        return values.flatten(3).sum((1, 3)) if values.ndim > 3 else values.sum(1)
    images = _images(layer, values)
    return images.flatten(3).sum((1, 3))


def _along(seen: Seen, directions: Tensor) -> Tensor:
    size = max(1, _OF_VALUES // max(1, seen.cotangent[0].numel()))
    if size >= len(seen.cotangent):
        return _along_part(seen, directions)
    return torch.cat([_along_part(part, directions) for part in _split(seen, size)])


def _along_part(seen: Seen, directions: Tensor) -> Tensor:
    layer, cotangent = seen.layer, upcast(seen.cotangent)
    directions = directions.to(cotangent.dtype)
    if seen.is_bias or layer.kind in _SCALES:
        return _gradients(seen).flatten(1) @ directions.flatten(1).mT
    # What a layer gives is linear in its weight.
    found = [_inner(_applied(seen, d), cotangent) for d in directions]
    return torch.stack(found, 1)


def _applied(seen: Seen, weight: Tensor) -> Tensor:
    """What the layer would give with another weight and no bias."""
    layer = seen.layer
    if layer.kind == "embedding":
        given = functional.embedding(seen.input, weight)
        padding = layer.options["padding_idx"]
        if padding is None:
            return given
        none = seen.input == padding % layer.weight_shape[0]
        return given.masked_fill(none.unsqueeze(-1), 0.0)
    input = seen.input.to(weight.dtype)
    if layer.kind == "convolution":
        input = _images(layer, input).flatten(0, 1)
        return _CONVOLUTIONS[len(layer.weight_shape)](
            input, weight, None, **layer.options
        )
    return functional.linear(input, weight.mT if layer.kind == "product" else weight)


_CONVOLUTIONS = {3: functional.conv1d, 4: functional.conv2d, 5: functional.conv3d}

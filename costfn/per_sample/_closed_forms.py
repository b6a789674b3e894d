"""Norms and inner products of per-sample gradients in closed form, layer by layer.

For one sample the gradient by a layer's weight is `D A^T` (see `_factors`). Its squared
norm is the sum of all entries of `(D^T D) * (A^T A)`, which needs no gradient. That is
cheaper if the layer sees few positions, such as tokens or pixels; otherwise the
gradients of a few samples at a time are formed. If a weight is used several times, the
columns of all uses count together, so the cross terms are included.
"""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor
from torch.nn import functional

from .._foundation.math import upcast
from ._factors import Factors, ParameterUse, convolution_sizes, factors, with_image_axis
from ._layer_gradients import (
    CACHED_VALUES,
    SCALES,
    gradients,
    gradients_in_parts,
    split_samples,
    squared_lengths,
)

# The cost of writing and reading one number, in multiplications. The choice between the
# two forms of a norm weighs both.
_MOVED = 24


def squared_norms(uses: Sequence[ParameterUse]) -> Tensor:
    """Squared norm of each sample's gradient by one parameter, from all of its uses."""
    if len(uses) == 1 and _is_product_of_vectors(uses[0]):
        lengths = squared_lengths(upcast(uses[0].cotangent))
        if uses[0].is_bias:
            return lengths
        return lengths * squared_lengths(upcast(uses[0].input))
    if any(use.is_bias or use.layer.kind in SCALES for use in uses):
        return _from_gradients(uses)
    is_convolution = len(uses) == 1 and uses[0].layer.kind == "convolution"
    if is_convolution and not _products_are_cheaper(*convolution_sizes(uses[0])):
        # Decided before the factors, since the patches of a convolution are large.
        return _from_gradients(uses)
    pairs = [factors(use) for use in uses]
    # The gradient by an embedding has a row for every word, nearly all of them 0.
    has_embedding = any(use.layer.kind == "embedding" for use in uses)
    if has_embedding or _column_products_are_cheaper(pairs):
        return _from_column_products(pairs)
    return _from_gradients(uses)


def _is_product_of_vectors(use: ParameterUse) -> bool:
    """Whether a linear layer sees one position: its gradient is `d a^T`, or `d`."""
    one_position = prod(use.cotangent.shape[1:-1]) == 1
    return one_position and use.layer.kind in ("linear", "product")


def _from_gradients(uses: Sequence[ParameterUse]) -> Tensor:
    return torch.cat([squared_lengths(part) for part in gradients_in_parts(uses)])


def _products_are_cheaper(positions: int, rows: int, columns: int) -> bool:
    """Whether `D^T D` and `A^T A` cost less than the gradient `D A^T`."""
    by_products = positions**2 * (rows + columns + 2 * _MOVED)
    return by_products < rows * columns * (positions + _MOVED)


def _column_products_are_cheaper(pairs: Sequence[Factors]) -> bool:
    left, right = pairs[0]
    positions = sum(right.shape[-1] for _, right in pairs)
    same_groups = len({right.shape[1] for _, right in pairs}) == 1
    return same_groups and _products_are_cheaper(
        positions, left.shape[-2], right.shape[-2]
    )


def _from_column_products(pairs: Sequence[Factors]) -> Tensor:
    parts = []
    for i, (left, right) in enumerate(pairs):
        for j, (other_left, other_right) in enumerate(pairs[: i + 1]):
            products = _column_products(left, other_left)
            part = _sum_of_products(products, right.mT @ other_right)
            parts.append(part if i == j else 2 * part)
    return torch.stack(parts).sum(0)


def _sum_of_products(a: Tensor, b: Tensor) -> Tensor:
    """The sum of `a * b` over each sample; samples are on the first axis of `b`."""
    if not a.is_floating_point():
        return (a * b).flatten(1).sum(1)
    rows = b.reshape(len(b), -1)
    found: Tensor = torch.linalg.vecdot(a.reshape(rows.shape), rows)
    return found


def _column_products(left: Tensor, other: Tensor) -> Tensor:
    """Inner products of columns, `(N, groups, T, U)`. Integers are one-hot columns."""
    if left.is_floating_point() and other.is_floating_point():
        return left.mT @ other
    if left.is_floating_point():
        return _rows_at(left, other).mT
    if other.is_floating_point():
        return _rows_at(other, left)
    return (left.unsqueeze(-1) == other.unsqueeze(-2)).unsqueeze(1)


def _rows_at(values: Tensor, index: Tensor) -> Tensor:
    """The rows of each sample's values at its own indices."""
    places = index[:, None, :, None].expand(-1, values.shape[1], -1, values.shape[3])
    return values.gather(2, places)


def inner_products(uses: Sequence[ParameterUse], directions: Tensor) -> Tensor:
    """Inner products of each sample's gradient with directions, `(N, directions)`."""
    return torch.stack([_inner_products(use, directions) for use in uses]).sum(0)


def _inner_products(use: ParameterUse, directions: Tensor) -> Tensor:
    size = max(1, CACHED_VALUES // max(1, use.cotangent[0].numel()))
    if size >= len(use.cotangent):
        return _inner_products_of_part(use, directions)
    return torch.cat(
        [_inner_products_of_part(part, directions) for part in split_samples(use, size)]
    )


def _inner_products_of_part(use: ParameterUse, directions: Tensor) -> Tensor:
    layer, cotangent = use.layer, upcast(use.cotangent)
    directions = directions.to(cotangent.dtype)
    if use.is_bias or layer.kind in SCALES:
        return gradients([use]).flatten(1) @ directions.flatten(1).mT
    # A layer is linear in its weight: the derivative along a direction is the layer's
    # output with the direction for its weight.
    found = [_sum_of_products(_layer_output(use, d), cotangent) for d in directions]
    return torch.stack(found, 1)


def _layer_output(use: ParameterUse, weight: Tensor) -> Tensor:
    """The output of the layer with another weight and no bias."""
    layer = use.layer
    if layer.kind == "embedding":
        rows = functional.embedding(use.input, weight)
        padding = layer.options["padding_idx"]
        if padding is None:
            return rows
        is_padding = use.input == padding % layer.weight_shape[0]
        return rows.masked_fill(is_padding.unsqueeze(-1), 0.0)
    input = use.input.to(weight.dtype)
    if layer.kind == "convolution":
        input = with_image_axis(layer, input).flatten(0, 1)
        return _CONVOLUTIONS[len(layer.weight_shape)](
            input, weight, None, **layer.options
        )
    return functional.linear(input, weight.mT if layer.kind == "product" else weight)


_CONVOLUTIONS = {3: functional.conv1d, 4: functional.conv2d, 5: functional.conv3d}

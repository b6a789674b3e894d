"""Mean and variance of the samples' gradients, entry by entry."""

from typing import NamedTuple

import torch
from torch import Tensor

from .._foundation.math import upcast
from ._closed_forms import Seen, columns, formed_in_parts
from ._functional import Params
from ._gradients import as_real
from ._pass import Pass, over_passes
from ._problem import Problem

_DIGITS = 1e-6  # of a sum of squares, that its centred part must be


class Moments(NamedTuple):
    """Of some samples: how many, their mean, and the sum of squares about it."""

    size: int
    mean: Tensor
    squares: Tensor


def moments(made: Problem) -> tuple[Params, Params]:
    """Means and unbiased variances.

    Where each sample uses a weight at one position, the sum of squared gradients is a
    product of squares, so that none is formed.
    """
    parts = over_passes(
        made,
        lambda _, found: {name: _of_pass(found, name) for name in made.parameters},
        lambda _, g: {name: _of_shared_rows(rows) for name, rows in g.items()},
    )
    found = {name: _join([part[name] for part in parts]) for name in made.parameters}
    means = {n: m.mean.to(made.parameters[n].dtype) for n, m in found.items()}
    variances = {n: m.squares / (m.size - 1) for n, m in found.items()}
    return means, {n: _like(v, made.parameters[n]) for n, v in variances.items()}


def _like(values: Tensor, parameter: Tensor) -> Tensor:
    return values.to(parameter.real.dtype)


def _of_pass(found: Pass, name: str) -> Moments:
    if name in found.copies:
        return _of_shared_rows(found.formed(name))
    seen = found.seen.get(name)
    if seen is None:
        zeros = torch.zeros_like(found.parameters[name].detach())
        return Moments(found.size, zeros, zeros.abs())
    closed = _closed(seen)
    if closed is not None:
        return closed
    return _join([_of_rows(rows) for rows in formed_in_parts(seen)])


def _of_shared_rows(gradients: Tensor) -> Moments:
    """Of gradients that may be those of another parameter at the same time."""
    return _of_rows(gradients.clone())


def _of_rows(gradients: Tensor) -> Moments:
    """Of gradients that are formed, and are written over."""
    gradients = upcast(gradients)
    mean = gradients.mean(0)
    size = len(gradients)
    # In place: nobody else has them, and fresh memory costs more than all the rest.
    gap = as_real(gradients.sub_(mean)).square_()
    return Moments(size, mean, gap.sum((0, -1) if gradients.is_complex() else 0))


def _closed(seen: list[Seen]) -> Moments | None:
    """From squares, if that leaves digits. Products of two float32 are exact here."""
    if len(seen) > 1 or seen[0].layer.kind not in ("linear", "product"):
        return None
    layer, is_bias, input, cotangent = seen[0]
    left = columns(cotangent.double())
    size, _, rows, positions = left.shape
    if positions > 1 or left.device.type == "mps":
        return None
    left = left.view(size, rows)
    right = left.new_ones(size, 1) if is_bias else input.double().reshape(size, -1)
    if layer.kind == "product" and not is_bias:
        left, right = right, left
    total, squares = left.mT @ right, left.square().mT @ right.square()
    centred = squares - total.square() / size
    if not (centred >= _DIGITS * squares).all():
        return None
    shape = (rows,) if is_bias else layer.weight_shape
    return Moments(size, (total / size).reshape(shape), centred.reshape(shape))


def _join(parts: list[Moments]) -> Moments:
    """Of all samples, by Chan's formula."""
    joined = parts[0]
    for part in parts[1:]:
        size = joined.size + part.size
        gap = part.mean - joined.mean
        mean = joined.mean + gap * (part.size / size)
        between = gap.abs().square() * (joined.size * part.size / size)
        joined = Moments(size, mean, joined.squares + part.squares + between)
    return joined

"""Mean and variance of each entry of the gradient over the samples."""

from typing import NamedTuple

import torch
from torch import Tensor

from .._foundation.math import upcast
from ._factors import ParameterUse, columns
from ._gradient_problem import GradientProblem
from ._gradients import as_real
from ._layer_gradients import gradients_in_parts
from ._options import Params
from ._pass import Pass, map_passes

# `sum(g^2) - sum(g)^2 / N` loses digits if the mean is large. It is used only if the
# result is at least this share of the sum of squares, which leaves 9 digits in float64.
_SMALLEST_SHARE = 1e-6


class Moments(NamedTuple):
    """The number of some samples, their mean, and the sum of squared deviations."""

    size: int
    mean: Tensor
    squares: Tensor


def moments(problem: GradientProblem) -> tuple[Params, Params]:
    """Means and unbiased variances over the samples, by name of the parameter.

    If each sample uses a weight at one position, its gradient is a product of two
    vectors, and the sum of squared gradients is a product of squares. Then no gradient
    is formed.
    """
    parts = map_passes(
        problem,
        lambda _, found: {name: _of_pass(found, name) for name in problem.parameters},
        lambda _, g: {name: _of_shared_rows(rows) for name, rows in g.items()},
    )
    found = {name: _join([part[name] for part in parts]) for name in problem.parameters}
    means = {n: m.mean.to(problem.parameters[n].dtype) for n, m in found.items()}
    variances = {n: m.squares / (m.size - 1) for n, m in found.items()}
    return means, {n: _like(v, problem.parameters[n]) for n, v in variances.items()}


def _like(values: Tensor, parameter: Tensor) -> Tensor:
    return values.to(parameter.real.dtype)


def _of_pass(found: Pass, name: str) -> Moments:
    if name in found.copies:
        return _of_shared_rows(found.gradients_of_copied(name))
    uses = found.uses.get(name)
    if uses is None:
        zeros = torch.zeros_like(found.parameters[name].detach())
        return Moments(found.size, zeros, zeros.abs())
    closed = _from_sums_of_squares(uses)
    if closed is not None:
        return closed
    return _join([_of_rows(rows) for rows in gradients_in_parts(uses)])


def _of_shared_rows(gradients: Tensor) -> Moments:
    """Moments of gradients that must not be changed: others may hold them too."""
    return _of_rows(gradients.clone())


def _of_rows(gradients: Tensor) -> Moments:
    """Moments of gradients, which are overwritten."""
    gradients = upcast(gradients)
    mean = gradients.mean(0)
    size = len(gradients)
    # In place, because allocating memory takes longer than the arithmetic.
    deviations = as_real(gradients.sub_(mean)).square_()
    axes = (0, -1) if gradients.is_complex() else 0
    return Moments(size, mean, deviations.sum(axes))


def _from_sums_of_squares(uses: list[ParameterUse]) -> Moments | None:
    """Moments without the gradients, in float64; None if they would lose digits.

    Products of two float32 numbers are exact in float64.
    """
    if len(uses) > 1 or uses[0].layer.kind not in ("linear", "product"):
        return None
    layer, is_bias, input, cotangent = uses[0]
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
    if not (centred >= _SMALLEST_SHARE * squares).all():
        return None
    shape = (rows,) if is_bias else layer.weight_shape
    return Moments(size, (total / size).reshape(shape), centred.reshape(shape))


def _join(parts: list[Moments]) -> Moments:
    """Moments of all samples from those of parts, by Chan's formula."""
    joined = parts[0]
    for part in parts[1:]:
        size = joined.size + part.size
        shift = part.mean - joined.mean
        mean = joined.mean + shift * (part.size / size)
        between = shift.abs().square() * (joined.size * part.size / size)
        joined = Moments(size, mean, joined.squares + part.squares + between)
    return joined

"""From the arguments of a public function to a checked `GradientProblem`."""

from typing import Any

import jax
from jax import Array

from .._foundation import check
from ._check_gradient import ask_the_doctor
from ._check_loss import check_loss
from ._check_model import mixes, warn_if_mixed
from ._gradient_problem import (
    GradientProblem,
    Loss,
    Model,
    RunMode,
    as_tuple,
    has_samples,
)
from ._linear_loss import is_differentiable, linear_loss
from ._sample_dims import places_as_samples


def prepare(
    model: Model,
    loss: Loss,
    x: Any,
    y: Any,
    parameters: Any,
    chunk_size: int | None,
    sample_dims: int = 1,
    mode: RunMode | None = None,
) -> GradientProblem:
    """The checked problem for the arguments of a public function."""
    problem = _unchecked(model, loss, x, y, parameters, chunk_size, sample_dims, mode)
    warn_if_mixed(problem)
    check_loss(problem)
    return problem


def _unchecked(
    model: Model,
    loss: Loss,
    x: Any,
    y: Any,
    parameters: Any,
    chunk_size: int | None,
    sample_dims: int,
    mode: RunMode | None,
) -> GradientProblem:
    for name, value in (("chunk_size", chunk_size), ("sample_dims", sample_dims)):
        if value is not None and value < 1:
            raise ValueError(f"{name} must be 1 or more, got {value}")
    size = _sample_count(x, y)
    shape: tuple[int, ...] = (size,)
    if sample_dims > 1:
        # As many places at a time as there are samples keeps memory near that of one
        # batch, since the model runs on a whole sample for each place.
        chunk_size = chunk_size or size
        model, x, y, shape = places_as_samples(model, x, y, sample_dims)
        size = _sample_count(x, y)
    return GradientProblem(
        model, loss, x, y, parameters, size, chunk_size, shape, mode or RunMode()
    )


def _sample_count(x: Any, y: Any) -> int:
    sizes = sorted({len(a) for a in jax.tree.leaves((x, y)) if has_samples(a)})
    if len(sizes) != 1 or sizes == [0]:
        raise ValueError(
            "x and y must hold the same number of samples, 1 or more, on axis 0, "
            f"got {sizes}"
        )
    return sizes[0]


def prepare_linearized(
    model: Model,
    batch_loss: Loss,
    x: Any,
    y: Any,
    parameters: Any,
    chunk_size: int | None = None,
    sample_dims: int = 1,
    mode: RunMode | None = None,
) -> GradientProblem:
    """The problem whose gradients are the contributions to a loss of the batch."""
    problem = _unchecked(
        model, batch_loss, x, y, parameters, chunk_size, sample_dims, mode
    )
    mixed = mixes(problem)
    if mixed:
        raise ValueError(
            f"model must treat each sample alone, got {mixed}: contributions to a loss "
            "of the batch would not add up to its gradient"
        )
    z = problem.predictions()
    leaves, tree = jax.tree.flatten(z)
    places = [i for i, leaf in enumerate(leaves) if is_differentiable(leaf)]

    def of_predictions(values: list[Array]) -> Array:
        every = list(leaves)
        for place, value in zip(places, values, strict=True):
            every[place] = value
        found = batch_loss(jax.tree.unflatten(tree, every), *as_tuple(problem.y))
        if found.ndim:
            raise ValueError(
                "batch_loss must return one number for the batch, got the shape "
                f"{found.shape}; reduce it: "
                "lambda z, y: costfn_jax.reduce(loss(z, y))"
            )
        return found

    cotangents = jax.grad(of_predictions)([leaves[i] for i in places])
    if len(leaves) == 1:
        seen = check.readable_values(cotangents[0])
        if seen is not None and not seen.any():
            ask_the_doctor(batch_loss, z, as_tuple(problem.y))
    return problem._replace(loss=linear_loss, y=tuple(cotangents))

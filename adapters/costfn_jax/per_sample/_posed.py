"""From the arguments of a public function to a problem."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from .._foundation import check
from ._problem import Loss, Model, Problem, as_tuple, has_samples
from ._trial import ask_the_doctor, check_alone, check_loss


def problem(
    model: Model, loss: Loss, x: Any, y: Any, parameters: Any, chunk_size: int | None
) -> Problem:
    """The problem that the arguments of a public function state, checked."""
    made = _unchecked(model, loss, x, y, parameters, chunk_size)
    check_loss(made)
    return made


def several(
    model: Model, loss: Loss, x: Any, y: Any, parameters: Any, chunk_size: int | None
) -> Problem:
    """The same, of two samples or more."""
    made = problem(model, loss, x, y, parameters, chunk_size)
    if made.size < 2:
        raise ValueError(f"x must hold 2 samples or more, got {made.size}")
    return made


def _unchecked(
    model: Model, loss: Loss, x: Any, y: Any, parameters: Any, chunk_size: int | None
) -> Problem:
    sizes = sorted({len(a) for a in jax.tree.leaves((x, y)) if has_samples(a)})
    if len(sizes) != 1 or sizes == [0]:
        raise ValueError(
            "x and y must hold the same number of samples, 1 or more, on axis 0, "
            f"got {sizes}"
        )
    if chunk_size is not None and chunk_size < 1:
        raise ValueError(f"chunk_size must be 1 or more, got {chunk_size}")
    return Problem(model, loss, x, y, parameters, sizes[0], chunk_size)


def linearized(
    model: Model,
    batch_loss: Loss,
    x: Any,
    y: Any,
    parameters: Any,
    chunk_size: int | None = None,
) -> Problem:
    """The problem whose gradients are the contributions to a loss of the batch."""
    made = _unchecked(model, batch_loss, x, y, parameters, chunk_size)

    check_alone(made)
    z = made.predictions()
    leaves, tree = jax.tree.flatten(z)
    places = [i for i, leaf in enumerate(leaves) if _varies(leaf)]

    def of_predictions(values: list[Array]) -> Array:
        every = list(leaves)
        for place, value in zip(places, values, strict=True):
            every[place] = value
        found = batch_loss(jax.tree.unflatten(tree, every), *as_tuple(y))
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
            ask_the_doctor(batch_loss, z, as_tuple(y))
    return made._replace(loss=inner, y=tuple(cotangents))


def inner(prediction: Any, *cotangents: Array) -> Array:
    """The part of a batch's loss, to first order, that one sample's prediction has."""
    varying = filter(_varies, jax.tree.leaves(prediction))
    parts = [(z * c).sum().real for z, c in zip(varying, cotangents, strict=True)]
    return jnp.sum(jnp.stack(parts))


def _varies(leaf: Array) -> bool:
    return bool(jnp.issubdtype(leaf.dtype, jnp.inexact))

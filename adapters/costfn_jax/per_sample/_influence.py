"""How much each sample would help on others."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from ._posed import problem
from ._problem import Loss, Model, as_tuple


def influence(
    model: Model,
    loss: Loss,
    x: Any,
    y: Any,
    x_validation: Any,
    y_validation: Any,
    *,
    checkpoints: Sequence[Any],
    validation_loss: Loss | None = None,
    learning_rates: float | Sequence[float] = 1.0,
    chunk_size: int | None = None,
) -> Array:
    """Mirror of `costfn.per_sample.influence`; the parameters are one checkpoint."""
    rates = (
        [learning_rates] * len(checkpoints)
        if isinstance(learning_rates, int | float)
        else list(learning_rates)
    )
    if not rates or len(rates) != len(checkpoints):
        raise ValueError(
            "checkpoints must be 1 or more, with one learning rate for each, got "
            f"{len(checkpoints)} and {len(rates)}"
        )
    scores = []
    for rate, parameters in zip(rates, checkpoints, strict=True):
        made = problem(model, loss, x, y, parameters, chunk_size)
        if validation_loss is None:
            other = problem(
                model, loss, x_validation, y_validation, parameters, chunk_size
            )
            direction = other.mean()
        else:
            of_batch = validation_loss

            def whole(p: Any, of_batch: Loss = of_batch) -> Array:
                return of_batch(model(p, x_validation), *as_tuple(y_validation))

            direction = jax.grad(whole)(parameters)
        scores.append(rate * made.along(direction))
    return jnp.sum(jnp.stack(scores), axis=0)

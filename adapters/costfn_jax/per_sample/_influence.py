"""How much a step on each sample would lower the loss of others."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from ._gradient_problem import Loss, Model, flat
from ._prepare import prepare, prepare_linearized

Samples = tuple[Any, Any]


def influence(
    model: Model,
    loss: Loss,
    train: Samples,
    test: Samples,
    *,
    parameters: Any = None,
    test_loss: Loss | None = None,
    checkpoints: Sequence[Any] | None = None,
    learning_rates: Any = 1.0,
    chunk_size: int | None = None,
) -> Array:
    """Mirror of `costfn.per_sample.influence`, for pairs of inputs and targets.

    Give either the parameters, or checkpoints of them.
    """
    if (parameters is None) == (checkpoints is None):
        raise ValueError(
            "parameters must be given, or checkpoints of them, and not both, got "
            f"{'neither' if parameters is None else 'both'}"
        )
    times = [parameters] if checkpoints is None else list(checkpoints)
    rates = np.asarray(learning_rates, dtype=float)
    rates = rates if rates.ndim else np.full(len(times), rates)
    if not times or len(rates) != len(times):
        raise ValueError(
            "checkpoints must be 1 or more, with one learning rate for each, got "
            f"{len(times)} and {len(rates)}"
        )
    scores = []
    for rate, at in zip(rates.tolist(), times, strict=True):
        problem = prepare(model, loss, *train, at, chunk_size)
        if test_loss is not None:
            whole = prepare_linearized(model, test_loss, *test, at, chunk_size)
            found = problem.inner_product(whole.total())
        else:
            other = prepare(model, loss, *test, at, chunk_size)
            columns = flat(other.gradients(), other.size)
            found = problem.inner_products(columns)
        scores.append(rate * found)
    return jnp.sum(jnp.stack(scores), axis=0)

"""How much each sample would help on others."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from ._posed import linearized, problem
from ._problem import Loss, Model, flat

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
    """Mirror of `costfn.per_sample.influence`, of a pair of inputs and targets each.

    The parameters are those of one time, or else there are checkpoints of them.
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
        made = problem(model, loss, *train, at, chunk_size)
        if test_loss is not None:
            whole = linearized(model, test_loss, *test, at, chunk_size)
            found = made.along(whole.total())
        else:
            other = problem(model, loss, *test, at, chunk_size)
            columns = flat(other.gradients(), other.size)
            found = made.products(columns)
        scores.append(rate * found)
    return jnp.sum(jnp.stack(scores), axis=0)

"""How much a step on each sample would lower the loss of others."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from ._gradient_problem import Loss, Model, RunMode, flat
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
    sample_dims: int = 1,
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
    mode = RunMode()
    for rate, at in zip(rates.tolist(), times, strict=True):
        of = partial(
            prepare if test_loss is None else prepare_linearized,
            parameters=at,
            chunk_size=chunk_size,
            sample_dims=sample_dims,
            mode=mode,
        )
        other = of(model, test_loss or loss, *test)
        problem = prepare(model, loss, *train, at, chunk_size, sample_dims, mode)
        if test_loss is not None:
            found = problem.inner_product(other.total())
        else:
            found = problem.inner_products(flat(other.gradients(), other.size))
            found = found.reshape(len(found), *other.shape)
        scores.append(rate * problem.with_sample_axes(found))
    return jnp.sum(jnp.stack(scores), axis=0)

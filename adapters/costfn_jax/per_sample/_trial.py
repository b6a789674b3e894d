"""A loss tried on a few samples, where their values can be seen."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from .. import _check
from ._problem import Problem, alone, as_tuple

_TRIED = 8


def check_loss(made: Problem) -> None:
    """Checks that it is one loss for each sample, and that it has a gradient."""
    given = jax.tree.leaves((made.x, made.y, made.parameters))
    if any(isinstance(leaf, jax.core.Tracer) for leaf in given):
        return
    x, y = jax.tree.map(lambda a: a[:_TRIED], (made.x, made.y))
    z, targets = made.model(made.parameters, x), as_tuple(y)
    value = made.loss(z, *targets)
    _check.array("loss", value)
    size = min(_TRIED, made.size)
    if value.ndim and len(value) != size:
        raise ValueError(
            "loss must return one number, or one per sample, got the shape "
            f"{value.shape} for {size} samples"
        )
    if not value.ndim:

        def of_one(z: Any, y: Any) -> Array:
            return made.loss(alone(z), *alone(y)).sum()

        _check_sum(value, jax.vmap(of_one)(z, targets))
    check_gradient(made.loss, z, targets)


def _check_sum(value: Array, singles: Array) -> None:
    seen, each = _check.visible(value), _check.visible(singles)
    if seen is None or each is None or not np.isfinite(seen):
        return
    # A sample that is ignored has the mean of no losses, NaN, to itself.
    finite = each[np.isfinite(each)].astype(float)
    if len(finite):
        near = 1000 * float(jnp.finfo(value.dtype).eps) * abs(finite).max()
        if min(abs(seen - finite.mean()), abs(seen - finite.sum())) <= near:
            return
    raise ValueError(
        "loss must be the mean or the sum of the losses of the samples, got "
        f"{seen.item():.6g} for {len(each)} samples together and, alone, "
        f"{[round(v, 4) for v in each.tolist()]}; if it is a loss of the batch, as "
        "F1 and MCC are, use costfn_jax.per_sample.contributions; if it is a weighted "
        "mean, return one loss per sample"
    )


def check_gradient(
    loss: Callable[..., Array], prediction: Any, targets: tuple[Any, ...]
) -> None:
    """Asks the doctor of a loss that gives no gradient: it may be one cut off."""
    if not isinstance(prediction, Array) or _check.visible(prediction) is None:
        return
    found = _check.visible(jax.grad(lambda z: loss(z, *targets).sum())(prediction))
    if found is not None and not found.any():
        ask_the_doctor(loss, prediction, targets)


def ask_the_doctor(
    loss: Callable[..., Array], prediction: Array, targets: tuple[Any, ...]
) -> None:
    """Raises with the doctor's report, if the loss is broken."""
    # Imported where it is needed, which is seldom.
    from ..doctor import diagnose

    if len(targets) > 1:
        report = diagnose(lambda z, t: loss(z, *t), prediction, targets)
    else:
        report = diagnose(loss, prediction, targets[0] if targets else None)
    report.raise_if_broken()

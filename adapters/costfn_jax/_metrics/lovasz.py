"""Lovász losses, in JAX: the Jaccard loss extended from sets to scores by sorting."""

from collections.abc import Sequence
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.lax import stop_gradient
from jax.nn import softmax
from numpy.typing import NDArray

from .._foundation import check
from .._foundation.counting import cleared
from .._foundation.hidden import bad_target, finished
from .._foundation.math import cast_back, is_label, ratio, relu, sum_over, upcast
from .._foundation.types import AnyTarget, BatchLoss, Labels, Logits, Scores

__all__ = ["lovasz_hinge_loss", "lovasz_softmax_loss"]

Present = Literal["present", "all"] | Sequence[int]


def lovasz_softmax_loss(
    logits: Logits,
    target: Labels,
    *,
    classes: Present = "present",
    where: Array | None = None,
) -> BatchLoss:
    """Mirror of `costfn.lovasz_softmax_loss`: the same arguments, values and errors."""
    check.scores("logits", logits)
    number = logits.shape[-1]
    chosen: NDArray[np.int32] | None = None
    if isinstance(classes, str):
        check.one_of("classes", classes, ("present", "all"))
    else:
        chosen = check.classes(classes, number)
    if where is not None:
        check.mask(where, logits.shape[:-1])
    check.labels("target", target, logits.shape[:-1], number, where)
    z = upcast(logits)
    if where is not None:
        z = jnp.where(where[..., None], z, 0.0)
        target = cleared(target, where)
    truth = is_label(target, number)
    p = softmax(z)
    errors = jnp.where(truth, 1 - p, p)
    invalid = bad_target(target, number)
    errors = _spoilt(errors, None if invalid is None else invalid[..., None])
    if where is not None:
        errors = jnp.where(where[..., None], errors, 0.0)
        truth = truth & where[..., None]
    errors, truth = errors.reshape(-1, number), truth.reshape(-1, number)
    if chosen is not None:
        errors, truth = errors[:, chosen], truth[:, chosen]
    losses = _extension(errors, truth, where)
    if classes == "all":
        return cast_back(losses.mean(), logits)
    present = truth.any(0).astype(losses.dtype)
    return cast_back(ratio((present * losses).sum(), present.sum()), logits)


def lovasz_hinge_loss(
    logits: Scores, target: AnyTarget, *, where: Array | None = None
) -> BatchLoss:
    """Mirror of `costfn.lovasz_hinge_loss`: the same arguments, values and errors."""
    check.floating_point("logits", logits)
    check.array("target", target)
    labels = target.astype(jnp.uint8) if target.dtype == bool else target
    if where is not None:
        check.mask(where, logits.shape)
    check.labels("target", labels, logits.shape, 2, where)
    z = upcast(logits)
    if where is not None:
        z = jnp.where(where, z, 0.0)
        labels = cleared(labels, where)
    truth = is_label(labels, 2)[..., 1]
    z = _spoilt(z, bad_target(labels, 2))  # before the kink, which stops NaN
    errors = relu(1 - jnp.where(truth, z, -z))
    if where is not None:
        errors = jnp.where(where, errors, 0.0)
        truth = truth & where
    loss = _extension(errors.reshape(-1, 1), truth.reshape(-1, 1), where)
    return finished(loss.sum(), logits)


def _spoilt(values: Array, invalid: Array | None) -> Array:
    """The values, NaN where invalid: in the gradient too, even if the step is 0."""
    if invalid is None:
        return values
    return values * jnp.where(invalid, jnp.nan, jnp.ones_like(values))


def _extension(errors: Array, truth: Array, where: Array | None) -> Array:
    """Lovász extension of the Jaccard loss: from `(examples, classes)` to `(classes,)`.

    Of equal errors the order does not change the value.
    """
    if not len(errors):
        return errors.sum(0)
    keep = None if where is None else where.reshape(-1, 1)
    return sum_over(errors * _steps(stop_gradient(errors), truth, keep), (0,))


def _steps(errors: Array, truth: Array, keep: Array | None) -> Array:
    """By how much each example raises the Jaccard loss as the errors are gone through.

    In closed form, of whole numbers: differences of the Jaccard loss itself are nearly
    all rounding where there are many pixels.
    """
    size, classes = errors.shape
    # What is masked comes last. By rows: XLA sorts columns twice as slowly.
    key = -errors if keep is None else jnp.where(keep, -errors, 1.0)
    rank = jnp.arange(size, dtype=jnp.int32)
    index = 2 * rank + truth.T.astype(jnp.int32)
    _, sorted_index = jax.lax.sort((key.T, index), num_keys=1)
    foreground = sorted_index % 2
    found = foreground.cumsum(-1, dtype=jnp.int32)
    left = found[:, -1:] - found
    union = left + rank + 1
    # One more of the background adds to the union; of the foreground, to the overlap.
    # The first of all, where there is no foreground, takes the loss from 0 to 1.
    share = left.astype(errors.dtype) / jnp.maximum(union - 1, 1).astype(errors.dtype)
    gain = jnp.where((foreground == 1) | (union == 1), 1.0, share)
    steps = gain / union.astype(errors.dtype)
    place = sorted_index // 2 + size * jnp.arange(classes, dtype=jnp.int32)[:, None]
    unsorted = jnp.zeros_like(steps).reshape(-1)
    unsorted = unsorted.at[place.reshape(-1)].set(
        steps.reshape(-1), unique_indices=True, mode="promise_in_bounds"
    )
    return unsorted.reshape(classes, size).T

"""Lovász losses, in JAX: the Jaccard loss extended from sets to scores by sorting."""

from typing import Literal, get_args

import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient
from jax.nn import softmax

from . import _check
from ._math import is_floating, one_hot, ratio, upcast
from ._types import AnyTarget, BatchLoss, Labels, Logits, Scores

Present = Literal["present", "all"]


def lovasz_softmax_loss(
    logits: Logits,
    target: Labels,
    *,
    classes: Present = "present",
    where: Array | None = None,
) -> BatchLoss:
    """Mirror of `costfn.lovasz_softmax_loss`: the same arguments, values and errors."""
    _check.scores("logits", logits)
    number = logits.shape[-1]
    _check.labels("target", target, logits.shape[:-1], number)
    _check.one_of("classes", classes, get_args(Present))
    z = upcast(logits)
    if where is not None:
        _check.mask(where, target.shape)
        z = jnp.where(where[..., None], z, 0.0)
    truth = one_hot(target, number, z.dtype)
    p = softmax(z)
    errors = jnp.where(truth == 1, 1 - p, p)
    # A bad label that could not be seen is a row of NaN, and the comparison hides it.
    errors = errors + 0 * truth
    if where is not None:
        errors = jnp.where(where[..., None], errors, 0.0)
        truth = jnp.where(where[..., None], truth, 0.0)
    losses = _extension(errors.reshape(-1, number), truth.reshape(-1, number))
    if classes == "all":
        return losses.mean().astype(logits.dtype)
    present = (truth.reshape(-1, number).sum(0) != 0).astype(losses.dtype)
    return ratio((present * losses).sum(), present.sum()).astype(logits.dtype)


def lovasz_hinge_loss(
    logits: Scores, target: AnyTarget, *, where: Array | None = None
) -> BatchLoss:
    """Mirror of `costfn.lovasz_hinge_loss`: the same arguments, values and errors."""
    _check.array("logits", logits)
    if not is_floating(logits):
        raise TypeError(f"logits must be floating point, got {logits.dtype}")
    _check.array("target", target)
    labels = target.astype(jnp.uint8) if target.dtype == bool else target
    _check.labels("target", labels, logits.shape, 2)
    z = upcast(logits)
    if where is not None:
        _check.mask(where, target.shape)
        z = jnp.where(where, z, 0.0)
    truth = one_hot(labels, 2, z.dtype)[..., 1]
    margin = 1 - z * (2 * truth - 1)
    errors = jnp.where(margin < 0, 0.0, margin)
    if where is not None:
        errors = jnp.where(where, errors, 0.0)
        truth = jnp.where(where, truth, 0.0)
    loss = _extension(errors.reshape(-1, 1), truth.reshape(-1, 1))
    return loss.sum().astype(logits.dtype)


def _extension(errors: Array, truth: Array, keep: Array | None) -> Array:
    """Lovász extension of the Jaccard loss: from `(examples, classes)` to `(classes,)`.

    Of equal errors the order does not change the value.
    """
    if not len(errors):
        return errors.sum(0)
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

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


def _extension(errors: Array, truth: Array) -> Array:
    """Lovász extension of the Jaccard loss: from `(examples, classes)` to `(classes,)`.

    Of equal errors the order does not change the value.
    """
    if not len(errors):
        return errors.sum(0)
    order = jnp.argsort(-stop_gradient(errors), axis=0, stable=True)
    ranked = jnp.take_along_axis(errors, order, 0)
    foreground = jnp.take_along_axis(truth, order, 0)
    found = foreground.cumsum(0)
    total = found[-1:]
    union = total + (1 - foreground).cumsum(0)
    jaccard = 1 - (total - found) / jnp.where(union > 0, union, 1.0)
    steps = jnp.concatenate([jaccard[:1], jaccard[1:] - jaccard[:-1]])
    return (ranked * stop_gradient(steps)).sum(0)

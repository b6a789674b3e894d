"""Training on soft targets, in JAX: making them, and undoing what they did."""

from typing import Literal, get_args

import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient
from jax.nn import log_softmax, logsumexp, softmax

from .._foundation import check, check_costs
from .._foundation.arrays import ArrayLike, as_array, as_arrays
from .._foundation.hidden import bad_target, checked_costs, finished, poisoned
from .._foundation.math import (
    class_probs,
    cross_entropy,
    floating,
    is_floating,
    mean_over_classes,
    rows_times_matrix,
    upcast,
)
from .._foundation.options import ABOVE_ZERO, number, typed
from .._foundation.types import DecisionMatrix, Logits, Losses, Matrix, Probs, Target
from .cost_vector import select_costs

Divergence = Literal["cross_entropy", "kl"]


def soft_target_loss(
    logits: Logits, target_probs: Probs, *, divergence: Divergence = "cross_entropy"
) -> Losses:
    """Mirror of `costfn.soft_target_loss`: the same arguments, values and errors."""
    check.scores("logits", logits)
    check.probs("target_probs", target_probs, logits.shape)
    check.one_of("divergence", divergence, get_args(Divergence))
    z = upcast(logits)
    invalid = bad_target(target_probs, z.shape[-1])
    if divergence == "cross_entropy":
        return finished(cross_entropy(z, target_probs), logits, invalid)
    q = class_probs(target_probs, z.shape[-1], z.dtype)
    # Twice where: log(0) must not reach the gradient either. What rounding left below 0
    # counts as 0 in the logarithm.
    log_q = jnp.where(q <= 0, 0.0, jnp.log(jnp.where(q <= 0, 1.0, q)))
    losses = mean_over_classes(q, log_q - log_softmax(z))
    return finished(losses, logits, invalid)


def soft_targets(
    cost: DecisionMatrix | ArrayLike, *, temperature: float | Array
) -> Probs:
    """Mirror of `costfn.soft_targets`: the same arguments, values and errors."""
    cost = as_array("cost", cost)
    check_costs.cost_matrix("cost", cost)
    softness = number("temperature", temperature, ABOVE_ZERO)
    kind = floating(cost).dtype
    wide = upcast(checked_costs(cost, kind))
    # In units of the cheapest, which stays 0 however small the temperature is.
    above = wide - wide.min(-1, keepdims=True)
    return softmax(-above / typed(softness, wide.dtype)).astype(kind)


def unmix(probs: Probs | ArrayLike, soft_targets: Matrix | ArrayLike) -> Probs:
    """Mirror of `costfn.unmix`: the same arguments, values and errors."""
    p, given = as_arrays(probs=probs, soft_targets=soft_targets)
    check.probs("probs", p)
    classes = p.shape[-1]
    check.probs("soft_targets", given, (classes, classes))
    wide = jnp.promote_types(upcast(p).dtype, jnp.result_type(float))
    eye = jnp.eye(classes, dtype=wide)
    broken = bad_target(given, classes)
    rows = given.astype(wide)
    rows = rows if broken is None else jnp.where(broken.any(), eye, rows)
    # In the precision in which they came: equal rows must not differ by rounding.
    rank = jnp.linalg.matrix_rank(stop_gradient(rows).astype(upcast(given).dtype))
    seen = check.readable_values(rank)
    if seen is not None and seen.min() < classes:
        raise ValueError(
            f"soft_targets must be invertible, got a matrix of rank {seen.min()} for "
            f"{classes} classes; a lower temperature keeps its rows apart"
        )
    unusable = None if broken is None else broken.any() | (rank < classes)
    rows = rows if unusable is None else jnp.where(unusable, eye, rows)
    mixed = rows_times_matrix(p.astype(wide), jnp.linalg.inv(rows))
    mixed = jnp.where(mixed < 0, 0.0, mixed)
    found = mixed / mixed.sum(-1, keepdims=True)
    if unusable is not None:
        # They were left out above, but their gradient must be NaN too.
        found = found + jnp.where(unusable, given.sum().astype(wide), 0.0)
    for invalid in (bad_target(p, classes), unusable):
        found = poisoned(found, None if invalid is None else invalid[..., None])
    return found.astype(p.dtype)


def _spoilt(rows: Array, probs: Array) -> Array:
    """Rows that are NaN where probabilities that could not be seen are none."""
    bad = bad_target(probs, probs.shape[-1])
    return rows if bad is None else poisoned(rows, bad[..., None])


def forward_corrected_loss(
    logits: Logits, target: Target, transition: Matrix
) -> Losses:
    """Mirror of `costfn.forward_corrected_loss`.

    The same arguments, values and errors.
    """
    check.scores("logits", logits)
    classes = logits.shape[-1]
    check.probs("transition", transition, (classes, classes))
    check.target(target, logits.shape[:-1], classes)
    z = upcast(logits)
    log_p = log_softmax(z)
    invalid = bad_target(target, classes)
    # Of a transition that cannot be seen a bad row makes every example bad.
    noise = _spoilt(transition.astype(z.dtype), transition)
    # Finite for the impossible, so that its gradient is 0 and not NaN.
    never = float(jnp.finfo(z.dtype).min) / 4
    log_noise = jnp.where(noise <= 0, never, jnp.log(jnp.where(noise <= 0, 1.0, noise)))
    if is_floating(target):
        log_observed = logsumexp(log_p[..., None] + log_noise, axis=-2)
        q = class_probs(target, classes, z.dtype)
        return finished(-mean_over_classes(q, log_observed), logits, invalid)
    column = select_costs(target, log_noise.T)
    return finished(-logsumexp(log_p + column, axis=-1), logits, invalid)

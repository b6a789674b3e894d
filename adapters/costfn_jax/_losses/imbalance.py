"""Losses and weights for classes of very different frequency, in JAX."""

from math import inf, log

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.nn import log_softmax

from .._foundation import check, check_costs
from .._foundation.arrays import ArrayLike, as_array
from .._foundation.hidden import bad_target, checked_weights, finished
from .._foundation.math import (
    class_probs,
    cross_entropy,
    floating,
    is_floating,
    log_complement,
    log_odds,
    log_sigmoid,
    ratio,
    upcast,
)
from .._foundation.options import AT_LEAST_ZERO, Rule, number, typed
from .._foundation.types import Logits, Losses, PerClass, Target


def focal_loss(logits: Logits, target: Target, *, gamma: float | Array = 2.0) -> Losses:
    """Mirror of `costfn.focal_loss`: the same arguments, values and errors."""
    check.scores("logits", logits)
    check.target(target, logits.shape[:-1], logits.shape[-1])
    focus = number("gamma", gamma, AT_LEAST_ZERO)
    z = upcast(logits)
    power = typed(focus, z.dtype)
    invalid = bad_target(target, z.shape[-1])
    # Through log(1 - p), so nothing cancels, and the gradient stays finite for
    # gamma < 1, where (1 - p) ** gamma has none at p = 1.
    if not is_floating(target):
        margin = log_odds(z, target)
        modulated = jnp.exp(power * log_sigmoid(-margin)) * log_sigmoid(margin)
        return finished(-modulated, logits, invalid)
    q = class_probs(target, z.shape[-1], z.dtype)
    log_p = log_softmax(z)
    # 0 log 0 is 0, and must be before the product, whose gradient would be 0 * inf.
    log_p = jnp.where((q == 0) & jnp.isinf(log_p), 0.0, log_p)
    losses = -(q * jnp.exp(power * log_complement(z)) * log_p).sum(-1)
    return finished(losses, logits, invalid)


def logit_adjusted_loss(
    logits: Logits,
    target: Target,
    prior: PerClass,
    *,
    temperature: float | Array = 1.0,
) -> Losses:
    """Mirror of `costfn.logit_adjusted_loss`: the same arguments, values and errors."""
    check.scores("logits", logits)
    classes = logits.shape[-1]
    check.target(target, logits.shape[:-1], classes)
    strength = number("temperature", temperature, AT_LEAST_ZERO)
    check_costs.per_class("prior", prior, classes)
    seen = check.readable_values(prior)
    # In float64: NumPy warns of a NaN in the comparison of half precision.
    if seen is not None and not (np.isfinite(seen) & (seen.astype(float) > 0)).all():
        raise ValueError(
            f"prior must be above 0 and finite for every class, got {seen.tolist()}"
        )
    z = upcast(logits)
    frequency = checked_weights(prior, z.dtype)
    log_prior = jnp.log(jnp.where(frequency <= 0, jnp.nan, frequency))
    losses = cross_entropy(z + typed(strength, z.dtype) * log_prior, target)
    return finished(losses, logits, bad_target(target, classes))


# As the paper has it: at 1 all counts are the same.
_BETA = Rule("in [0, 1)", lambda beta: (beta >= 0) & (beta < 1))


def class_balanced_weights(
    counts: PerClass | ArrayLike, *, beta: float | Array
) -> PerClass:
    """Mirror of `costfn.class_balanced_weights`.

    The same arguments, values and errors; it counts in the dtype that it returns.
    """
    beta = number("beta", beta, _BETA)
    counts = as_array("counts", counts)
    check_costs.per_class("counts", counts)
    check.weights("counts", counts, counts.shape)
    examples = checked_weights(counts, upcast(floating(counts)).dtype)
    # Not `> 0`, for which a count of NaN would be an absent class.
    present = ~(examples <= 0)
    # -expm1(n log(beta)) is 1 - beta**n without cancellation for beta close to 1. In
    # Python's float64 where it can be: near 1 float32 has few digits of log(beta) left.
    log_beta: float | Array = -inf
    if isinstance(beta, Array):
        log_beta = jnp.log(beta.astype(examples.dtype))
    elif beta:
        log_beta = log(beta)
    effective = -jnp.expm1(jnp.where(present, examples, 1.0) * log_beta)
    weights = jnp.where(present, 1 / effective, 0.0)
    return ratio(weights * present.sum().astype(weights.dtype), weights.sum())

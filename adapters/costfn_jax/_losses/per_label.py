"""Losses of labels that may be there or not, each by itself, in JAX."""

from collections.abc import Callable
from functools import partial

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import DTypeLike

from .._foundation import check
from .._foundation.hidden import bad_label_sets, finished
from .._foundation.math import (
    is_floating,
    log1p,
    log_sigmoid,
    sigmoid,
    softplus,
    upcast,
)
from .._foundation.options import AT_LEAST_ZERO, Rule, number, typed
from .._foundation.types import Marks, Values

SHARE = Rule("in [0, 1]", lambda x: (x >= 0) & (x <= 1))
MARGIN = Rule("in [0, 1)", lambda x: (x >= 0) & (x < 1))
Loss = Callable[[Array], Array]


def sigmoid_focal_loss(
    logits: Values,
    target: Marks,
    *,
    alpha: float | Array | None = 0.25,
    gamma: float | Array = 2.0,
) -> Values:
    """Mirror of `costfn.sigmoid_focal_loss`: the same arguments, values and errors."""
    y, invalid = _marks(logits, target)
    z = upcast(logits)
    there, absent = _weights(alpha, logits)
    power = typed(number("gamma", gamma, AT_LEAST_ZERO), z.dtype)
    if is_floating(target):
        losses = there * _share(y, z, partial(_focused, power=power))
        losses = losses + absent * _share(1 - y, -z, partial(_focused, power=power))
    else:
        weight = jnp.where(y, there, absent).astype(z.dtype)
        losses = weight * _focused(jnp.where(y, z, -z), power=power)
    return _finished(losses, logits, invalid)


def asymmetric_loss(
    logits: Values,
    target: Marks,
    *,
    gamma_pos: float | Array = 0.0,
    gamma_neg: float | Array = 4.0,
    margin: float | Array = 0.05,
) -> Values:
    """Mirror of `costfn.asymmetric_loss`: the same arguments, values and errors."""
    y, invalid = _marks(logits, target)
    z = upcast(logits)
    power = typed(number("gamma_pos", gamma_pos, AT_LEAST_ZERO), z.dtype)
    shifted = partial(
        _shifted,
        power=typed(number("gamma_neg", gamma_neg, AT_LEAST_ZERO), z.dtype),
        shift=typed(number("margin", margin, MARGIN), z.dtype),
    )
    if is_floating(target):
        losses = _share(y, z, partial(_focused, power=power))
        losses = losses + _share(1 - y, z, shifted)
    else:
        # Of each label the half that it is in, or the other's infinity would come in.
        present = _focused(jnp.where(y, z, 0.0), power=power)
        losses = jnp.where(y, present, shifted(jnp.where(y, 0.0, z)))
    return _finished(losses, logits, invalid)


def _marks(logits: Array, target: Array) -> tuple[Array, Array | None]:
    """Whether each label is there, or how far; and which targets were neither.

    The second is None where the targets were seen, and so checked, already.
    """
    check.floating_point("logits", logits)
    check.label_sets(target, logits.shape, None)
    invalid = bad_label_sets(target)
    if is_floating(target):
        y = target.astype(upcast(logits).dtype)
        return (y if invalid is None else jnp.where(invalid, 0.0, y)), invalid
    return target == 1, invalid


def _finished(losses: Array, logits: Array, invalid: Array | None) -> Array:
    """The losses as they are returned, NaN where the target was invalid.

    There the logits take their place, since a loss may have the gradient 0.
    """
    if invalid is not None:
        losses = jnp.where(invalid, upcast(logits), losses)
    return finished(losses, logits, invalid)


def _weights(
    alpha: float | Array | None, logits: Array
) -> tuple[float | Array, float | Array]:
    """The weights of labels that are there, and of those that are not."""
    dtype: DTypeLike = upcast(logits).dtype
    if alpha is None:
        return 1.0, 1.0
    if not isinstance(alpha, Array) or alpha.size == 1:
        share = typed(number("alpha", alpha, SHARE), dtype)
        return share, 1 - share
    check.numbers("alpha", alpha)
    labels = logits.shape[-1:]
    if alpha.shape != labels:
        raise ValueError(
            f"alpha must be one number, or one for each label, shape {labels}, "
            f"got {alpha.shape}"
        )
    seen = check.readable_values(alpha)
    if seen is not None and not np.all(SHARE.holds(seen.astype(float))):
        raise ValueError(f"alpha must be {SHARE.words}, got {seen.tolist()}")
    shares = alpha.astype(dtype)
    shares = jnp.where(SHARE.holds(shares), shares, jnp.nan)
    return shares, 1 - shares


def _share(share: Array, logits: Array, loss: Loss) -> Array:
    """The loss times its share; 0 where the share is 0, also of a loss without end."""
    nothing = (share == 0) & jnp.isinf(logits)
    return share * loss(jnp.where(nothing, 0.0, logits))


def _focused(logits: Array, *, power: float | Array) -> Array:
    """`-(1 - p)**power log(p)`.

    Through log(1 - p), so that nothing cancels, and that the gradient stays finite for
    a power below 1, where (1 - p)**power has none at p = 1.
    """
    least = jnp.finfo(logits.dtype).min  # 0 times -inf is no number
    log_rest = jnp.maximum(log_sigmoid(-logits), least)
    return jnp.exp(power * log_rest) * softplus(-logits)


def _shifted(logits: Array, *, power: float | Array, shift: float | Array) -> Array:
    """`-p_m**power log(1 - p_m)` with `p_m = max(p - shift, 0)`."""
    above = sigmoid(logits) - shift
    none = above <= 0  # False of NaN, which goes on
    p = jnp.where(none, 0.5, above)
    # log(1 - p_m) from p_m where that is small, else from 1 - p and the shift, which do
    # not cancel; without a shift 1 - p underflows, but its logarithm does not.
    half = p <= 0.5
    rest = sigmoid(-logits) + shift
    gone = rest <= jnp.finfo(rest.dtype).tiny
    large = jnp.where(gone, log_sigmoid(-logits), jnp.log(jnp.where(gone, 1.0, rest)))
    log_rest = jnp.where(half, log1p(-jnp.where(half, p, 0.0)), large)
    losses = -jnp.exp(power * jnp.log(p)) * log_rest
    # 0, but NaN with its gradient where the power is.
    return jnp.where(none, 0.0 * power * jnp.abs(above), losses)

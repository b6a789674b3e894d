"""Optimal transport in JAX: mass moved from target to prediction at its cost."""

from functools import partial
from typing import get_args

import jax
import jax.numpy as jnp
from jax import Array
from jax.lax import fori_loop
from jax.nn import log_softmax, logsumexp, softmax
from jax.typing import DTypeLike

from .._foundation import check, check_costs
from .._foundation.counting import Scope, examples
from .._foundation.groups import mean_over_images, weight_of_images
from .._foundation.hidden import bad_target, checked_costs, finished
from .._foundation.math import cast_back, class_probs, ratio, sum_over, upcast
from .._foundation.options import ABOVE_ZERO, number, typed
from .._foundation.reduce import Reduction
from .._foundation.types import Logits, Losses, Probs, SquareCost, Target
from .cost_vector import select_costs


def sinkhorn_loss(
    logits: Logits,
    target_probs: Probs,
    cost: SquareCost,
    *,
    epsilon: float | Array,
    debias: bool = True,
    iterations: int = 50,
) -> Losses:
    """Mirror of `costfn.sinkhorn_loss`: the same arguments, values and errors."""
    check.scores("logits", logits)
    batch, classes = logits.shape[:-1], logits.shape[-1]
    check.probs("target_probs", target_probs, logits.shape)
    check_costs.cost_matrix(
        "cost", cost, classes=classes, decisions=classes, batch=batch
    )
    chosen = number("epsilon", epsilon, ABOVE_ZERO)
    if iterations < 1:
        raise ValueError(f"iterations must be at least 1, got {iterations}")
    z = upcast(logits)
    costs = checked_costs(cost, z.dtype)
    smoothing = typed(chosen, z.dtype)
    p, log_p = softmax(z), log_softmax(z)
    q, invalid = class_probs(target_probs, classes, z.dtype), None
    if (bad := bad_target(target_probs, classes)) is not None:
        # A row without mass has no plan, and a gradient of NaN even where masked.
        q, invalid = jnp.where(bad[..., None], 1 / classes, q), bad
    log_q = _log(q)

    def transport(a: Array, log_a: Array, b: Array, log_b: Array) -> Array:
        value: Array = _transport(a, log_a, b, log_b, costs, smoothing, iterations)
        return value

    losses = transport(q, log_q, p, log_p)
    if debias:
        of_itself = transport(q, log_q, q, log_q) + transport(p, log_p, p, log_p)
        losses = losses - of_itself / 2
    return finished(losses, logits, invalid)


def _log(q: Array) -> Array:
    # Finite for 0, and far below any mass: all -inf would make log-sum-exp NaN. What
    # rounding left below 0 counts as 0.
    never = float(jnp.finfo(q.dtype).min) / 4
    return jnp.where(q <= 0, never, jnp.log(jnp.where(q <= 0, 1.0, q)))


# A loop is compiled at every call, unless by `jit`, which keeps what it compiled.
@partial(jax.jit, static_argnames="iterations")
def _transport(
    a: Array,
    log_a: Array,
    b: Array,
    log_b: Array,
    cost: Array,
    epsilon: float | Array,
    iterations: int,
) -> Array:
    def step(_: int, potentials: tuple[Array, Array]) -> tuple[Array, Array]:
        g = potentials[1]
        to_columns = log_b[..., None, :] + (g[..., None, :] - cost) / epsilon
        f = -epsilon * logsumexp(to_columns, axis=-1)
        to_rows = log_a[..., None] + (f[..., None] - cost) / epsilon
        return f, -epsilon * logsumexp(to_rows, axis=-2)

    start = (jnp.zeros_like(a), jnp.zeros_like(b))
    potentials: tuple[Array, Array] = fori_loop(0, iterations, step, start)
    f, g = potentials
    # The dual value; after the last step the coupling has mass 1, so nothing is left.
    return (a * f).sum(-1) + (b * g).sum(-1)


def generalized_wasserstein_dice_loss(
    logits: Logits,
    target: Target,
    cost: SquareCost,
    *,
    background: int | None = 0,
    scope: Scope = "batch",
    sample_weight: Array | None = None,
    where: Array | None = None,
    reduction: Reduction = "mean",
) -> Array:
    """Mirror of `costfn.generalized_wasserstein_dice_loss`.

    The same arguments, values and errors.
    """
    check.scores("logits", logits)
    if where is not None:
        check.mask(where, logits.shape[:-1])
    check_costs.class_problem(logits, target, cost, non_negative=True, where=where)
    check_costs.zero_diagonal("cost", cost)
    classes = logits.shape[-1]
    if background is not None:
        check.one_of("background", background, range(classes))
    check.one_of("scope", scope, get_args(Scope))
    if scope == "example" and logits.ndim < 3:
        raise ValueError(
            "scope must be 'batch' unless logits have a batch axis of images and axes "
            f"of pixels, (images, ..., classes), got shape {logits.shape}"
        )
    check.one_of("reduction", reduction, get_args(Reduction))
    batch = logits.shape[:-1]
    of_image, sample_weight = weight_of_images(sample_weight, where, batch, scope)
    z = upcast(logits)
    if where is not None:
        # Before the softmax, whose gradient of a masked NaN would be NaN.
        z = jnp.where(where[..., None], z, 0.0)
    pairs = examples(
        z, target, "multiclass", classes, sample_weight, where, trusted=True
    )
    z, target, weight, _ = pairs
    distance = _distances(cost, z.dtype)
    row = select_costs(target, distance)
    wrong = (row * softmax(z)).sum(-1)
    right = 1 - wrong
    if background is not None:
        right = right * row[..., background]
    each = jnp.ones_like(wrong) if weight is None else weight.squeeze(-1)
    axes = tuple(range(int(scope == "example"), wrong.ndim))

    def add(values: Array) -> Array:
        return sum_over(each * values.astype(each.dtype), axes)

    errors, hits, total = add(wrong), add(right), add(jnp.ones_like(each))
    losses = ratio(errors, 2 * hits + errors)
    defined = jnp.zeros_like(total, dtype=bool)
    mean = mean_over_images(losses, total, defined, of_image, scope, reduction)
    return cast_back(mean, logits)


def _distances(cost: Array, dtype: DTypeLike) -> Array:
    """Costs relative to the largest; NaN where they could not be seen and are bad."""
    costs = checked_costs(cost, dtype, non_negative=True)
    if check.readable_values(cost) is None:
        own = costs.diagonal(axis1=-2, axis2=-1)
        costs = costs + jnp.where((own == 0).all(), 0.0, jnp.nan).astype(dtype)
    largest = costs.max((-2, -1), keepdims=True)
    return costs / jnp.where(largest > 0, largest, 1.0)

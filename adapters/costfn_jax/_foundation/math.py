"""The pieces of `costfn._foundation.math`, for JAX."""

import jax
import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient
from jax.nn import log_softmax, softmax
from jax.nn import sigmoid as plain_sigmoid
from jax.sharding import NamedSharding, PartitionSpec
from jax.typing import DTypeLike

from . import check


def upcast(values: Array) -> Array:
    """The values in float32 at least, where half precision would lose the sums."""
    return values if values.dtype.itemsize >= 4 else values.astype(jnp.float32)


def cast_back(values: Array, like: Array) -> Array:
    """The values in the type of `like`.

    What float16 cannot hold becomes its largest number, and keeps its gradient.
    """
    if like.dtype == jnp.float16:
        limit = float(jnp.finfo(jnp.float16).max)
        plain = stop_gradient(values)
        excess = plain - jnp.clip(plain, -limit, limit)
        values = values - jnp.where(jnp.isfinite(plain), excess, 0.0)
    return values.astype(like.dtype)


BLOCK = 1024


def sum_over(values: Array, axes: tuple[int, ...] | None = None) -> Array:
    """The sum over axes, of all where None, by blocks and then of the blocks' sums.

    One by one, millions of float32 numbers stop growing: at 2**24, of ones.
    """
    for axis in sorted(range(values.ndim) if axes is None else axes, reverse=True):
        # Where a mesh is explicit, an axis over devices is in blocks as it is.
        while (
            values.shape[axis] > BLOCK
            and jax.typeof(values).sharding.spec[axis] is None
        ):
            values = in_blocks(values, axis).sum(axis + 1)
        values = values.sum(axis)
    return values


def in_blocks(values: Array, axis: int) -> Array:
    """An axis as two, blocks and what is in each, filled up with 0."""
    size, shape = values.shape[axis], values.shape
    blocks = max(1, -(-size // BLOCK))
    each = -(-size // blocks)
    filling = [(0, 0)] * values.ndim
    filling[axis] = (0, blocks * each - size)
    filled = jnp.pad(values, filling) if filling[axis][1] else values
    return filled.reshape(*shape[:axis], blocks, each, *shape[axis + 1 :])


def flushed(sums: Array, total: Array) -> Array:
    """Sums over examples, 0 where their share of the total is too small.

    One over it, on the way back to the examples, would overflow. The gradient of the
    sum itself stays.
    """
    plain = stop_gradient(sums)
    dust = plain <= 4 * float(jnp.finfo(sums.dtype).tiny) * stop_gradient(total)
    return sums - jnp.where(dust, plain, 0.0)


def sum_of_others(values: Array) -> Array:
    """For each entry of the last axis the sum of all the others."""
    none = jnp.zeros_like(values[..., :1])
    before = jnp.concatenate([none, values[..., :-1].cumsum(-1)], -1)
    after = jnp.concatenate(
        [jnp.flip(jnp.flip(values[..., 1:], -1).cumsum(-1), -1), none], -1
    )
    return before + after


def is_floating(values: Array) -> bool:
    """Whether the values have a floating-point dtype."""
    return bool(jnp.issubdtype(values.dtype, jnp.floating))


def floating(values: Array) -> Array:
    """Integers in JAX's default dtype; floating-point values as they are."""
    return values if is_floating(values) else values.astype(jnp.result_type(float))


def number(value: float | Array, dtype: DTypeLike) -> float | Array:
    """An option that mixes with arrays of a dtype: an array would promote them."""
    # A float64 of NumPy is a float, but not a weakly typed one.
    return float(value) if isinstance(value, int | float) else jnp.asarray(value, dtype)


def small(denominator: Array) -> Array:
    """Whether a denominator is 0, or so small that its inverse would overflow."""
    return jnp.abs(denominator) <= 4 * float(jnp.finfo(denominator.dtype).tiny)


def ratio(
    numerator: Array, denominator: Array, otherwise: float | Array = 0.0
) -> Array:
    """The quotient, or `otherwise` with gradient 0 where the denominator is 0.

    Or so small that its inverse would overflow. NaN stays NaN.
    """
    none = small(denominator)
    # Twice where: the quotient that is not taken must be safe in the gradient too.
    safe = jnp.where(none, 1.0, denominator)
    # Scaled to a denominator of 1: its square, in the gradient, would vanish early.
    scale = 1 / stop_gradient(safe)
    return jnp.where(none, otherwise, numerator * scale / (safe * scale))


def softplus(x: Array) -> Array:
    """log(1 + exp(x)), accurate in its derivatives of every order on both sides."""
    positive = x > 0
    small_side = jnp.where(positive, -x, x)
    return jnp.where(positive, x, 0.0) + jnp.log1p(jnp.exp(small_side))


def relu(x: Array) -> Array:
    """max(0, x), with NaN in the gradient too where `x` is."""
    return jnp.where(x <= 0, 0.0, x) * jnp.where(jnp.isnan(x), jnp.nan, 1.0)


def log1p(x: Array) -> Array:
    """log(1 + x) above -1/2, where XLA's in float64 is off by 100 eps near -0.4."""
    if x.dtype != jnp.float64:
        return jnp.log1p(x)
    return jnp.where(x < -0.25, jnp.log(1 + x), jnp.log1p(jnp.where(x < -0.25, 0.0, x)))


def log_sigmoid(x: Array) -> Array:
    """log(1 / (1 + exp(-x)))."""
    return -softplus(-x)


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), from its small side."""
    return jnp.where(x > 0, 1 - plain_sigmoid(-x), plain_sigmoid(x))


def centered(logits: Array) -> Array:
    """The logits less the largest, which changes no loss of their softmax.

    A log-sum-exp of logits near 3e4 is rounded to 2e-3 in float32.
    """
    return logits - stop_gradient(logits).max(-1, keepdims=True)


def never(dtype: DTypeLike) -> float:
    """A logit of the impossible that can be computed with: -inf less -inf is NaN."""
    return float(jnp.finfo(dtype).min) / 2**20


def log_odds(logits: Array, labels: Array) -> Array:
    """Log odds of the labelled class, log(p / (1 - p)) with p its softmax probability.

    It keeps full relative precision as p nears 0 or 1, where 1 - p would not.
    """
    return _log_odds(logits, is_label(labels, logits.shape[-1]))


def _log_odds(logits: Array, hot: Array) -> Array:
    """Of the class that `hot` points at, against the log-sum-exp of the others.

    Classes masked out by -inf count as impossible. Where nothing else is left the value
    is finite, since the gradient of a log-sum-exp of nothing but -inf is NaN.
    """
    least = never(logits.dtype)
    rest = jnp.where(hot, least, logits)
    # Less the largest of the others: a log-sum-exp near 3e4 is rounded to 2e-3.
    largest = jnp.maximum(stop_gradient(rest).max(-1, keepdims=True), least)
    of_others = jnp.log(jnp.exp(rest - largest).sum(-1))
    return jnp.where(hot, logits, 0.0).sum(-1) - largest.squeeze(-1) - of_others


def log_complement(logits: Array) -> Array:
    """log(1 - p) for each class, with p the softmax, at full relative precision.

    A class of more than 1/2 is taken through the others' log-sum-exp; for the rest
    log1p is safe. `log(1 - softmax)` is -inf in float32 from a gap of 17.
    """
    p = softmax(logits)
    top = p > 0.5
    of_top = log_sigmoid(-_log_odds(logits, top))[..., None]
    return jnp.where(top, of_top, log1p(jnp.where(top, 0.0, -p)))


def mean_over_classes(q: Array, values: Array) -> Array:
    """`sum_k q_k values_k`, where what is impossible (0 times infinity) counts as 0."""
    impossible = (q == 0) & jnp.isinf(values)
    return (q * jnp.where(impossible, 0.0, values)).sum(-1)


def cross_entropy(logits: Array, target: Array) -> Array:
    """Cross entropy of each example, in nats, with labels or class probabilities."""
    if not is_floating(target):
        return softplus(-log_odds(logits, target))
    q = class_probs(target, logits.shape[-1], logits.dtype)
    return -mean_over_classes(q, log_softmax(logits))


def rows_times_matrix(rows: Array, matrix: Array) -> Array:
    """Rows `(*batch, K)` times a matrix `(K, D)` or one per example, `(*batch, K, D)`.

    In full precision: on accelerators JAX would round the factors.
    """
    if matrix.ndim == 2:
        return jnp.matmul(rows, matrix, precision="highest")
    return jnp.matmul(rows[..., None, :], matrix, precision="highest").squeeze(-2)


def wide_labels(labels: Array) -> Array:
    """Labels in a type that holds every number of classes, and that JAX compares."""
    return labels if labels.dtype.itemsize >= 4 else labels.astype(jnp.int32)


def out_of_range(labels: Array, classes: int) -> Array:
    """Which labels are not in `[0, classes)`."""
    wide = wide_labels(labels)
    return (wide < 0) | (wide >= classes)


def safe_labels(labels: Array, classes: int) -> Array:
    """Labels as an index: int32, 0 in place of those out of range.

    JAX would wrap, clamp or fill them.
    """
    if check.readable_values(labels) is not None:
        return labels.astype(jnp.int32)
    wide = wide_labels(labels)
    return jnp.where(out_of_range(wide, classes), 0, wide).astype(jnp.int32)


def is_class(index: Array, classes: int) -> Array:
    """Where on a new last axis each index points."""
    return index[..., None] == jnp.arange(classes, dtype=index.dtype)


def is_label(labels: Array, classes: int) -> Array:
    """Where on a new last axis each label points, class 0 for those out of range."""
    return is_class(safe_labels(labels, classes), classes)


def one_hot(labels: Array, classes: int, dtype: DTypeLike) -> Array:
    """Labels as probabilities `(*batch, classes)`, class 0 for those out of range."""
    return is_label(labels, classes).astype(dtype)


def class_probs(target: Array, classes: int, dtype: DTypeLike) -> Array:
    """The target as probabilities `(*batch, classes)`.

    Rows that are none and could not be seen are even, so that NaN in what a mask leaves
    out stays out of the gradient.
    """
    if not is_floating(target):
        return one_hot(target, classes, dtype)
    q = target.astype(dtype)
    if check.readable_values(target) is not None:
        return q
    return jnp.where(check.are_probs(target)[..., None], q, 1 / classes)


def rows(matrix: Array, index: Array) -> Array:
    """The rows of a matrix at these indices, placed on devices as the indices are."""
    # Where a mesh is explicit, JAX asks how to place what it gathers.
    placed = jax.typeof(index).sharding
    out = NamedSharding(placed.mesh, PartitionSpec(*placed.spec, None))
    return matrix.at[index].get(out_sharding=out)

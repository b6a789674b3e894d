"""The pieces of `costfn._math`, for JAX."""

from math import sqrt

import jax
import jax.numpy as jnp
from jax import Array
from jax.nn import log_softmax, logsumexp, softmax
from jax.nn import sigmoid as plain_sigmoid
from jax.sharding import NamedSharding, PartitionSpec
from jax.typing import DTypeLike

from . import _check


def upcast(values: Array) -> Array:
    """The values in float32 at least, where half precision would lose the sums."""
    return values if values.dtype.itemsize >= 4 else values.astype(jnp.float32)


def others(values: Array) -> Array:
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
    """Whether a denominator is 0, or so small that a gradient would overflow."""
    tiny = float(jnp.finfo(denominator.dtype).tiny)
    return jnp.abs(denominator) <= sqrt(tiny)


def ratio(numerator: Array, denominator: Array, otherwise: float = 0.0) -> Array:
    """The quotient, or `otherwise` with gradient 0 where the denominator is 0.

    Or so small that the quotient's gradient would overflow. NaN stays NaN.
    """
    none = small(denominator)
    # Twice where: the quotient that is not taken must be safe in the gradient too.
    return jnp.where(none, otherwise, numerator / jnp.where(none, 1.0, denominator))


def softplus(x: Array) -> Array:
    """log(1 + exp(x)), accurate in its derivatives of every order on both sides."""
    positive = x > 0
    small_side = jnp.where(positive, -x, x)
    return jnp.where(positive, x, 0.0) + jnp.log1p(jnp.exp(small_side))


def relu(x: Array) -> Array:
    """max(0, x), with NaN in the gradient too where `x` is."""
    return poisoned(jnp.where(x <= 0, 0.0, x), jnp.isnan(x))


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


def one_hot(labels: Array, classes: int, dtype: DTypeLike) -> Array:
    """Labels as probabilities `(*batch, classes)`; a bad label gives a row of NaN."""
    index, invalid = safe_labels(labels, classes)
    hot = is_class(index, classes).astype(dtype)
    return hot if invalid is None else jnp.where(invalid[..., None], jnp.nan, hot)


def is_class(index: Array, classes: int) -> Array:
    """Where on a new last axis each index points."""
    return index[..., None] == jnp.arange(classes, dtype=index.dtype)


def rows(matrix: Array, index: Array) -> Array:
    """The rows of a matrix at these indices, placed on devices as the indices are."""
    # Where a mesh is explicit, JAX asks how to place what it gathers.
    placed = jax.typeof(index).sharding
    out = NamedSharding(placed.mesh, PartitionSpec(*placed.spec, None))
    return matrix.at[index].get(out_sharding=out)


def safe_labels(labels: Array, classes: int) -> tuple[Array, Array | None]:
    """Labels that can be used as an index, and which of them were out of range.

    The second is None where the labels were seen, and so checked, already. JAX would
    wrap, clamp or fill the others.
    """
    # Narrow ones could not even be compared with a larger number of classes.
    wide = labels if labels.dtype.itemsize >= 4 else labels.astype(jnp.int32)
    if _check.visible(labels) is not None:
        return wide.astype(jnp.int32), None
    invalid = (wide < 0) | (wide >= classes)
    return jnp.where(invalid, 0, wide).astype(jnp.int32), invalid


def poisoned(values: Array, invalid: Array | None) -> Array:
    """The values, NaN where invalid, in value and in gradient.

    By a product: `where` would make the gradient of the invalid ones 0, and hide them.
    """
    if invalid is None:
        return values
    return values * jnp.where(invalid, jnp.nan, jnp.ones_like(values))


def class_probs(target: Array, classes: int, dtype: DTypeLike) -> Array:
    """The target as probabilities `(*batch, classes)`; NaN rows where it is neither."""
    if not is_floating(target):
        return one_hot(target, classes, dtype)
    q = target.astype(dtype)
    if _check.visible(target) is not None:
        return q
    return poisoned(q, ~_check.are_probs(target)[..., None])


def non_negative(values: Array) -> Array:
    """The values, with NaN for negative ones that could not be seen and refused."""
    if _check.visible(values) is not None or not is_floating(values):
        return values
    return jnp.where(values < 0, jnp.nan, values)


def log_odds(logits: Array, labels: Array) -> Array:
    """Log odds of the labelled class, log(p / (1 - p)) with p its softmax probability.

    It keeps full relative precision as p nears 0 or 1, where 1 - p would not.
    """
    classes = logits.shape[-1]
    index, invalid = safe_labels(labels, classes)
    hot = is_class(index, classes)
    labelled = jnp.where(hot, logits, 0.0).sum(-1)
    others = logsumexp(jnp.where(hot, -jnp.inf, logits), axis=-1)
    return poisoned(labelled - others, invalid)


def log_complement(logits: Array) -> Array:
    """log(1 - p) for each class, with p the softmax, at full relative precision.

    A class of more than 1/2 is taken through the others' log-sum-exp; for the rest
    log1p is safe. `log(1 - softmax)` is -inf in float32 from a gap of 17.
    """
    p = softmax(logits)
    top = p > 0.5
    others = logsumexp(jnp.where(top, -jnp.inf, logits), axis=-1, keepdims=True)
    of_top = log_sigmoid(others - jnp.where(top, logits, 0.0).sum(-1, keepdims=True))
    return jnp.where(top, of_top, log1p(jnp.where(top, 0.0, -p)))


def cross_entropy(logits: Array, target: Array) -> Array:
    """Cross entropy of each example, in nats, with labels or class probabilities."""
    if not is_floating(target):
        return -log_sigmoid(log_odds(logits, target))
    q = class_probs(target, logits.shape[-1], logits.dtype)
    return -(q * log_softmax(logits)).sum(-1)


def times(rows: Array, matrix: Array) -> Array:
    """Rows `(*batch, K)` times a matrix `(K, D)` or one per example, `(*batch, K, D)`.

    In full precision: on accelerators JAX would round the factors.
    """
    if matrix.ndim == 2:
        return jnp.matmul(rows, matrix, precision="highest")
    return jnp.matmul(rows[..., None, :], matrix, precision="highest").squeeze(-2)

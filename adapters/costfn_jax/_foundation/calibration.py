"""One temperature for all logits, that makes their softmax frequencies, in JAX."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.lax import fori_loop, stop_gradient
from jax.nn import softmax

from . import check
from .arrays import ArrayLike, as_array
from .hidden import poisoned
from .math import is_class, out_of_range, safe_labels
from .types import Labels, Logits


def calibrate_temperature(
    logits: Logits | ArrayLike, labels: Labels | ArrayLike
) -> Array:
    """Mirror of `costfn.decisions.calibrate_temperature`.

    The same arguments, values and errors, in JAX's default floating dtype inside.
    """
    logits, labels = as_array("logits", logits), as_array("labels", labels)
    check.scores("logits", logits)
    classes = logits.shape[-1]
    check.labels("labels", labels, logits.shape[:-1], classes)
    if not labels.size:
        raise ValueError("labels must hold at least one example, got none")
    z = stop_gradient(logits).astype(jnp.result_type(float))
    hot = is_class(safe_labels(labels, classes), classes)
    # Not as a sum, which an infinite logit of another class would spoil.
    labelled = jnp.where(hot, z, -jnp.inf).max(-1, keepdims=True)
    broken = (jnp.isnan(z) | (z == jnp.inf)).any(-1)
    masked_out = labelled[..., 0] == -jnp.inf
    _refuse(broken, "logits", "finite, or -inf for a class masked out, got NaN or inf")
    _refuse(masked_out, "labels", "of classes not masked out, got one of logit -inf")
    bad = broken | masked_out | out_of_range(labels, classes)
    # Logits minus that of the label: the derivative is then one mean without
    # cancellation.
    gaps = jnp.where(z == -jnp.inf, 0.0, z - labelled)
    temperature: Array = _fitting_temperature(z, gaps)
    return poisoned(temperature, bad.any()).astype(logits.dtype)


def _refuse(wrong: Array, name: str, rule: str) -> None:
    seen = check.readable_values(wrong)
    if seen is not None and seen.any():
        raise ValueError(f"{name} must be {rule}")


# A loop is compiled at every call, unless by `jit`, which keeps what it compiled.
@jax.jit
def _fitting_temperature(z: Array, gaps: Array) -> Array:
    from_top = z - z.max(-1, keepdims=True)

    def halve(_: Any, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = (low + high) / 2
        # The derivative as one mean: two that nearly cancel would need float64.
        too_sharp = (softmax(from_top * 10**middle) * gaps).sum(-1).mean() > 0
        return jnp.where(too_sharp, low, middle), jnp.where(too_sharp, middle, high)

    ends = jnp.asarray(-3.0, z.dtype), jnp.asarray(3.0, z.dtype)
    low, high = fori_loop(0, 60, halve, ends)  # log10 of the inverse
    return jnp.where((gaps == 0).all(), 1.0, 10 ** -((low + high) / 2))

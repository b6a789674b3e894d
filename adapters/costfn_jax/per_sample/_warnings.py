"""Warnings at the user's line, and what to change in a model that `vmap` cannot run."""

import sys
import warnings

import jax


class SlowWarning(UserWarning):
    """Mirror of `costfn.per_sample.SlowWarning`."""


def warn(text: str) -> None:
    """Warns at the user's line, which called this package."""
    level = 1
    inside = (__package__, "jax.", "contextlib")
    while sys._getframe(level).f_globals["__name__"].startswith(inside):
        level += 1
    warnings.warn(text, SlowWarning, stacklevel=level + 1)


def warn_slow(failure: Exception) -> None:
    """Warns that the model runs on one sample after the other, and says why."""
    text = str(failure).strip()
    why = (text.splitlines() or [type(failure).__name__])[0]
    if isinstance(failure, _NEEDS_VALUES):
        why = _VALUES
    elif "vmap_method" in text:
        why = _CALLBACK
    warn(
        "the model runs on one sample after the other, which is slow, because jax.vmap "
        f"cannot run it: {why}"
    )


_NEEDS_VALUES = (
    jax.errors.ConcretizationTypeError,
    jax.errors.NonConcreteBooleanIndexError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
)
_VALUES = (
    "model and loss must not branch on the values of a sample (if, float(), boolean "
    "indices, NumPy); use jnp.where, jax.lax.cond and jax.numpy"
)
_CALLBACK = (
    "model must say how jax.pure_callback maps over samples: give it a vmap_method, "
    "such as 'sequential'"
)

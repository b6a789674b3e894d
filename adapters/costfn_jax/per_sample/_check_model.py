"""Checks on a few samples whether a model treats each sample alone."""

from typing import Any
from weakref import WeakKeyDictionary

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ._gradient_problem import GradientProblem, has_samples, some
from ._warnings import warn

_CHECKED = 4  # samples


# What mixes samples in each model, in words. An entry goes with its model.
_KNOWN: WeakKeyDictionary[Any, str] = WeakKeyDictionary()


def warn_if_mixed(problem: GradientProblem) -> None:
    """Warns of a model that mixes samples, where each of them is a batch of one anyway.

    A model is compared on its first call. The result of the call does not depend on it,
    so nothing that goes wrong here matters.
    """
    if problem.mode.warned or problem.size < 2 or problem.hides_values:
        return
    try:
        found = _KNOWN.get(problem.model)
        if found is None:
            found = _KNOWN[problem.model] = mixes(problem)
    except Exception:  # also if a model cannot be a key
        return
    if found:
        problem.mode.warned = True
        warn(
            f"model must treat each sample alone, got {found}; here each sample is a "
            "batch of one, which may differ from training"
        )


def mixes(problem: GradientProblem) -> str:
    """What in a model mixes samples, in words; empty if nothing does.

    Predictions of a batch are compared with those of its first and last sample alone.
    """
    if problem.hides_values:
        return ""
    x = some(problem.x, spread(problem.size, _CHECKED))
    size = min(problem.size, _CHECKED)
    joint = problem.model(problem.parameters, x)
    for i in sorted({0, size - 1}):
        single = problem.model(problem.parameters, some(x, slice(i, i + 1)))
        pairs = zip(
            jax.tree_util.tree_leaves_with_path(joint),
            jax.tree.leaves(single),
            strict=True,
        )
        for (path, together), apart in pairs:
            rows = has_samples(together) and len(together) == size
            difference = _difference(together[i : i + 1], apart) if rows else 0.0
            if difference:
                return (
                    f"predictions{jax.tree_util.keystr(path)} that change by "
                    f"{difference:.2g} of the largest one if other samples are in the "
                    "batch"
                )
    return ""


def _difference(together: Array, apart: Array) -> float:
    """The largest difference relative to the largest value; 0 if it may be rounding."""
    if not jnp.issubdtype(apart.dtype, jnp.inexact):
        return 0.0
    allowed = max(float(jnp.finfo(apart.dtype).eps) ** 0.5, 1e-6)
    ours, theirs = (np.asarray(v).astype(complex) for v in (together, apart))
    gap = np.where((ours == theirs) | (np.isnan(ours) & np.isnan(theirs)), 0, 1)
    gap = np.where(gap, abs(ours - theirs), 0.0)
    largest = np.max(np.where(np.isfinite(theirs), abs(theirs), 0.0), initial=0.0)
    furthest = np.max(np.nan_to_num(gap, nan=np.inf), initial=0.0)
    return float(furthest / largest) if furthest > allowed * largest > 0 else 0.0


def spread(size: int, number: int) -> Any:
    """Indices from the first to the last sample, evenly spaced."""
    return np.unique(np.linspace(0, size - 1, min(size, number)).round().astype(int))

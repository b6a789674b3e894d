"""Checks on a few samples whether a model treats each sample alone."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ._gradient_problem import GradientProblem, some

_CHECKED = 4  # samples


def check_model(problem: GradientProblem) -> None:
    """Refuses a model whose predictions depend on the other samples of the batch."""
    if problem.hides_values:
        return
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
            difference = _difference(together[i : i + 1], apart)
            if difference:
                raise ValueError(
                    "model must treat each sample alone, got predictions"
                    f"{jax.tree_util.keystr(path)} that change by {difference:.2g} of "
                    "the largest one if other samples are in the batch: contributions "
                    "to a loss of the batch would not add up to its gradient"
                )


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

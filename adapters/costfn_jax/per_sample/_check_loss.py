"""Checks on a few samples that a loss is one of each sample, and has a gradient."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from .._foundation import check
from ._check_gradient import check_gradient
from ._check_model import spread
from ._gradient_problem import GradientProblem, as_tuple, has_samples, some

# How many samples to check, from all over the batch, and from how many classes to add
# one sample: a weighted mean shows only if classes of different weight are there.
_CHECKED = 8


def check_loss(problem: GradientProblem) -> None:
    """Checks that a loss is one of each sample, and that it has a gradient."""
    if problem.hides_values:
        return
    rows = _rows_to_check(problem)
    x, y = some((problem.x, problem.y), rows)
    few = problem._replace(x=x, y=y, size=len(rows), chunk_size=None)
    z, targets = few.predictions(), as_tuple(y)
    value = problem.loss(z, *targets)
    check.array("loss", value)
    if value.ndim and len(value) != few.size:
        raise ValueError(
            "loss must return one number, or one per sample, got the shape "
            f"{value.shape} for {few.size} samples"
        )
    if not value.ndim:
        of_each = few._replace(model=lambda _, z: z, x=z, parameters=())
        _check_sum(value, of_each.losses(()), y)
    check_gradient(problem.loss, z, targets)


def _rows_to_check(problem: GradientProblem) -> Any:
    """Samples from all over the batch, and one sample of each of a few classes."""
    rows = spread(problem.size, _CHECKED)
    first = next(filter(has_samples, jax.tree.leaves(problem.y)), None)
    if first is None or first.ndim != 1 or not jnp.issubdtype(first.dtype, jnp.integer):
        return rows
    _, places = np.unique(np.asarray(first), return_index=True)
    return np.union1d(rows, places[spread(len(places), _CHECKED)])


def _check_sum(value: Array, singles: Array, y: Any) -> None:
    seen, each = check.readable_values(value), check.readable_values(singles)
    if seen is None or each is None or not np.isfinite(seen):
        return
    precision = float(jnp.finfo(value.dtype).eps)
    if _adds_up(float(seen), each.astype(float), precision, y):
        return
    raise ValueError(
        "loss must be the mean or the sum of the losses of the samples, got "
        f"{seen.item():.6g} for {len(each)} samples together, and for each alone "
        f"{[round(v, 4) for v in each.tolist()]}; if it is a loss of the batch, such "
        "as F1 or MCC, use costfn_jax.per_sample.contributions; if it is a weighted "
        "mean, return one loss per sample"
    )


def _adds_up(value: float, singles: Any, precision: float, y: Any) -> bool:
    """Whether a loss is the sum or mean of the samples' losses.

    It may also be their mean over all entries, such as tokens, that are not ignored.
    """
    # A sample whose entries are all ignored has a mean of nothing, which is NaN.
    finite = singles[np.isfinite(singles)]
    if not len(finite):
        return False
    near = 1000 * precision * abs(finite).max()
    zeroed = np.where(np.isfinite(singles), singles, 0.0)
    means = [
        (zeroed * counts).sum() / counts.sum()
        for counts in _possible_counts(y)
        if len(counts) == len(singles) and counts.sum() > 0
    ]
    return any(abs(value - v) <= near for v in (finite.mean(), finite.sum(), *means))


def _possible_counts(y: Any) -> Iterator[Any]:
    """How many entries of each sample may count, by ignored labels and by masks."""
    for target in filter(has_samples, jax.tree.leaves(y)):
        seen = np.asarray(target)
        if seen.ndim < 2 or np.iscomplexobj(seen):
            continue
        # If a loss predicts the next token, there is no prediction of the first.
        for places in (seen, seen[:, 1:]):
            rows = places.reshape(len(places), -1)
            if rows.dtype == bool or jnp.issubdtype(rows.dtype, jnp.floating):
                yield rows.astype(float).sum(1)
            else:
                for label in (-100, -1, 0):
                    yield (rows != label).sum(1)

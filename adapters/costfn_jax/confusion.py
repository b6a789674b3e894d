"""Counting, in JAX: soft or hard decisions against targets, into a small table."""

from collections.abc import Callable
from typing import get_args

import jax.numpy as jnp
from jax import Array

from . import _check
from ._arrays import ArrayLike, as_array, as_arrays
from ._counting import (
    Scope,
    Task,
    check_scope,
    examples,
    matrices,
    tables,
)
from ._counts import Counts
from ._hidden import bad_target
from ._math import floating, is_floating, one_hot, others, upcast
from ._types import AnyTarget, ConfusionMatrix, Decisions, Target

__all__ = ["Counts", "Scope", "Task", "confusion_matrix", "counts", "one_vs_rest"]

SumCounts = Callable[[Counts], Counts]


def counts(
    decisions: Decisions | ArrayLike,
    target: AnyTarget | ArrayLike,
    *,
    task: Task = "multiclass",
    classes: int | None = None,
    scope: Scope = "batch",
    sample_weight: Array | ArrayLike | None = None,
    where: Array | ArrayLike | None = None,
) -> Counts:
    """Mirror of `costfn.counts`: the same arguments, values and errors.

    In the decisions' dtype, float32 at least; hard ones are counted in JAX's default.
    """
    _check.one_of("task", task, get_args(Task))
    _check.one_of("scope", scope, get_args(Scope))
    decided, y, weight, keep = as_arrays(
        decisions=decisions, target=target, sample_weight=sample_weight, where=where
    )
    a = _memberships(decided, task, classes, keep)
    check_scope(scope, a.shape if task == "binary" else a.shape[:-1])
    found = examples(a, y, task, a.shape[-1] if a.ndim else 1, weight, keep)
    return tables(found, task, scope)


def confusion_matrix(
    decisions: Decisions | ArrayLike,
    target: Target | ArrayLike,
    *,
    classes: int | None = None,
    sample_weight: Array | ArrayLike | None = None,
    where: Array | ArrayLike | None = None,
) -> ConfusionMatrix:
    """Mirror of `costfn.confusion_matrix`: the same arguments, values and errors.

    In the decisions' dtype, float32 at least; hard ones are counted in JAX's default.
    """
    decided, y, weight, keep = as_arrays(
        decisions=decisions, target=target, sample_weight=sample_weight, where=where
    )
    a = _memberships(decided, "multiclass", classes, keep)
    width = classes or a.shape[-1]
    found = examples(a, y, "multiclass", width, weight, keep)
    return matrices(found, width, "batch")


def one_vs_rest(matrix: ConfusionMatrix | ArrayLike) -> Counts:
    """Mirror of `costfn.confusion.one_vs_rest`: the same arguments, values and errors.

    Integers become JAX's default floating-point dtype.
    """
    matrix = as_array("matrix", matrix)
    _check.numbers("matrix", matrix)
    if matrix.ndim < 2 or matrix.shape[-1] != matrix.shape[-2]:
        raise ValueError(
            "matrix must be square, a row per true class and a column per decision, "
            f"got shape {matrix.shape}"
        )
    m = floating(matrix)
    right = m.diagonal(axis1=-2, axis2=-1)
    # Sums of what is off the diagonal, not differences, which would leave rounding.
    wrong = jnp.where(jnp.eye(m.shape[-1], dtype=bool), 0.0, m)
    # Of each truth what is not decided for a class; then without the class itself.
    rest = jnp.where(jnp.eye(m.shape[-1], dtype=bool), 0.0, others(m))
    actual = m.sum(-1)
    return Counts(
        true_positive=right,
        predicted=m.sum(-2),
        actual=actual,
        # In this order it is exactly that of the only class there is.
        total=actual.sum(-1),
        false_negative=wrong.sum(-1),
        true_negative=rest.sum(-2),
    )


def _memberships(
    decisions: Array, task: Task, classes: int | None, where: Array | None
) -> Array:
    _check.array("decisions", decisions)
    if is_floating(decisions):
        return upcast(decisions)
    if task != "multiclass":
        return floating(decisions)
    if classes is None:
        raise ValueError(
            "classes must be given where decisions are labels, got None; it is the "
            "number of classes, which labels alone do not tell"
        )
    _check.labels("decisions", decisions, decisions.shape, classes, where)
    hot = one_hot(decisions, classes, jnp.result_type(float))
    bad = bad_target(decisions, classes)
    return hot if bad is None else jnp.where(bad[..., None], jnp.nan, hot)

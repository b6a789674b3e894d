"""Counting, in JAX: soft or hard decisions against targets, into a small table."""

from typing import get_args

import jax.numpy as jnp
from jax import Array

from ._foundation import check
from ._foundation.arrays import ArrayLike, as_arrays
from ._foundation.counting import Scope, Task, check_scope, examples, matrices, tables
from ._foundation.counts import Counts, one_vs_rest
from ._foundation.hidden import bad_target
from ._foundation.math import floating, is_floating, one_hot, upcast
from ._foundation.types import AnyTarget, ConfusionMatrix, Decisions, Target

__all__ = ["Counts", "Scope", "Task", "confusion_matrix", "counts", "one_vs_rest"]


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
    check.one_of("task", task, get_args(Task))
    check.one_of("scope", scope, get_args(Scope))
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


def _memberships(
    decisions: Array, task: Task, classes: int | None, where: Array | None
) -> Array:
    check.array("decisions", decisions)
    if is_floating(decisions):
        return upcast(decisions)
    if task != "multiclass":
        return floating(decisions)
    if classes is None:
        raise ValueError(
            "classes must be given where decisions are labels, got None; it is the "
            "number of classes, which labels alone do not tell"
        )
    check.labels("decisions", decisions, decisions.shape, classes, where)
    hot = one_hot(decisions, classes, jnp.result_type(float))
    bad = bad_target(decisions, classes)
    return hot if bad is None else jnp.where(bad[..., None], jnp.nan, hot)

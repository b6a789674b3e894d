"""What every loss of a metric does, in JAX: relax the logits, count, measure."""

from collections.abc import Callable
from typing import Any, Literal, TypedDict, get_args

import jax.numpy as jnp
from jax import Array

from .._foundation import check
from .._foundation.counting import (
    Examples,
    Scope,
    Task,
    check_scope,
    examples,
    in_two_columns,
    matrices,
    tables,
)
from .._foundation.counts import Counts
from .._foundation.groups import mean_over_images, weight_of, weight_of_images
from .._foundation.math import cast_back, upcast
from .._foundation.reduce import Reduction
from .._foundation.soft_decisions import Relaxation, SoftDecision, Softmax

TableKind = Literal["counts", "matrix"]
Table = Counts | Array
Metric = Callable[..., Array]


class Counting(TypedDict, total=False):
    """How a batch loss counts; see `costfn.metric_loss`.

    `sum_counts=lambda c: jax.lax.psum(c, axis)` counts over all devices.
    """

    relaxation: Relaxation | None
    task: Task
    scope: Scope
    sample_weight: Array | None
    where: Array | None
    sum_counts: Callable[..., Counts | Array] | None
    reduction: Reduction


def one_minus(
    logits: Array,
    target: Array,
    counting: Counting,
    metric: Metric,
    of: TableKind = "counts",
    **options: Any,
) -> Array:
    """`1 - metric` of the batch, 0 where the metric is undefined."""
    return batch_loss(
        lambda table: 1 - metric(table, **options),
        of,
        logits,
        target,
        may_be_nan=any_array(*options.values()),
        **counting,
    )


def any_array(*options: object) -> bool:
    """Whether an option is an array, which is NaN if a bad value cannot be read."""
    return any(isinstance(value, Array) for value in options)


def batch_loss(
    measure: Metric,
    of: TableKind,
    logits: Array,
    target: Array,
    *,
    relaxation: Relaxation | None = None,
    task: Task = "multiclass",
    scope: Scope = "batch",
    sample_weight: Array | None = None,
    where: Array | None = None,
    sum_counts: Callable[..., Counts | Array] | None = None,
    reduction: Reduction = "mean",
    undefined_is_nan: bool = True,
    may_be_nan: bool = False,
) -> Array:
    """A measure of the batch's counts; smaller is better, and NaN means undefined.

    NaN of two kinds is passed on instead. `undefined_is_nan=False`: the measure is
    never undefined, and NaN comes from a cost. `may_be_nan`: an option may be out of
    range, which could not be read and has become NaN.
    """
    check.one_of("task", task, get_args(Task))
    check.one_of("scope", scope, get_args(Scope))
    check.one_of("reduction", reduction, get_args(Reduction))
    for name, value in (("relaxation", relaxation), ("sum_counts", sum_counts)):
        if value is not None and not callable(value):
            raise TypeError(
                f"{name} must be a function or None, got {type(value).__name__}"
            )
    decisions = _decisions(logits, task, where, relaxation)
    batch = decisions.shape if task == "binary" else decisions.shape[:-1]
    check_scope(scope, batch)
    of_image, sample_weight = weight_of_images(sample_weight, where, batch, scope)
    classes = decisions.shape[-1] if decisions.ndim else 1
    trusted = relaxation is None or isinstance(relaxation, SoftDecision)
    found = examples(
        decisions, target, task, classes, sample_weight, where, trusted=trusted
    )
    table = _table(found, of, task, scope)
    table = table if sum_counts is None else sum_counts(table)
    total, known = weight_of(table)
    known = known & undefined_is_nan
    if may_be_nan:
        known = known & ~jnp.isnan(measure(_all_defined(table))).any()
    losses = mean_over_images(measure(table), total, known, of_image, scope, reduction)
    return cast_back(losses, logits)


def _decisions(
    logits: Array, task: Task, where: Array | None, relaxation: Relaxation | None
) -> Array:
    if task == "multiclass":
        check.scores("logits", logits)
    else:
        check.floating_point("logits", logits)
    z = upcast(logits)
    if where is not None:
        # Before the relaxation, whose gradient of a masked NaN would be NaN.
        check.array("where", where)
        each = task == "binary" or (task == "multilabel" and where.ndim == z.ndim)
        check.mask(where, z.shape if each else z.shape[:-1])
        z = jnp.where(where if each else where[..., None], z, 0.0)
    relax = Softmax() if relaxation is None else relaxation
    if task == "multiclass":
        return relax(z)
    return relax(jnp.stack([jnp.zeros_like(z), z], -1))[..., 1]


def _table(found: Examples, of: TableKind, task: Task, scope: Scope) -> Table:
    if of == "counts":
        return tables(found, task, scope)
    if task == "multilabel":
        raise ValueError(
            "task must be 'multiclass' or 'binary' for a metric of the confusion "
            "matrix, got 'multilabel', where an example has no one class"
        )
    pairs = found if task == "multiclass" else in_two_columns(found)
    return matrices(pairs, pairs.decisions.shape[-1], scope)


def _all_defined(table: Table) -> Table:
    """A table of the same shape in which every cell is 1, so that nothing is 0/0.

    If a metric of it is NaN, then because an option is.
    """
    if isinstance(table, Array):
        return jnp.ones_like(table)
    one = jnp.ones_like(table.actual)
    total = 2 * one.sum(-1) if table.one_label else 4 * one
    whole = total[..., None] if table.one_label else total
    return Counts(one, 2 * one, 2 * one, total, one, one, whole * one - 3)

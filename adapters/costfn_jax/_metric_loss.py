"""Any metric of the confusion matrix as a loss, in JAX: relax, count, measure."""

from collections.abc import Callable
from functools import partial
from typing import Literal, TypedDict, Unpack, get_args

import jax.numpy as jnp
from jax import Array

from . import _check, relaxations
from ._averaging import Average
from ._math import is_floating, upcast
from .confusion import Counts, Scope, Task, counts, matrices
from .relaxations import Relaxation

Of = Literal["counts", "matrix"]
Table = Counts | Array
Metric = Callable[..., Array]
MetricLoss = Callable[..., Array]


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


def metric_loss(metric: Metric, *, of: Of = "counts") -> MetricLoss:
    """Mirror of `costfn.metric_loss`: the same arguments, values and errors.

    `sum_counts=lambda c: jax.lax.psum(c, axis)` counts over all devices.
    """
    _check.one_of("of", of, get_args(Of))

    def loss(logits: Array, target: Array, **counting: Unpack[Counting]) -> Array:
        return one_less(metric, of, logits, target, **counting)

    return loss


def one_less(
    metric: Metric,
    of: Of,
    logits: Array,
    target: Array,
    **counting: Unpack[Counting],
) -> Array:
    """`1 - metric` of the batch, 0 where the metric is undefined."""
    return batch_loss(lambda table: 1 - metric(table), of, logits, target, **counting)


def averaged_loss(
    metric: Metric,
    average: Average | None,
    logits: Array,
    target: Array,
    **counting: Unpack[Counting],
) -> Array:
    """`1 - metric` with an average over the classes, where that makes sense."""
    several = counting.get("task", "multiclass") == "multilabel"
    if average == "micro" and not several:
        raise ValueError(
            "average must be 'macro', 'weighted', 'binary' or None where each example "
            "has one label, got 'micro': every mistake is then one false positive and "
            "one false negative, so that the metric is accuracy or a function of it "
            "and weights of the two cancel; use accuracy_loss"
        )
    if average != "samples":
        return one_less(
            partial(metric, average=average), "counts", logits, target, **counting
        )
    if not several or logits.ndim != 2:
        raise ValueError(
            "average must not be 'samples' unless task is 'multilabel' and logits are "
            f"(examples, labels), got logits of shape {logits.shape}"
        )
    # Each example is a table of its own: examples take the place of the labels.
    weight, where = counting.pop("sample_weight", None), counting.get("where")
    if weight is not None:
        _check.weights("sample_weight", weight, logits.shape[:-1])
    if where is not None:
        each = jnp.broadcast_to(_keep(where, logits, "multilabel"), logits.shape)
        counting["where"] = each.mT

    def weighed(table: Counts) -> Array:
        if weight is not None:
            table = Counts(*(weight.astype(x.dtype) * x for x in table))
        return metric(table, average="samples")

    return one_less(weighed, "counts", logits.mT, target.mT, **counting)


def batch_loss(
    measure: Metric,
    of: Of,
    logits: Array,
    target: Array,
    *,
    relaxation: Relaxation | None = None,
    task: Task = "multiclass",
    scope: Scope = "batch",
    sample_weight: Array | None = None,
    where: Array | None = None,
    sum_counts: Callable[..., Counts | Array] | None = None,
) -> Array:
    """A measure of the batch's counts, 0 where it is undefined; smaller is better."""
    _check.one_of("task", task, get_args(Task))
    _check.one_of("scope", scope, get_args(Scope))
    decisions = _decisions(logits, task, where, relaxation)
    table: Table
    if of == "counts":
        table = counts(
            decisions,
            target,
            task=task,
            scope=scope,
            sample_weight=sample_weight,
            where=where,
        )
    else:
        table = _matrix(decisions, target, task, scope, sample_weight, where)
    table = table if sum_counts is None else sum_counts(table)
    loss = measure(table)
    # Undefined is 0; but NaN that came in with the logits must go out again.
    sums = [x.sum() for x in (table if isinstance(table, Counts) else [table])]
    known = jnp.isfinite(jnp.stack(sums).sum())
    loss = jnp.where(jnp.isnan(loss) & known, 0.0, loss)
    return (loss.mean(0) if scope == "example" else loss).astype(logits.dtype)


def _decisions(
    logits: Array, task: Task, where: Array | None, relaxation: Relaxation | None
) -> Array:
    _check.array("logits", logits)
    if task == "multiclass":
        _check.scores("logits", logits)
    elif not is_floating(logits):
        raise TypeError(f"logits must be floating point, got {logits.dtype}")
    z = upcast(logits)
    if where is not None:
        # Before the relaxation, whose gradient of a masked NaN would be NaN.
        z = jnp.where(_keep(where, z, task), z, 0.0)
    relax = relaxations.softmax() if relaxation is None else relaxation
    if task == "multiclass":
        return relax(z)
    return relax(jnp.stack([jnp.zeros_like(z), z], -1))[..., 1]


def _keep(where: Array, logits: Array, task: Task) -> Array:
    """The mask of the examples, or of their labels, with as many axes as the logits."""
    _check.array("where", where)
    each = task == "binary" or (task == "multilabel" and where.ndim == logits.ndim)
    _check.mask(where, logits.shape if each else logits.shape[:-1])
    return where if each else where[..., None]


def _matrix(
    decisions: Array,
    target: Array,
    task: Task,
    scope: Scope,
    sample_weight: Array | None,
    where: Array | None,
) -> Array:
    if task == "multilabel":
        raise ValueError(
            "task must be 'multiclass' or 'binary' for a metric of the confusion "
            "matrix, got 'multilabel', where an example has no one class"
        )
    if task == "binary":
        _check.array("target", target)
        decisions = jnp.stack([1 - decisions, decisions], -1)
        if is_floating(target):
            target = jnp.stack([1 - target, target], -1)
        elif target.dtype == bool:
            target = target.astype(jnp.int32)
    return matrices(decisions, target, None, scope, sample_weight, where)

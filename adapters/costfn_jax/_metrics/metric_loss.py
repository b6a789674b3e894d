"""Any metric of the confusion matrix as a loss, in JAX: relax, count, measure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, TypedDict, Unpack, get_args

import jax.numpy as jnp
from jax import Array
from jax.tree_util import register_dataclass

from .._foundation import check
from .._foundation.counting import (
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
from .._foundation.hidden import checked_weights
from .._foundation.math import cast_back, floating, upcast
from .._foundation.reduce import Reduction
from .._foundation.soft_decisions import Relaxation, SoftDecision, Softmax
from .averaging import Average

Of = Literal["counts", "matrix"]
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


@register_dataclass
@dataclass(frozen=True)
class MetricLoss:
    """A loss made by `costfn_jax.metric_loss`; can be pickled where its metric can."""

    metric: Metric = field(metadata={"static": True})
    of: Of = field(default="counts", metadata={"static": True})

    def __call__(
        self, logits: Array, target: Array, **counting: Unpack[Counting]
    ) -> Array:
        """`1 - metric` of the batch."""
        return one_less(self.metric, self.of, logits, target, ours=False, **counting)


def metric_loss(metric: Metric, *, of: Of = "counts") -> MetricLoss:
    """Mirror of `costfn.metric_loss`: the same arguments, values and errors.

    `sum_counts=lambda c: jax.lax.psum(c, axis)` counts over all devices.
    """
    if not callable(metric):
        raise TypeError(f"metric must be a function, got {type(metric).__name__}")
    check.one_of("of", of, get_args(Of))
    return MetricLoss(metric, of)


def one_less(
    metric: Metric,
    of: Of,
    logits: Array,
    target: Array,
    *,
    ours: bool = True,
    **counting: Unpack[Counting],
) -> Array:
    """`1 - metric` of the batch, 0 where the metric is undefined."""
    return batch_loss(
        lambda table: 1 - metric(table),
        of,
        logits,
        target,
        may_be_nan=ours and _takes_tensors(metric),
        **counting,
    )


def _takes_tensors(metric: Metric) -> bool:
    """Whether an option is a tensor, which is NaN if a bad value cannot be seen."""
    options = metric.keywords.values() if isinstance(metric, partial) else ()
    return any(isinstance(value, Array) for value in options)


def averaged_loss(
    metric: Metric,
    average: Average | None,
    classes: Sequence[int] | None,
    logits: Array,
    target: Array,
    **counting: Unpack[Counting],
) -> Array:
    """`1 - metric` with an average over the classes, where that makes sense."""
    several = counting.get("task", "multiclass") == "multilabel"
    if average == "micro" and not several:
        check.array("logits", logits)
        number = 2 if counting.get("task") == "binary" else logits.shape[-1]
        if classes is None or len(set(classes)) >= number:
            raise ValueError(
                "average must be 'macro', 'weighted', 'binary' or None where each "
                "example has one label, got 'micro' over all classes: every mistake is "
                "then one false positive and one false negative, so that the metric is "
                "accuracy or a function of it and weights of the two cancel; use "
                "accuracy_loss, or leave classes out by classes=[...]"
            )
    if average != "samples":
        measure = partial(metric, average=average, classes=classes)
        return one_less(measure, "counts", logits, target, **counting)
    if not several or logits.ndim != 2:
        raise ValueError(
            "average must not be 'samples' unless task is 'multilabel' and logits are "
            f"(examples, labels), got logits of shape {logits.shape}"
        )
    return _of_samples(metric, classes, logits, target, **counting)


def _of_samples(
    metric: Metric,
    classes: Sequence[int] | None,
    logits: Array,
    target: Array,
    **counting: Unpack[Counting],
) -> Array:
    """Each example is a table of its own: examples take the place of the labels."""
    weight, where = counting.pop("sample_weight", None), counting.get("where")
    if where is not None:
        check.mask(where, logits.shape if where.ndim == 2 else logits.shape[:-1])
        where = jnp.broadcast_to(where.reshape(len(where), -1), logits.shape)
        counting["where"] = where.mT
    of_example: Array | None = None
    if weight is not None and weight.shape == logits.shape[:-1]:
        left = weight if where is None else jnp.where(where.any(-1), weight, 0)
        check.weights("sample_weight", left, left.shape)
        of_example = checked_weights(left, upcast(floating(left)).dtype)
        # In the mean alone, and not in the counts, beside which `smooth` stands; but 0
        # takes an example out, and NaN goes on.
        ones = jnp.where(of_example > 0, 1.0, of_example)
        weight = jnp.broadcast_to(ones[..., None], logits.shape)
    if weight is not None:
        check.same_shape("sample_weight", weight, logits.shape)
        counting["sample_weight"] = weight.mT

    def weighed(table: Counts) -> Array:
        own = metric.keywords if isinstance(metric, partial) else {}
        refused = own.get("class_weight") is not None
        if of_example is None or len(of_example) < 2 or refused:
            return metric(table, average="samples")
        each = of_example.astype(table.total.dtype) * table.total
        return metric(table, average="macro", class_weight=each)

    if classes is not None:
        index = check.classes(classes, logits.shape[-1])
        logits, target = logits[..., index], target[..., index]
        if (of_label := counting.get("where")) is not None:
            counting["where"] = of_label[index]
        if (of_label := counting.get("sample_weight")) is not None:
            counting["sample_weight"] = of_label[index]
    return batch_loss(
        lambda table: 1 - weighed(table),
        "counts",
        logits.mT,
        target.mT,
        may_be_nan=_takes_tensors(metric),
        **counting,
    )


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
    reduction: Reduction = "mean",
    undefined_is_nan: bool = True,
    may_be_nan: bool = False,
) -> Array:
    """A measure of the batch's counts; smaller is better, NaN is undefined.

    Unless the measure has inputs of its own, from which NaN may come: a cost, or an
    option out of range that could not be seen (`may_be_nan`).
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
    table: Table
    if of == "counts":
        table = tables(found, task, scope)
    elif task == "multilabel":
        raise ValueError(
            "task must be 'multiclass' or 'binary' for a metric of the confusion "
            "matrix, got 'multilabel', where an example has no one class"
        )
    else:
        pairs = found if task == "multiclass" else in_two_columns(found)
        table = matrices(pairs, pairs.decisions.shape[-1], scope)
    table = table if sum_counts is None else sum_counts(table)
    total, known = weight_of(table)
    known = known & undefined_is_nan
    if may_be_nan:
        known = known & ~jnp.isnan(measure(_even(table))).any()
    losses = mean_over_images(measure(table), total, known, of_image, scope, reduction)
    return cast_back(losses, logits)


def _even(table: Table) -> Table:
    """One like it where nothing is 0/0: NaN of that is of an option out of range."""
    if isinstance(table, Array):
        return jnp.ones_like(table)
    one = jnp.ones_like(table.actual)
    total = 2 * one.sum(-1) if table.one_label else 4 * one
    whole = total[..., None] if table.one_label else total
    return Counts(one, 2 * one, 2 * one, total, one, one, whole * one - 3)


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

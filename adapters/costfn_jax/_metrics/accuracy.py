"""Accuracies of the whole table, in JAX."""

from collections.abc import Sequence
from math import nan
from typing import Unpack

import jax.numpy as jnp
from jax import Array

from .._foundation.arrays import ArrayLike
from .._foundation.math import ratio, small
from .._foundation.types import AnyTarget, BatchLoss, Scores
from .averaging import (
    Table,
    as_counts,
    check_zero_division,
    chosen_classes,
    class_weights,
    each_class,
)
from .batch_loss import Counting, one_minus


def accuracy(table: Table, *, zero_division: float = 0.0) -> Array:
    """Mirror of `costfn.metrics.accuracy`: the same arguments, values and errors."""
    check_zero_division(zero_division)
    c = as_counts(table)
    if c.one_label:
        return ratio(c.true_positive.sum(-1), c.total, zero_division)
    cells = each_class(c)
    right = cells.true_positive + cells.true_negative
    return ratio(right.sum(-1), c.total.sum(-1), zero_division)


def accuracy_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    zero_division: float = 0.0,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Mirror of `costfn.accuracy_loss`: the same arguments, values and errors."""
    return one_minus(logits, target, counting, accuracy, zero_division=zero_division)


def balanced_accuracy(
    table: Table,
    *,
    adjusted: bool = False,
    zero_division: float = nan,
    classes: Sequence[int] | None = None,
    class_weight: Array | ArrayLike | None = None,
) -> Array:
    """Mirror of `costfn.metrics.balanced_accuracy`.

    The same arguments, values and errors.
    """
    check_zero_division(zero_division)
    hits, actual, weight = _chosen(table, classes, class_weight)
    some = (~small(actual)).astype(actual.dtype)
    weight = some * weight
    score = ratio((weight * ratio(hits, actual)).sum(-1), weight.sum(-1), zero_division)
    if not adjusted:
        return score
    present = some.sum(-1)
    return ratio(present * score - 1, present - 1, zero_division)


def balanced_accuracy_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    adjusted: bool = False,
    zero_division: float = nan,
    classes: Sequence[int] | None = None,
    class_weight: Array | ArrayLike | None = None,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Mirror of `costfn.balanced_accuracy_loss`.

    The same arguments, values and errors.
    """
    return one_minus(
        logits,
        target,
        counting,
        balanced_accuracy,
        adjusted=adjusted,
        zero_division=zero_division,
        classes=classes,
        class_weight=class_weight,
    )


def g_mean(
    table: Table,
    *,
    zero_division: float = 0.0,
    classes: Sequence[int] | None = None,
    class_weight: Array | ArrayLike | None = None,
) -> Array:
    """Mirror of `costfn.metrics.g_mean`: the same arguments, values and errors."""
    check_zero_division(zero_division)
    hits, actual, weight = _chosen(table, classes, class_weight)
    weight = jnp.where(small(actual), 0.0, weight)
    recall = jnp.where(weight == 0, 1.0, ratio(hits, actual))
    tiny = float(jnp.finfo(recall.dtype).tiny)
    missed = (recall <= tiny).any(-1, keepdims=True)
    logs = (weight * jnp.log(jnp.where(missed, 1.0, recall))).sum(-1)
    amount = weight.sum(-1)
    found = jnp.where(missed.squeeze(-1), 0.0, jnp.exp(ratio(logs, amount)))
    return jnp.where(amount == 0, zero_division, found)


def g_mean_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    zero_division: float = 0.0,
    classes: Sequence[int] | None = None,
    class_weight: Array | ArrayLike | None = None,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Mirror of `costfn.g_mean_loss`: the same arguments, values and errors."""
    return one_minus(
        logits,
        target,
        counting,
        g_mean,
        zero_division=zero_division,
        classes=classes,
        class_weight=class_weight,
    )


def _chosen(
    table: Table,
    classes: Sequence[int] | None,
    class_weight: Array | ArrayLike | None,
) -> tuple[Array, Array, Array]:
    """True positives, true examples and weight of the classes that enter a mean."""
    c = as_counts(table)
    weight = class_weights(class_weight, "macro", c.actual)
    ones = jnp.ones_like(c.actual)
    found = (c.true_positive, c.actual, ones if weight is None else ones * weight)
    if classes is None:
        return found
    index = chosen_classes(classes, "macro", c.actual)
    return found[0][..., index], found[1][..., index], found[2][..., index]

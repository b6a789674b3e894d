"""Generalised Dice, in JAX: one ratio of sums over the classes."""

from collections.abc import Sequence
from typing import Literal, Unpack, get_args

import jax.numpy as jnp
from jax import Array

from .._foundation import check
from .._foundation.math import ratio, small
from .._foundation.types import AnyTarget, BatchLoss, Scores
from .averaging import Cells, Table, check_zero_division, chosen_classes, each_class
from .batch_loss import Counting, one_minus

Weighting = Literal["square", "simple", "uniform"]


def generalized_dice(
    table: Table,
    *,
    weighting: Weighting = "square",
    zero_division: float = 0.0,
    classes: Sequence[int] | None = None,
) -> Array:
    """Mirror of `costfn.metrics.generalized_dice`.

    The same arguments, values and errors.
    """
    check.one_of("weighting", weighting, get_args(Weighting))
    check_zero_division(zero_division)
    c = each_class(table)
    if classes is not None:
        index = chosen_classes(classes, "macro", c.actual)
        c = Cells(*(x[..., index] for x in c))
    absent = small(c.actual)
    # Sizes relative to the smallest present: weights in (0, 1], nothing overflows.
    size = jnp.where(absent, jnp.inf, c.actual)
    smallest = size.min(-1, keepdims=True)
    relative = jnp.where(absent, 1.0, smallest / jnp.where(absent, 1.0, size))
    power = {"square": 2, "simple": 1, "uniform": 0}[weighting]
    weight = jnp.where(absent, 1.0, relative) ** power
    overlap = 2 * (weight * c.true_positive).sum(-1)
    return ratio(overlap, (weight * (c.predicted + c.actual)).sum(-1), zero_division)


def generalized_dice_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    weighting: Weighting = "square",
    zero_division: float = 0.0,
    classes: Sequence[int] | None = None,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Mirror of `costfn.generalized_dice_loss`.

    The same arguments, values and errors.
    """
    return one_minus(
        logits,
        target,
        counting,
        generalized_dice,
        weighting=weighting,
        zero_division=zero_division,
        classes=classes,
    )

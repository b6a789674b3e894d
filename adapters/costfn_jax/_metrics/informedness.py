"""Metrics of one class against the rest, averaged over classes, in JAX: of rates."""

from collections.abc import Sequence

import jax.numpy as jnp
from jax import Array

from .._foundation.arrays import ArrayLike
from .._foundation.math import ratio, small
from .averaging import Absent, Average, Cells, Table, averaged, quotient


def precision(
    table: Table,
    *,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Array | ArrayLike | None = None,
) -> Array:
    """Mirror of `costfn.metrics.precision`: the same arguments, values and errors."""
    return averaged(
        lambda c: quotient(c.true_positive, c.predicted),
        table,
        average,
        zero_division=zero_division,
        absent=absent,
        classes=classes,
        class_weight=class_weight,
    )


def recall(
    table: Table,
    *,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Array | ArrayLike | None = None,
) -> Array:
    """Mirror of `costfn.metrics.recall`: the same arguments, values and errors."""
    return averaged(
        lambda c: quotient(c.true_positive, c.actual),
        table,
        average,
        zero_division=zero_division,
        absent=absent,
        classes=classes,
        class_weight=class_weight,
    )


def specificity(
    table: Table,
    *,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Array | ArrayLike | None = None,
) -> Array:
    """Mirror of `costfn.metrics.specificity`: the same arguments, values and errors."""
    return averaged(
        lambda c: quotient(c.true_negative, c.other),
        table,
        average,
        zero_division=zero_division,
        absent=absent,
        classes=classes,
        class_weight=class_weight,
    )


def informedness(
    table: Table,
    *,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Array | ArrayLike | None = None,
) -> Array:
    """Mirror of `costfn.metrics.informedness`.

    The same arguments, values and errors.
    """

    def formula(c: Cells) -> tuple[Array, Array]:
        right, some = quotient(c.true_positive, c.actual)
        left, others = quotient(c.true_negative, c.other)
        return right + left - 1, some & others

    return averaged(
        formula,
        table,
        average,
        zero_division=zero_division,
        absent=absent,
        classes=classes,
        class_weight=class_weight,
    )


def markedness(
    table: Table,
    *,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Array | ArrayLike | None = None,
) -> Array:
    """Mirror of `costfn.metrics.markedness`: the same arguments, values and errors."""

    def formula(c: Cells) -> tuple[Array, Array]:
        right, some = quotient(c.true_positive, c.predicted)
        left, others = quotient(c.true_negative, c.unpredicted)
        return right + left - 1, some & others

    return averaged(
        formula,
        table,
        average,
        zero_division=zero_division,
        absent=absent,
        classes=classes,
        class_weight=class_weight,
    )


def fowlkes_mallows(
    table: Table,
    *,
    average: Average | None = "macro",
    zero_division: float = 0.0,
    absent: Absent = "keep",
    classes: Sequence[int] | None = None,
    class_weight: Array | ArrayLike | None = None,
) -> Array:
    """Mirror of `costfn.metrics.fowlkes_mallows`.

    The same arguments, values and errors.
    """

    def formula(c: Cells) -> tuple[Array, Array]:
        none = small(c.predicted) | small(c.actual)
        sizes = (jnp.where(none, 1.0, x) for x in (c.predicted, c.actual))
        # One root after the other: their product would vanish with tiny weights.
        share = ratio(c.true_positive, jnp.sqrt(next(sizes)))
        return jnp.where(none, 0.0, ratio(share, jnp.sqrt(next(sizes)))), ~none

    return averaged(
        formula,
        table,
        average,
        zero_division=zero_division,
        absent=absent,
        classes=classes,
        class_weight=class_weight,
    )

"""From one number per class to one, in JAX: scikit-learn's averages and edge cases."""

from collections.abc import Callable
from math import nan
from typing import Literal, NamedTuple, get_args

import jax.numpy as jnp
from jax import Array

from . import _check
from ._math import number, others, ratio, small
from .confusion import Counts, one_vs_rest

Average = Literal["binary", "micro", "macro", "weighted", "samples"]
Absent = Literal["keep", "drop", "drop_unseen"]
Table = Counts | Array


class Cells(NamedTuple):
    """The two-by-two tables of each class against the rest, by their margins."""

    true_positive: Array
    predicted: Array
    actual: Array
    unpredicted: Array
    other: Array

    @property
    def false_positive(self) -> Array:
        """Decided for the class, of another."""
        return self.predicted - self.true_positive

    @property
    def false_negative(self) -> Array:
        """Of the class, decided for another."""
        return self.actual - self.true_positive

    @property
    def true_negative(self) -> Array:
        """Of another, decided for another."""
        return self.unpredicted - self.false_negative


# Value of each class, and where it is defined: its denominators are not 0.
Formula = Callable[[Cells], tuple[Array, Array]]


def as_counts(table: Table) -> Counts:
    """Counts, or those in a confusion matrix."""
    return table if isinstance(table, Counts) else one_vs_rest(table)


def each_class(table: Table) -> Cells:
    """Each class of the counts against the rest."""
    c = as_counts(table)
    if c.one_label:
        rest = others(c.predicted), others(c.actual)
    else:
        rest = c.total - c.predicted, c.total - c.actual
    return Cells(c.true_positive, c.predicted, c.actual, *rest)


def quotient(numerator: Array, denominator: Array) -> tuple[Array, Array]:
    """The quotient, 0 where undefined, and where it is defined."""
    return ratio(numerator, denominator), ~small(denominator)


def averaged(
    formula: Formula,
    table: Table,
    average: Average | None,
    zero_division: float,
    absent: Absent,
) -> Array:
    """The metric of each class, averaged over the last axis of the counts."""
    options(average, zero_division, absent)
    cells = each_class(table)
    if average == "micro":
        keep = _kept(cells, absent)
        cells = Cells(*(jnp.where(keep, x, 0.0).sum(-1, keepdims=True) for x in cells))
    elif average == "binary":
        if cells.actual.shape[-1] != 2:
            raise ValueError(
                "average must be 'micro', 'macro', 'weighted', 'samples' or None for "
                f"{cells.actual.shape[-1]} classes, got 'binary', which is the second "
                "of 2"
            )
        cells = Cells(*(x[..., 1:] for x in cells))
    value, defined = formula(cells)
    value = jnp.where(defined, value, number(zero_division, value.dtype))
    if average in ("micro", "binary"):
        return value.squeeze(-1)
    keep = _kept(cells, absent)
    if average is None:
        return jnp.where(keep, value, nan)
    # NaN leaves out what is undefined; without a branch, as it may be traced.
    keep = keep & (defined | (zero_division == zero_division))
    weight = jnp.ones_like(value)
    if average == "weighted":
        weight = cells.actual
    elif average == "samples":
        weight = cells.actual + cells.other
    return _mean(value, weight, keep, zero_division)


def options(average: Average | None, zero_division: float, absent: Absent) -> None:
    """Checks the three options."""
    _check.one_of("average", average, (*get_args(Average), None))
    _check.one_of("absent", absent, get_args(Absent))
    check_zero_division(zero_division)


def check_zero_division(value: float) -> None:
    """Checks the value of 0/0: 0, 1 or NaN; an array passes unchecked."""
    if isinstance(value, int | float) and value == value and value not in (0, 1):
        raise ValueError(f"zero_division must be 0, 1 or nan, got {value}")


def _kept(cells: Cells, absent: Absent) -> Array:
    # Not `> 0`, which would drop a class whose count is NaN, and hide that.
    if absent == "drop":
        return ~(cells.actual <= 0)
    if absent == "drop_unseen":
        return ~((cells.actual <= 0) & (cells.predicted <= 0))
    return jnp.ones_like(cells.actual, dtype=bool)


def _mean(value: Array, weight: Array, keep: Array, empty: float) -> Array:
    weight = jnp.where(keep, weight, 0.0)
    # As numpy.average in scikit-learn: weights that are all 0 are no weights.
    weightless = weight.sum(-1, keepdims=True) == 0
    weight = jnp.where(weightless, keep.astype(value.dtype), weight)
    # Twice where: what is left out may be NaN.
    kept = jnp.where(keep, value, 0.0)
    return ratio((weight * kept).sum(-1), weight.sum(-1), empty)

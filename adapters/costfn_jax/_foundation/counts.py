"""The table that a metric reads, in JAX."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from . import check
from .arrays import ArrayLike, as_array
from .math import floating, sum_of_others
from .types import ConfusionMatrix


class Counts(NamedTuple):
    """Mirror of `costfn.confusion.Counts`; a pytree, which `jax.lax.psum` adds up."""

    true_positive: Array
    predicted: Array
    actual: Array
    total: Array
    false_positive: Array | None = None
    false_negative: Array | None = None
    true_negative: Array | None = None

    def __add__(self, other: object) -> "Counts":
        if not isinstance(other, Counts):
            return NotImplemented
        mine, theirs = ((*x[:4], *x.other_cells()) for x in (self, other))
        return Counts(*(a + b for a, b in zip(mine, theirs, strict=True)))

    def __radd__(self, other: object) -> "Counts":
        # sum() starts from 0.
        return self if other == 0 else NotImplemented

    @property
    def one_label(self) -> bool:
        """Whether each example has exactly one class, and not a set of labels."""
        return self.total.ndim < self.actual.ndim

    def other_cells(self) -> tuple[Array, Array, Array]:
        """False positives, false and true negatives, made where they are missing."""
        alarm, missed, rest = self[4:]
        if alarm is None:
            alarm = self.predicted - self.true_positive
        if missed is None:
            missed = self.actual - self.true_positive
        if rest is None:
            total = self.total[..., None] if self.one_label else self.total
            rest = total - self.predicted - missed
        return alarm, missed, rest


def one_vs_rest(matrix: ConfusionMatrix | ArrayLike) -> Counts:
    """Mirror of `costfn.confusion.one_vs_rest`: the same arguments, values and errors.

    Integers become JAX's default floating-point dtype.
    """
    matrix = as_array("matrix", matrix)
    check.numbers("matrix", matrix)
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
    rest = jnp.where(jnp.eye(m.shape[-1], dtype=bool), 0.0, sum_of_others(m))
    actual = m.sum(-1)
    return Counts(
        true_positive=right,
        predicted=m.sum(-2),
        actual=actual,
        # In this order it is exactly that of the only class there is.
        total=actual.sum(-1),
        false_positive=wrong.sum(-2),
        false_negative=wrong.sum(-1),
        true_negative=rest.sum(-2),
    )

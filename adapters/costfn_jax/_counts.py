"""The table that a metric reads, in JAX."""

from typing import NamedTuple

from jax import Array


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

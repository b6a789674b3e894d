"""The table that a metric reads, in JAX."""

from typing import NamedTuple

from jax import Array


class Counts(NamedTuple):
    """Mirror of `costfn.confusion.Counts`; a pytree, which `jax.lax.psum` adds up."""

    true_positive: Array
    predicted: Array
    actual: Array
    total: Array
    false_negative: Array | None = None
    true_negative: Array | None = None

    def __add__(self, other: object) -> "Counts":
        if not isinstance(other, Counts):
            return NotImplemented
        pairs = zip(self[:4], other[:4], strict=True)
        missed, rest = zip(self.negatives(), other.negatives(), strict=True)
        return Counts(*(a + b for a, b in (*pairs, missed, rest)))

    def __radd__(self, other: object) -> "Counts":
        # sum() starts from 0.
        return self if other == 0 else NotImplemented

    @property
    def one_label(self) -> bool:
        """Whether each example has exactly one class, and not a set of labels."""
        return self.total.ndim < self.actual.ndim

    def negatives(self) -> tuple[Array, Array]:
        """False and true negatives, from the other fields where they are missing."""
        missed, rest = self.false_negative, self.true_negative
        if missed is None:
            missed = self.actual - self.true_positive
        if rest is None:
            total = self.total[..., None] if self.one_label else self.total
            rest = total - self.predicted - missed
        return missed, rest

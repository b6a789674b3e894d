"""The table that a metric reads."""

from typing import NamedTuple

from torch import Tensor


class Counts(NamedTuple):
    """What a metric needs to know, for one table or, with axes before, for many.

    `+` adds two tables, and `sum` any number. Made by hand, the first four will do.
    `costfn.counts` counts the last two as well: `total - predicted` has no digits left
    where nearly everything is decided for one class.

    Attributes:
        true_positive: Weight of the examples of a class decided for it, `(*, classes)`.
        predicted: Weight decided for each class, `(*, classes)`.
        actual: Weight of each class in the target, `(*, classes)`.
        total: Weight of all examples, `(*,)`; for several labels per example, where
            each is a problem of its own, `(*, labels)`.
        false_negative: Weight of a class not decided for it, `(*, classes)`.
        true_negative: Weight of others not decided for the class, `(*, classes)`.
    """

    true_positive: Tensor
    predicted: Tensor
    actual: Tensor
    total: Tensor
    false_negative: Tensor | None = None
    true_negative: Tensor | None = None

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

    def negatives(self) -> tuple[Tensor, Tensor]:
        """False and true negatives, from the other fields where they are missing."""
        missed, rest = self.false_negative, self.true_negative
        if missed is None:
            missed = self.actual - self.true_positive
        if rest is None:
            total = self.total.unsqueeze(-1) if self.one_label else self.total
            rest = total - self.predicted - missed
        return missed, rest

"""The table that a metric reads."""

from typing import NamedTuple

from torch import Tensor


class Counts(NamedTuple):
    """What a metric needs to know, for one table or, with axes before, for many.

    `+` adds two tables, and `sum` any number. Made by hand, the first four will do.
    `costfn.counts` counts the others too: `predicted - true_positive` has no digits
    left where nearly all is right, nor `total - predicted` where nearly all is decided
    for one class.

    Attributes:
        true_positive: Weight of the examples of a class decided for it, `(*, classes)`.
        predicted: Weight decided for each class, `(*, classes)`.
        actual: Weight of each class in the target, `(*, classes)`.
        total: Weight of all examples, `(*,)`; for several labels per example, where
            each is a problem of its own, `(*, labels)`.
        false_positive: Weight of others decided for the class, `(*, classes)`.
        false_negative: Weight of a class not decided for it, `(*, classes)`.
        true_negative: Weight of others not decided for the class, `(*, classes)`.
    """

    true_positive: Tensor
    predicted: Tensor
    actual: Tensor
    total: Tensor
    false_positive: Tensor | None = None
    false_negative: Tensor | None = None
    true_negative: Tensor | None = None

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

    def other_cells(self) -> tuple[Tensor, Tensor, Tensor]:
        """False positives, false and true negatives, made where they are missing."""
        alarm, missed, rest = self[4:]
        if alarm is None:
            alarm = self.predicted - self.true_positive
        if missed is None:
            missed = self.actual - self.true_positive
        if rest is None:
            total = self.total.unsqueeze(-1) if self.one_label else self.total
            rest = total - self.predicted - missed
        return alarm, missed, rest

"""The table that a metric reads."""

from typing import NamedTuple

import torch
from torch import Tensor

from . import check
from .arrays import ArrayLike, as_tensor
from .math import sum_of_others
from .types import ConfusionMatrix


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


def one_vs_rest(matrix: ConfusionMatrix | ArrayLike) -> Counts:
    """The counts in a confusion matrix, each class against the rest.

    Args:
        matrix: `(*, classes, classes)`, a row per true class; a tensor, or an array
            such as `sklearn.metrics.confusion_matrix(...)`.

    Returns:
        The counts, in the dtype of `matrix`, of integers in float64.

    Raises:
        TypeError: If `matrix` holds no numbers.
        ValueError: If it is not square.

    Example:
        >>> import torch, costfn
        >>> costfn.confusion.one_vs_rest(torch.tensor([[3.0, 1.0], [2.0, 4.0]])).actual
        tensor([4., 6.])

    Source:
        `sklearn.metrics.multilabel_confusion_matrix` holds the same numbers.
    """
    matrix = as_tensor("matrix", matrix, floats=torch.float64)
    check.numbers("matrix", matrix)
    if matrix.ndim < 2 or matrix.shape[-1] != matrix.shape[-2]:
        raise ValueError(
            "matrix must be square, a row per true class and a column per decision, "
            f"got shape {tuple(matrix.shape)}"
        )
    m = matrix if matrix.is_floating_point() else matrix.double()
    right = m.diagonal(dim1=-2, dim2=-1)
    # Sums of what is off the diagonal, not differences, which would leave rounding.
    wrong = m - torch.diag_embed(right)
    # Of each truth what is not decided for a class; then without the class itself.
    rest = sum_of_others(m)
    rest = rest - torch.diag_embed(rest.diagonal(dim1=-2, dim2=-1))
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

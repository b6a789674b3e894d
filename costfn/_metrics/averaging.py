"""From one number per class to one: scikit-learn's averages and edge cases."""

from collections.abc import Callable, Sequence
from math import nan
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from .._foundation import arrays, check, check_costs
from .._foundation.arrays import ArrayLike
from .._foundation.counts import Counts, one_vs_rest
from .._foundation.hidden import checked_weights
from .._foundation.math import ratio, small, sum_of_others

Average = Literal["binary", "micro", "macro", "weighted", "samples"]
Absent = Literal["keep", "drop", "drop_unseen"]
Table = Counts | Tensor | ArrayLike


class Averaging(NamedTuple):
    """How the values of the classes become one; the options are in `costfn.metrics`."""

    average: Average | None
    zero_division: float
    absent: Absent
    classes: Sequence[int] | None
    class_weight: Tensor | ArrayLike | None


class Cells(NamedTuple):
    """The two-by-two tables of each class against the rest, with their margins.

    Attributes:
        true_positive: Examples of the class, decided for it, `(*, classes)`.
        predicted: All that are decided for the class.
        actual: All of the class.
        false_positive: Of another class, decided for this one.
        false_negative: Of this class, decided for another.
        true_negative: Of another class, decided for another.
        other: All of another class.
    """

    true_positive: Tensor
    predicted: Tensor
    actual: Tensor
    false_positive: Tensor
    false_negative: Tensor
    true_negative: Tensor
    other: Tensor

    @property
    def unpredicted(self) -> Tensor:
        """All that are decided for another class.

        Not the sum of `predicted` of the others: memberships need not sum to 1.
        """
        return self.false_negative + self.true_negative


# The value of each class, and where it is defined: where no denominator is 0.
Quotient = tuple[Tensor, Tensor]
# From the cells of each class, and perhaps options.
Formula = Callable[..., Quotient]


def as_counts(table: Table) -> Counts:
    """Counts, or those in a confusion matrix."""
    return table if isinstance(table, Counts) else one_vs_rest(table)


def each_class(table: Table) -> Cells:
    """Each class of the counts against the rest."""
    c = as_counts(table)
    other = sum_of_others(c.actual) if c.one_label else c.total - c.actual
    return Cells(*c[:3], *c.other_cells(), other)


def quotient(numerator: Tensor, denominator: Tensor) -> Quotient:
    """The quotient, 0 where undefined, and where it is defined."""
    return ratio(numerator, denominator), ~small(denominator)


def averaged(
    table: Table, averaging: Averaging, formula: Formula, *options: float | Tensor
) -> Tensor:
    """A formula of the cells of each class, averaged over the last axis."""
    average, zero_division, absent, classes, class_weight = averaging
    _check_options(average, zero_division, absent)
    cells = each_class(table)
    number = cells.actual.shape[-1]
    weight_of_class = class_weights(class_weight, average, cells.actual)
    if classes is not None:
        index = chosen_classes(classes, average, cells.actual)
        cells = Cells(*(x[..., index] for x in cells))
        if weight_of_class is not None:
            weight_of_class = weight_of_class[index]
    if average == "micro":
        keep = _kept(cells, absent)
        cells = Cells(*(x.masked_fill(~keep, 0.0).sum(-1, keepdim=True) for x in cells))
    elif average == "binary":
        if number != 2:
            raise ValueError(
                "average must be 'micro', 'macro', 'weighted', 'samples' or None for "
                f"{number} classes, got 'binary', which is the second of 2"
            )
        cells = Cells(*(x[..., 1:] for x in cells))
    value, defined = formula(cells, *options)
    value = torch.where(defined, value, zero_division)
    if average in ("micro", "binary"):
        return value.squeeze(-1)
    keep = _kept(cells, absent)
    if not as_counts(table).one_label:
        # A label without any weight left is no class of the table.
        keep = keep & ~(cells.actual + cells.other <= 0)
    if average is None:
        return torch.where(keep, value, nan)
    if zero_division != zero_division:  # NaN; math.isnan does not compile
        keep = keep & defined
    weight = torch.ones_like(value)
    if average == "weighted":
        weight = cells.actual
    elif average == "samples":
        weight = cells.actual + cells.other
    return mean_over_classes(value, weight, keep, weight_of_class, zero_division)


def class_weights(
    weight: Tensor | ArrayLike | None, average: Average | None, actual: Tensor
) -> Tensor | None:
    """Checks the weights of the classes in a mean over them."""
    if weight is None:
        return None
    if average not in ("macro", "weighted"):
        raise ValueError(
            "class_weight must be None unless average is 'macro' or 'weighted', a mean "
            f"over the classes, got average={average!r}"
        )
    wide = arrays.as_tensor("class_weight", weight)
    check_costs.per_class("class_weight", wide, actual.shape[-1])
    check_costs.cost_values("class_weight", wide, non_negative=True)
    return checked_weights(wide.to(actual.device), actual.dtype)


def chosen_classes(
    classes: Sequence[int], average: Average | None, actual: Tensor
) -> Tensor:
    """Checks the choice of classes that enter an average, and gives it as an index."""
    if average in ("binary", "samples"):
        raise ValueError(
            "classes must be None where average is 'binary', which is the second of 2, "
            f"or 'samples', whose counts are of examples, got average={average!r}"
        )
    return check.classes(classes, actual.shape[-1], actual.device)


def _check_options(
    average: Average | None, zero_division: float, absent: Absent
) -> None:
    check.one_of("average", average, (*get_args(Average), None))
    check.one_of("absent", absent, get_args(Absent))
    check_zero_division(zero_division)


def check_zero_division(value: float) -> None:
    """Checks the value of 0/0: 0, 1 or NaN."""
    if isinstance(value, bool) or (value == value and value not in (0, 1)):
        raise ValueError(f"zero_division must be 0, 1 or nan, got {value}")


def _kept(cells: Cells, absent: Absent) -> Tensor:
    # Not `> 0`, which would drop a class whose count is NaN, and hide that.
    if absent == "drop":
        return ~(cells.actual <= 0)
    if absent == "drop_unseen":
        return ~((cells.actual <= 0) & (cells.predicted <= 0))
    return torch.ones_like(cells.actual, dtype=torch.bool)


def mean_over_classes(
    value: Tensor,
    weight: Tensor,
    keep: Tensor,
    weight_of_class: Tensor | None,
    empty: float,
) -> Tensor:
    """The mean over the classes that are kept, `empty` without any."""
    weight = weight.masked_fill(~keep, 0.0)
    # As numpy.average in scikit-learn: weights that are all 0 are no weights.
    weightless = weight.sum(-1, keepdim=True) == 0
    weight = torch.where(weightless, keep.to(value.dtype), weight)
    if weight_of_class is not None:
        weight = weight * weight_of_class
    # Twice where: what is left out may be NaN.
    kept = torch.where(keep, value, 0.0)
    return ratio((weight * kept).sum(-1), weight.sum(-1), empty)

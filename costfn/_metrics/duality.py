"""The gradient of a metric is a cost matrix: from a confusion matrix to training."""

from collections.abc import Callable

import torch
from torch import Tensor

from .._foundation import check
from .._foundation.arrays import ArrayLike, as_tensor
from .._foundation.counts import Counts
from .._foundation.hidden import checked_weights
from .._foundation.math import ratio
from .._foundation.options import AT_LEAST_ZERO, number
from .._foundation.types import PerClass, SquareCost
from .averaging import Table, as_counts, each_class

__all__ = ["confusion_informed_weights", "cost_of"]


def cost_of(metric: Callable[..., Tensor], table: Table | ArrayLike) -> SquareCost:
    """The cost matrix that prices each mistake as the metric does, near these counts.

    `cost[i, j] = -n d metric / d M[i, j]`, each row shifted to have 0 as its smallest
    entry, which changes neither decisions nor gradients. Near the counts the metric is
    this cost: the gradient of `1 - metric` through softmax decisions is the gradient of
    the mean `expected_cost_loss` with it.

    The counts may come from the batch, a running window or validation data. The
    `confusion_matrix(...)` of scikit-learn can be passed as it is.

    Args:
        metric: Differentiable function of the table to a scalar, larger is better, such
            as `costfn.metrics.mcc`.
        table: Counts, or a confusion matrix `(classes, classes)`, as the metric takes;
            a matrix may be an array-like.

    Returns:
        Costs `(classes, classes)`, at least 0, constant (without gradient), in units of
        the metric per example; for counts of several labels `(labels, 2, 2)`.

    Raises:
        TypeError: If `table` is neither `Counts` nor an array of numbers, or `metric`
            not callable.
        ValueError: If the matrix is not square.

    Example:
        >>> import torch, costfn
        >>> matrix = torch.tensor([[90.0, 0.0], [5.0, 5.0]])
        >>> costfn.cost_of(costfn.metrics.f_beta, matrix)
        tensor([[0.0000, 2.4998],
                [4.7074, 0.0000]])

    Source:
        Parambath et al., "Optimizing F-Measures by Cost-Sensitive Classification",
        NeurIPS 2014; Narasimhan et al., "Consistent Multiclass Algorithms for Complex
        Performance Measures", ICML 2015.
        https://proceedings.mlr.press/v37/narasimhanb15.html
    """
    if not callable(metric):
        raise TypeError(f"metric must be callable, got {type(metric).__name__}")
    if not isinstance(table, Counts):
        table = _matrix(table)
        n = as_counts(table).total
        m = table if table.is_floating_point() else table.double()
        slope = torch.func.grad(lambda x: metric(x).sum())(m.detach())
        cost = -n[..., None, None] * slope
    else:
        # A tuple through grad: its fields vary independently, as the cells do.
        fields = (*table[:4], *table.other_cells())
        slopes = torch.func.grad(lambda c: metric(Counts(*c)).sum())(
            tuple(x.detach() for x in fields)
        )
        cost = _cells(slopes, table)
    shifted: Tensor = cost - cost.amin(-1, keepdim=True)
    return shifted.detach()


def _matrix(table: object) -> Tensor:
    """A confusion matrix; Python's floats are counts, and so float64."""
    return as_tensor("table", table, floats=torch.float64)


def _cells(slopes: tuple[Tensor, ...], table: Counts) -> Tensor:
    """Minus n times the slope in each cell of the matrix that the counts come from."""
    hit, taken, actual, _, alarm, missed, rest = slopes
    taken = taken + alarm
    hit = hit - alarm
    if table.one_label:
        right = torch.eye(actual.shape[-1], dtype=actual.dtype, device=actual.device)
        # An example of i that is decided for j is predicted as j, found if j is i, else
        # missed. It is a true negative of all classes but i and j. The sum over all but
        # i is the same for each j, and changes nothing; what is left is the term of j.
        gain = right * (hit + rest).unsqueeze(-2) + (taken - rest).unsqueeze(-2)
        gain = gain + (1 - right) * missed.unsqueeze(-1)
        return -table.total[..., None, None] * gain
    negative = torch.stack([rest, taken], -1)
    positive = torch.stack([missed, taken + hit], -1)
    gain = torch.stack([negative, positive], -2)
    return -table.total[..., None, None] * gain


def confusion_informed_weights(
    table: Table | ArrayLike, *, smoothing: float | Tensor = 1.0
) -> PerClass:
    """Class weights from errors counted elsewhere: more for what is often missed.

    `w_k` is proportional to the class's error rate `(errors + s) / (actual + 2 s)`, and
    scaled so that the mean weight of an example is 1. The weights are numbers outside
    the graph: multiply losses by them (`costfn.reduce(losses, weight=w[labels])`).
    For the metric that you are judged by use `cost_of` instead.

    Args:
        table: Counts, or a confusion matrix `(classes, classes)` with a row per true
            class, such as scikit-learn's on validation data; it may be an array-like.
        smoothing: Imagined examples of each outcome, at least 0; keeps a class with few
            or no examples from an extreme weight.

    Returns:
        Weights, at least 0, `(classes,)`, without gradient.

    Raises:
        TypeError: If `table` is neither `Counts` nor an array of numbers, or
            `smoothing` no number.
        ValueError: If `smoothing` is below 0, the matrix not square, or a count
            negative or not finite.

    Example:
        >>> import torch, costfn
        >>> matrix = torch.tensor([[90.0, 0.0], [5.0, 5.0]])
        >>> costfn.confusion_informed_weights(matrix)
        tensor([0.1818, 8.3636])

    Source:
        Ours: the idea of weights from a confusion matrix, kept out of the graph.
    """
    smoothing = number("smoothing", smoothing, AT_LEAST_ZERO)
    if not isinstance(table, Counts):
        table = _matrix(table)
        check.weights("table", table, table.shape)
        wide = table.dtype if table.is_floating_point() else torch.float64
        table = checked_weights(table, wide)
    c = each_class(table)
    rate = ratio(c.false_negative + smoothing, c.actual + 2 * smoothing)
    total = c.actual.sum(-1, keepdim=True)
    mean = ratio((rate * c.actual).sum(-1, keepdim=True), total)
    return ratio(rate, mean, 1.0).detach()

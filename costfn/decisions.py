"""From probabilities and costs to decisions, outside the graph.

Arguments may be tensors or array-likes: NumPy arrays such as those of scikit-learn's
`predict_proba`, lists, data frames. Arrays are used in the precision in which they
come; results are tensors.
"""

from collections.abc import Callable
from numbers import Integral
from typing import NamedTuple

import torch
from torch import Tensor

from ._foundation import check, check_costs
from ._foundation.arrays import ArrayLike, as_tensor, as_tensors
from ._foundation.calibration import calibrate_temperature
from ._foundation.hidden import bad_target, checked_costs, poisoned
from ._foundation.math import cast_back, floating, rows_times_matrix, sum_type, upcast
from ._foundation.types import CostVectors, DecisionCost, DecisionMatrix, Labels, Probs
from ._metrics.duality import cost_of
from .confusion import confusion_matrix
from .costs import with_abstention

__all__ = [
    "PlugIn",
    "abstain",
    "calibrate_temperature",
    "expected_costs",
    "minimum_cost_decision",
    "plug_in_decision",
]


def expected_costs(
    probs: Probs | ArrayLike, cost: DecisionCost | ArrayLike
) -> CostVectors:
    """What each decision is expected to cost: `sum_i probs_i cost[i, j]`.

    Args:
        probs: Class probabilities, rows of sum 1, `(*batch, classes)`. Not logits.
        cost: `(classes, decisions)`, or one per example `(*batch, classes, decisions)`.

    Returns:
        Expected costs `(*batch, decisions)`, in the unit of `cost` and the dtype of
        `probs`; NaN for a row that is not a distribution and could not be read.

    Raises:
        TypeError: If `probs` is not floating point.
        ValueError: If shapes do not match, rows are not distributions, or `cost` is not
            finite.

    Example:
        >>> import torch, costfn
        >>> cost = torch.tensor([[0.0, 1.0], [5.0, 0.0]])
        >>> costfn.decisions.expected_costs(torch.tensor([0.75, 0.25]), cost)
        tensor([1.2500, 0.7500])

    Source:
        Elkan, "The Foundations of Cost-Sensitive Learning", IJCAI 2001, eq. 1.
    """
    probs, cost = _problem(probs, cost)
    # Costs may be too large for the dtype of the probabilities.
    wide = torch.promote_types(upcast(probs).dtype, floating(cost).dtype)
    expected = rows_times_matrix(probs.to(wide), checked_costs(cost, wide))
    return cast_back(poisoned(expected, _bad_rows(probs)), probs)


def _problem(probs: object, cost: object) -> tuple[Tensor, Tensor]:
    """Probabilities and costs as tensors, checked. Python's floats are float64."""
    p, c = as_tensors(floats=torch.float64, probs=probs, cost=cost)
    check.probs("probs", p)
    check_costs.cost_matrix("cost", c, classes=p.shape[-1], batch=p.shape[:-1])
    return p, c


def _bad_rows(probs: Tensor) -> Tensor | None:
    invalid = bad_target(probs, probs.shape[-1])
    return None if invalid is None else invalid.unsqueeze(-1)


def minimum_cost_decision(
    probs: Probs | ArrayLike, cost: DecisionCost | ArrayLike
) -> Labels:
    """The decision with the smallest expected cost (Bayes' rule for the cost).

    Valid for class probabilities, from cross entropy or another proper loss; calibrate
    them first. `costfn.catalogue` says for which losses it is valid. Of decisions that
    cost the same the first one is taken; a difference within rounding is ignored.

    Args:
        probs: Class probabilities, rows of sum 1, `(*batch, classes)`. Not logits.
        cost: `(classes, decisions)`, or one per example `(*batch, classes, decisions)`.

    Returns:
        Decisions in `[0, decisions)`, int64, `(*batch,)`; no gradient. -1 where the row
        is not a distribution, or a cost is not finite, and this could not be read.

    Raises:
        TypeError: If `probs` is not floating point.
        ValueError: If shapes do not match, rows are not distributions, or `cost` is not
            finite.

    Example:
        >>> import torch, costfn
        >>> cost = torch.tensor([[0.0, 1.0], [5.0, 0.0]])
        >>> costfn.decisions.minimum_cost_decision(torch.tensor([0.75, 0.25]), cost)
        tensor(1)

    Source:
        Elkan, "The Foundations of Cost-Sensitive Learning", IJCAI 2001, eq. 1.
    """
    p, c = _problem(probs, cost)
    return _cheapest(p.detach(), c.detach())


def _cheapest(probs: Tensor, cost: Tensor) -> Tensor:
    wide = sum_type(upcast(probs))
    # What each decision costs more than the best one. Costs are divided by 4, so that
    # no difference overflows; this changes no decision. Rounding is then relative to
    # the differences, which decide, and not to the costs.
    c = checked_costs(cost, wide) / 4
    regret = poisoned(
        rows_times_matrix(probs.to(wide), c - c.amin(-1, keepdim=True)),
        _bad_rows(probs),
    )
    least = regret.amin(-1, keepdim=True)
    # Probabilities can be negative by rounding, and then regrets are negative too.
    tie = regret - least <= _rounding(probs, cost) * least.abs()
    # As integers, since argmax takes no booleans. Of equal values it takes the first.
    first = tie.to(torch.uint8).argmax(-1)
    return torch.where(least.squeeze(-1).isnan(), -1, first)


def _rounding(probs: Tensor, cost: Tensor) -> float:
    """The relative difference that rounding can make between equal expected costs.

    The given numbers are rounded, and their sum is rounded once for each class.
    """
    given = max(
        torch.finfo(upcast(x).dtype).eps for x in (probs, cost) if x.is_floating_point()
    )
    return 4 * given + 2 * probs.shape[-1] * torch.finfo(sum_type(upcast(probs))).eps


def abstain(
    probs: Probs | ArrayLike, cost: DecisionMatrix | ArrayLike, *, price: float | Tensor
) -> Labels:
    """The minimum-cost decision, or "abstain" where every decision costs more.

    Args:
        probs: Class probabilities, rows of sum 1, `(*batch, classes)`. Not logits.
        cost: Costs `(classes, decisions)`.
        price: Cost of abstaining, in the unit of `cost`.

    Returns:
        Decisions in `[0, decisions]`, int64, `(*batch,)`: `decisions` means abstain,
        which is chosen only if it costs less than every decision.

    Raises:
        TypeError: If `probs` is not floating point or `price` no number.
        ValueError: If shapes do not match, rows are not distributions, or `cost` or
            `price` is not finite.

    Example:
        >>> import torch, costfn
        >>> probs = torch.tensor([[0.6, 0.4], [0.95, 0.05]])
        >>> costfn.decisions.abstain(probs, costfn.costs.zero_one(2), price=0.1)
        tensor([2, 0])

    Source:
        Chow, "On Optimum Recognition Error and Reject Tradeoff", IEEE Trans. Inf.
        Theory 16(1), 1970. https://doi.org/10.1109/TIT.1970.1054406
    """
    p, c = _problem(probs, cost)
    # In the wider dtype of the two: in the narrower one the price would be rounded.
    wide = torch.promote_types(floating(c).dtype, p.dtype)
    return _cheapest(p.detach(), with_abstention(c.to(wide), price).detach())


class PlugIn(NamedTuple):
    """What `plug_in_decision` found.

    Attributes:
        decisions: `(examples,)`, int64.
        cost: The cost matrix `(classes, classes)` of the metric at their confusion
            matrix; if converged, they are the cheapest under it.
        iterations: Number of cost matrices that were made.
        converged: Whether the decisions are a fixed point; if not, they are the best of
            those tried.
    """

    decisions: Tensor
    cost: Tensor
    iterations: int
    converged: bool


def plug_in_decision(
    probs: Probs | ArrayLike, metric: Callable[..., Tensor], *, iterations: int = 50
) -> PlugIn:
    """The decisions that a metric asks for, from probabilities.

    Repeats to a fixed point: the confusion matrix expected of the decisions; its
    `cost_of` the metric; the minimum-cost decisions for that. Starts from argmax; after
    a step that did not improve the metric it goes on from the mean of the matrices.

    Args:
        probs: Class probabilities, rows of sum 1, `(examples, classes)`: calibrated
            ones of the examples to decide on. Not logits.
        metric: Function of a confusion matrix to a scalar, larger is better, such as
            those of `costfn.metrics`.
        iterations: Largest number of iterations, at least 1.

    Returns:
        The decisions, their cost matrix, the iterations and whether they converged.

    Raises:
        TypeError: If `probs` is not floating point, `metric` not callable or
            `iterations` no integer.
        ValueError: If `probs` is not `(examples, classes)`, its rows are not
            distributions, `iterations` below 1, or the metric no scalar.

    Example:
        >>> import torch, costfn
        >>> probs = torch.tensor([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.55, 0.45]])
        >>> found = costfn.decisions.plug_in_decision(probs, costfn.metrics.recall)
        >>> found.decisions, found.iterations, found.converged
        (tensor([0, 0, 1, 1]), 2, True)

    Source:
        Narasimhan et al., "Consistent Multiclass Algorithms for Complex Performance
        Measures", ICML 2015. https://proceedings.mlr.press/v37/narasimhanb15.html
    """
    probs = as_tensor("probs", probs, floats=torch.float64)
    check.probs("probs", probs)
    if probs.ndim != 2:
        raise ValueError(
            f"probs must be (examples, classes), got shape {tuple(probs.shape)}"
        )
    if not callable(metric):
        raise TypeError(f"metric must be callable, got {type(metric).__name__}")
    if isinstance(iterations, bool) or not isinstance(iterations, Integral):
        raise TypeError(
            f"iterations must be an integer, got {type(iterations).__name__}"
        )
    if iterations < 1:
        raise ValueError(f"iterations must be at least 1, got {iterations}")
    p = probs.detach().to(sum_type(upcast(probs)))
    # Rows of half precision sum to 1 only roughly; here that would not be accepted.
    p = poisoned(p / p.sum(-1, keepdim=True), _bad_rows(probs))
    classes = p.shape[-1]
    decided = p.argmax(-1)
    # The matrix is that of `decided`, or a mixture where the last step went too far.
    matrix, mixed = confusion_matrix(decided, p, classes=classes), False
    best, highest = decided, _scalar(metric(matrix))
    for step in range(1, iterations + 1):
        cost = cost_of(metric, matrix)
        after = minimum_cost_decision(p, cost)
        same, pure = torch.equal(after, decided), not mixed
        if same and pure:
            return PlugIn(decided, cost, step, True)
        matrix_after = confusion_matrix(after, p, classes=classes)
        value = _scalar(metric(matrix_after))
        if value > highest:
            best, highest = after, value
        mixed = not same and after is not best
        matrix = (matrix + matrix_after) / 2 if mixed else matrix_after
        decided = after
    own = cost_of(metric, confusion_matrix(best, p, classes=classes))
    return PlugIn(best, own, iterations, False)


def _scalar(value: Tensor) -> float:
    if value.ndim:
        raise ValueError(f"metric must give a scalar, got shape {tuple(value.shape)}")
    return float(value)

"""From probabilities and costs to decisions, outside the graph."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from . import _check
from ._duality import cost_of
from ._math import times, upcast
from ._types import (
    CostVectors,
    DecisionCost,
    DecisionMatrix,
    Labels,
    Logits,
    Probs,
)
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


def expected_costs(probs: Probs, cost: DecisionCost) -> CostVectors:
    """What each decision is expected to cost: `sum_i probs_i cost[i, j]`.

    Args:
        probs: Class probabilities, rows of sum 1, `(*batch, classes)`. Not logits.
        cost: `(classes, decisions)`, or one per example `(*batch, classes, decisions)`.

    Returns:
        Expected costs `(*batch, decisions)`, in the unit of `cost`.

    Raises:
        TypeError: If `probs` is not floating point.
        ValueError: If shapes do not match, rows are no probabilities, or `cost` is not
            finite.

    Example:
        >>> import torch, costfn
        >>> cost = torch.tensor([[0.0, 1.0], [5.0, 0.0]])
        >>> costfn.decisions.expected_costs(torch.tensor([0.75, 0.25]), cost)
        tensor([1.2500, 0.7500])

    Source:
        Elkan, "The Foundations of Cost-Sensitive Learning", IJCAI 2001, eq. 1.
    """
    return _expected_costs(probs, cost).to(probs.dtype)


def _expected_costs(probs: Tensor, cost: Tensor) -> Tensor:
    _check.probs("probs", probs)
    batch, classes = probs.shape[:-1], probs.shape[-1]
    _check.cost_matrix("cost", cost, classes=classes, batch=batch)
    p = upcast(probs)
    return times(p, cost.to(p.dtype))


def minimum_cost_decision(probs: Probs, cost: DecisionCost) -> Labels:
    """The decision with the smallest expected cost (Bayes' rule for the cost).

    Legitimate for probabilities of the classes: from cross entropy or another proper
    loss, best calibrated first; `costfn.catalogue` says for which losses. Among equals
    the first decision wins.

    Args:
        probs: Class probabilities, rows of sum 1, `(*batch, classes)`. Not logits.
        cost: `(classes, decisions)`, or one per example `(*batch, classes, decisions)`.

    Returns:
        Decisions in `[0, decisions)`, int64, `(*batch,)`; no gradient.

    Raises:
        TypeError: If `probs` is not floating point.
        ValueError: If shapes do not match, rows are no probabilities, or `cost` is not
            finite.

    Example:
        >>> import torch, costfn
        >>> cost = torch.tensor([[0.0, 1.0], [5.0, 0.0]])
        >>> costfn.decisions.minimum_cost_decision(torch.tensor([0.75, 0.25]), cost)
        tensor(1)

    Source:
        Elkan, "The Foundations of Cost-Sensitive Learning", IJCAI 2001, eq. 1.
    """
    return _expected_costs(probs, cost).argmin(-1)


def abstain(probs: Probs, cost: DecisionMatrix, *, price: float | Tensor) -> Labels:
    """The minimum-cost decision, or "abstain" where every decision is dearer.

    Args:
        probs: Class probabilities, rows of sum 1, `(*batch, classes)`. Not logits.
        cost: Costs `(classes, decisions)`.
        price: Cost of abstaining, in the unit of `cost`.

    Returns:
        Decisions in `[0, decisions]`, int64, `(*batch,)`: `decisions` means abstain.

    Raises:
        TypeError: If `probs` is not floating point.
        ValueError: If shapes do not match, rows are no probabilities, or `cost` or
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
    return minimum_cost_decision(probs, with_abstention(cost, price))


class PlugIn(NamedTuple):
    """What `plug_in_decision` found.

    Attributes:
        decisions: `(examples,)`, int64.
        cost: The cost matrix `(classes, classes)` of the metric at their confusion
            matrix; if converged, they are the cheapest under it.
        iterations: How often a cost matrix was made.
        converged: Whether they are a fixed point; if not, the best ones met.
    """

    decisions: Tensor
    cost: Tensor
    iterations: int
    converged: bool


def plug_in_decision(
    probs: Probs, metric: Callable[..., Tensor], *, iterations: int = 50
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
        iterations: At most so many, at least 1.

    Returns:
        The decisions, their cost matrix, the iterations and whether they converged.

    Raises:
        TypeError: If `probs` is not floating point.
        ValueError: If `probs` is not `(examples, classes)`, its rows are no
            probabilities, or `iterations` below 1.

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
    _check.probs("probs", probs)
    if probs.ndim != 2:
        raise ValueError(
            f"probs must be (examples, classes), got shape {tuple(probs.shape)}"
        )
    if iterations < 1:
        raise ValueError(f"iterations must be at least 1, got {iterations}")
    p = probs.detach().double()
    # What half precision left of a sum of 1 would be no probabilities here.
    p = p / p.sum(-1, keepdim=True)
    classes = p.shape[-1]
    decided = p.argmax(-1)
    # The matrix is that of `decided`, or a mixture where the last step went too far.
    matrix, mixed = confusion_matrix(decided, p, classes=classes), False
    best, highest = decided, float(metric(matrix))
    for step in range(1, iterations + 1):
        cost = cost_of(metric, matrix)
        after = minimum_cost_decision(p, cost)
        same, pure = torch.equal(after, decided), not mixed
        if same and pure:
            return PlugIn(decided, cost, step, True)
        matrix_after = confusion_matrix(after, p, classes=classes)
        value = float(metric(matrix_after))
        if value > highest:
            best, highest = after, value
        mixed = not same and after is not best
        matrix = (matrix + matrix_after) / 2 if mixed else matrix_after
        decided = after
    own = cost_of(metric, confusion_matrix(best, p, classes=classes))
    return PlugIn(best, own, iterations, False)


def calibrate_temperature(logits: Logits, labels: Labels) -> Tensor:
    """The temperature at which `softmax(logits / temperature)` fits the labels best.

    Minimises the mean cross entropy over the inverse temperature, in which it is
    convex, by bisection of its derivative. Use held-out data, not the training set.

    Args:
        logits: Scores of the classes, `(examples, classes)` or any batch axes.
        labels: Class indices, `(examples,)`, at least one.

    Returns:
        The temperature in [1e-3, 1e3], a scalar in the dtype of `logits`, no gradient.
        An end of that range means that no temperature inside is best: labels that the
        logits always, or never, rank first.

    Raises:
        TypeError: If `logits` is not floating point or `labels` not integer.
        ValueError: If shapes do not match, there is no example, a label is out of
            range, or a logit is not finite.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[9.0, 0.0]]).repeat(4, 1)
        >>> costfn.decisions.calibrate_temperature(logits, torch.tensor([0, 0, 0, 1]))
        tensor(8.1922)

    Source:
        Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
        https://arxiv.org/abs/1706.04599
    """
    _check.scores("logits", logits)
    _check.labels("labels", labels, logits.shape[:-1], logits.shape[-1])
    if not labels.numel():
        raise ValueError("labels must hold at least one example, got none")
    z = logits.detach().double()
    if not z.isfinite().all():
        raise ValueError("logits must be finite, got NaN or infinity")
    z = z - z.amax(-1, keepdim=True)
    labelled = z.gather(-1, labels.long().unsqueeze(-1)).squeeze(-1).mean()
    low, high = z.new_tensor(-3.0), z.new_tensor(3.0)  # log10 of the inverse
    for _ in range(60):
        middle = (low + high) / 2
        mean = ((z * 10**middle).softmax(-1) * z).sum(-1).mean()
        too_sharp = mean > labelled
        low, high = (
            torch.where(too_sharp, low, middle),
            torch.where(too_sharp, middle, high),
        )
    return (10 ** -((low + high) / 2)).to(logits.dtype)

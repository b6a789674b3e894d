"""Losses that put the cost of the decision into the objective itself.

`p` is the softmax of the logits and `c` the example's cost vector: the row of its label
in the cost matrix, `cost[y]`, or `q @ cost` for class probabilities `q`.
"""

from math import factorial
from typing import Literal, get_args

import torch
from torch import Tensor

from .._foundation import check, check_costs
from .._foundation.hidden import checked_costs, finished
from .._foundation.math import cross_entropy, log_complement, rows_times_matrix
from .._foundation.options import ABOVE_ZERO, AT_LEAST_ZERO, FINITE, number
from .._foundation.types import (
    CostVectors,
    DecisionCost,
    DecisionLogits,
    Logits,
    Losses,
    SquareCost,
    Target,
)
from .cost_vector import costs_of_decisions

Base = Literal["cross_entropy", "log_cost"]


def expected_cost_loss(
    logits: DecisionLogits,
    target: Target | None,
    cost: DecisionCost | CostVectors,
    *,
    risk: float | Tensor = 0.0,
) -> Losses:
    """Cost of a decision drawn from the softmax: argmax's cost, made differentiable.

    `sum_j p_j c_j`; with `risk = r`, the entropic mean `log(sum_j p_j exp(r c_j)) / r`.
    At one-hot probabilities it equals the cost of the decision exactly.

    Properties: 0 at a perfect prediction if the right decision is free; bounded by the
    costs; consistent for any cost under argmax; not convex in the logits, and its
    gradient vanishes where the softmax is confidently wrong, so training can stall.

    Args:
        logits: Scores of the decisions, `(*batch, decisions)`.
        target: Labels `(*batch,)` or class probabilities `(*batch, classes)`; None if
            `cost` holds each example's own cost vector.
        cost: `cost[i, j]` of deciding `j` when the truth is `i`: `(classes, decisions)`
            or one per example, `(*batch, classes, decisions)`; with `target=None`,
            `(*batch, decisions)`. Further columns are actions such as "abstain".
        risk: Aversion to risk, in 1 / cost, finite: at 0 the mean cost, above it
            more, towards the largest cost; below it less, towards the smallest.

    Returns:
        Loss of each example, in the unit of `cost`, `(*batch,)`.

    Raises:
        TypeError: If `logits` is not floating point, or `target` neither kind.
        ValueError: If shapes do not match, a label is out of range, rows of `target`
            are no probabilities, or `cost` or `risk` is not finite.

    Example:
        >>> import torch, costfn
        >>> cost = torch.tensor([[0.0, 1.0], [5.0, 0.0]])
        >>> logits = torch.tensor([[2.0, 0.0], [2.0, 0.0]])
        >>> costfn.expected_cost_loss(logits, torch.tensor([0, 1]), cost)
        tensor([0.1192, 4.4040])

    Source:
        Resheff et al., "Controlling Imbalanced Error in Deep Learning with the Log
        Bilinear Loss", LIDTA 2017 (the bilinear loss). https://arxiv.org/abs/1704.06062
        The entropic mean: Föllmer and Schied, "Stochastic Finance", de Gruyter, 2002;
        as a loss over decisions it is ours. `risk = -1/t` is `t` times the forward-
        corrected loss with the transition `exp(-cost / t)`.
    """
    check_costs.decision_problem(logits, target, cost)
    aversion = number("risk", risk, FINITE)
    z, c, invalid = costs_of_decisions(logits, target, cost)
    return finished(_expected_cost(z, c, aversion), logits, invalid)


def _expected_cost(z: Tensor, c: Tensor, risk: float | Tensor) -> Tensor:
    if isinstance(risk, Tensor):
        return _learned_risk(z, c, risk.to(z.dtype))
    return _entropic_mean(z, c, risk) if risk else (c * z.softmax(-1)).sum(-1)


def _entropic_mean(z: Tensor, c: Tensor, risk: float | Tensor) -> Tensor:
    # The difference of two log-sum-exps loses small risks and small costs to rounding;
    # log1p of a mean of expm1 keeps them wherever it neither overflows nor cancels.
    low = c.detach().amin(-1, keepdim=True)
    gain = risk * (c - low)
    moderate = gain.amax(-1, keepdim=True) < 30
    mean = (z.softmax(-1) * torch.expm1(torch.where(moderate, gain, 0.0))).sum(-1)
    near = moderate.squeeze(-1) & (mean > -0.5)
    log_mean = torch.where(
        near,
        torch.log1p(torch.where(near, mean, 0.0)),
        (z.log_softmax(-1) + gain).logsumexp(-1),
    )
    return low.squeeze(-1) + log_mean / risk


def _learned_risk(z: Tensor, c: Tensor, risk: Tensor) -> Tensor:
    """The entropic mean with its derivative in the risk, at 0 half the variance.

    A quotient by the risk has none at 0. With `d = c - mean` it is
    `mean + risk s g(risk**2 s)`, where `s = sum_j p_j d_j**2 f(risk d_j)`,
    `f(x) = (exp(x) - 1 - x) / x**2` and `g(x) = log(1 + x) / x`: smooth everywhere.
    """
    p = z.softmax(-1)
    mean = (p * c).sum(-1, keepdim=True)
    d = c - mean
    x = risk * d
    near = x.detach().abs().amax(-1, keepdim=True) < 1
    s = (p * d * d * _second_remainder(torch.where(near, x, 0.0))).sum(-1)
    near = near.squeeze(-1)
    smooth = mean.squeeze(-1) + risk * s * _log_quotient(risk * risk * s)
    return torch.where(
        near, smooth, _entropic_mean(z, c, torch.where(risk == 0, 1.0, risk))
    )


def _second_remainder(x: Tensor) -> Tensor:
    """`(exp(x) - 1 - x) / x**2` for `abs(x) < 1`, by its power series."""
    total = torch.zeros_like(x)
    for k in range(18, 1, -1):
        total = total * x + 1 / factorial(k)
    return total


def _log_quotient(x: Tensor) -> Tensor:
    """`log(1 + x) / x`, by its power series where the quotient would cancel."""
    near = x.detach().abs() < 0.01
    apart = torch.where(near, 1.0, x)
    y = torch.where(near, x, 0.0)
    series = torch.zeros_like(x)
    for k in range(9, 0, -1):
        series = series * -y + 1 / k
    return torch.where(near, series, torch.log1p(apart) / apart)


def log_cost_loss(
    logits: DecisionLogits, target: Target | None, cost: DecisionCost | CostVectors
) -> Losses:
    """Cost-weighted log loss on every wrong decision: trains like cross entropy.

    `-sum_j c_j log(1 - p_j)`: a confident costly mistake is punished without bound.

    Properties: 0 at a perfect prediction if the right decision is free; at least
    `expected_cost_loss`; convex in the probabilities; consistent for any cost under
    argmax, and strictly proper for the zero-one cost. Its probabilities are not those
    of the classes: do not apply the minimum-cost rule to them.

    Args:
        logits: Scores of the decisions, `(*batch, decisions)`.
        target: Labels `(*batch,)` or class probabilities `(*batch, classes)`; None if
            `cost` holds each example's own cost vector.
        cost: Costs, at least 0: `(classes, decisions)`, `(*batch, classes, decisions)`,
            or `(*batch, decisions)` with `target=None`.

    Returns:
        Loss of each example, in the unit of `cost` times nats, `(*batch,)`.

    Raises:
        TypeError: If `logits` is not floating point, or `target` neither kind.
        ValueError: If shapes do not match, a label is out of range, rows of `target`
            are no probabilities, or `cost` is negative or not finite.

    Example:
        >>> import torch, costfn
        >>> cost = torch.tensor([[0.0, 1.0], [5.0, 0.0]])
        >>> logits = torch.tensor([[2.0, 0.0], [2.0, 0.0]])
        >>> costfn.log_cost_loss(logits, torch.tensor([0, 1]), cost)
        tensor([ 0.1269, 10.6346])

    Source:
        Resheff et al., "Controlling Imbalanced Error in Deep Learning with the Log
        Bilinear Loss", LIDTA 2017. https://arxiv.org/abs/1704.06062 With
        `cost = abs(i - j)**a` it is the class distance weighted cross entropy of Polat
        et al., 2022. https://arxiv.org/abs/2202.05167
    """
    check_costs.decision_problem(logits, target, cost, non_negative=True)
    z, c, invalid = costs_of_decisions(logits, target, cost, non_negative=True)
    return finished(_log_cost(z, c), logits, invalid)


def _log_cost(z: Tensor, c: Tensor) -> Tensor:
    return -(c * log_complement(z)).sum(-1)


def cost_regularized_loss(
    logits: Logits,
    target: Target,
    cost: SquareCost,
    *,
    base: Base = "cross_entropy",
    strength: float | Tensor = 1.0,
) -> Losses:
    """A log loss plus the expected cost: learns like cross entropy, minds the costs.

    `base + strength * sum_j p_j c_j`.

    Properties: 0 at a perfect prediction if that is free; log-divergent; not convex;
    with cross entropy as base not consistent for the cost, though close for a large
    strength and among the best in practice on small data. To mix in `log_cost_loss`
    instead of the expected cost, add the two losses.

    Args:
        logits: Scores of the classes, `(*batch, classes)`.
        target: Labels `(*batch,)` or class probabilities `(*batch, classes)`.
        cost: Costs, `(classes, classes)` or `(*batch, classes, classes)`; at least 0
            for `base="log_cost"`.
        base: `"cross_entropy"`, or `"log_cost"` for `log_cost_loss`.
        strength: Weight of the expected cost, at least 0, in nats / cost.

    Returns:
        Loss of each example, in nats, `(*batch,)`.

    Raises:
        TypeError: If `logits` is not floating point, or `target` neither kind.
        ValueError: If shapes do not match, a label is out of range, rows of `target`
            are no probabilities, `cost` is not finite or negative for a log cost,
            `base` is unknown or `strength` below 0.

    Example:
        >>> import torch, costfn
        >>> cost = torch.tensor([[0.0, 1.0], [5.0, 0.0]])
        >>> logits = torch.tensor([[2.0, 0.0], [2.0, 0.0]])
        >>> costfn.cost_regularized_loss(logits, torch.tensor([0, 1]), cost)
        tensor([0.2461, 6.5309])

    Source:
        Galdran et al., "Cost-Sensitive Regularization for Diabetic Retinopathy Grading
        from Eye Fundus Images", MICCAI 2020. https://arxiv.org/abs/2010.00291
    """
    check.one_of("base", base, get_args(Base))
    log_base = base == "log_cost"
    check_costs.class_problem(logits, target, cost, non_negative=log_base)
    share = number("strength", strength, AT_LEAST_ZERO)
    z, c, invalid = costs_of_decisions(logits, target, cost, non_negative=log_base)
    of_base = _log_cost(z, c) if log_base else cross_entropy(z, target)
    losses = of_base + share * _expected_cost(z, c, 0.0)
    return finished(losses, logits, invalid)


def soft_decision_cost_loss(
    logits: Logits,
    target: Target,
    cost: DecisionCost,
    *,
    temperature: float | Tensor,
) -> Losses:
    """Cost of the minimum-cost decision of the probabilities, made soft.

    `sum_j d_j c_j` with `d = softmax(-(p @ cost) / temperature)`: train probabilities
    for the decisions that the minimum-cost rule will take on them.

    Properties: bounded by the costs; not convex, and not log-divergent; as the
    temperature goes to 0, the cost of `decisions.minimum_cost_decision`, a proper
    scoring rule whose gradient is 0 almost everywhere.

    Args:
        logits: Scores of the classes, `(*batch, classes)`.
        target: Labels `(*batch,)` or class probabilities `(*batch, classes)`.
        cost: Costs, `(classes, decisions)` or `(*batch, classes, decisions)`.
        temperature: Softness of the decision, above 0, in the unit of `cost`; a tenth
            of a typical cost is a start.

    Returns:
        Loss of each example, in the unit of `cost`, `(*batch,)`.

    Raises:
        TypeError: If `logits` is not floating point, or `target` neither kind.
        ValueError: If shapes do not match, a label is out of range, rows of `target`
            are no probabilities, `cost` is not finite or `temperature` not above 0.

    Example:
        >>> import torch, costfn
        >>> cost = torch.tensor([[0.0, 1.0], [5.0, 0.0]])
        >>> logits = torch.tensor([[2.0, 0.0], [2.0, 0.0]])
        >>> target = torch.tensor([0, 1])
        >>> costfn.soft_decision_cost_loss(logits, target, cost, temperature=0.5)
        tensor([0.3613, 3.1933])

    Source:
        Ours, after the view of decision costs as proper scoring rules in Ferrer,
        "Analysis and Comparison of Classification Metrics", 2022.
        https://arxiv.org/abs/2209.05355
    """
    check_costs.class_problem(logits, target, cost, square=False)
    softness = number("temperature", temperature, ABOVE_ZERO)
    z, c, invalid = costs_of_decisions(logits, target, cost)
    expected = rows_times_matrix(z.softmax(-1), checked_costs(cost, z.dtype))
    decision = (-expected / softness).softmax(-1)
    return finished((decision * c).sum(-1), logits, invalid)

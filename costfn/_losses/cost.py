"""Losses that put the cost of the decision into the objective itself.

`p` is the softmax of the logits and `c` the example's cost vector: the row of its label
in the cost matrix, `cost[y]`, or `q @ cost` for class probabilities `q`.
"""

from typing import Literal, get_args

from torch import Tensor

from .._foundation import check, check_costs
from .._foundation.entry import Entry
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
from .entropic_mean import expected_cost

__all__ = [
    "cost_regularized_loss",
    "expected_cost_loss",
    "log_cost_loss",
    "soft_decision_cost_loss",
]

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
        target: Labels, class probabilities, or None with cost vectors.
        cost: `(classes, decisions)`, one per example, or vectors `(*batch, decisions)`.
            Further columns are actions such as "abstain".
        risk: Aversion to risk, in 1 / cost, finite: at 0 the mean cost, above it
            more, towards the largest cost; below it less, towards the smallest.

    Returns:
        Loss of each example, in the unit of `cost`, `(*batch,)`.

    Raises:
        ValueError: If `risk` is not finite; else what every loss raises, see `costfn`.

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
    return finished(expected_cost(z, c, aversion), logits, invalid)


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
        target: Labels, class probabilities, or None with cost vectors.
        cost: At least 0; shapes as in `expected_cost_loss`.

    Returns:
        Loss of each example, in the unit of `cost` times nats, `(*batch,)`.

    Raises:
        ValueError: If a cost is below 0; else what every loss raises, see `costfn`.

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
        cost: `(classes, classes)`, or one per example; at least 0 for a log cost.
        base: `"cross_entropy"`, or `"log_cost"` for `log_cost_loss`.
        strength: Weight of the expected cost, at least 0, in nats / cost.

    Returns:
        Loss of each example, in nats, `(*batch,)`.

    Raises:
        ValueError: If `base` is unknown, `strength` or a cost of a log cost below 0;
            else what every loss raises, see `costfn`.

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
    losses = of_base + share * expected_cost(z, c, 0.0)
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
    temperature goes to 0, the cost of `decisions.minimum_cost_decision`: proper, with
    gradient 0 almost everywhere.

    Args:
        logits: Scores of the classes, `(*batch, classes)`.
        target: Labels `(*batch,)` or class probabilities `(*batch, classes)`.
        cost: `(classes, decisions)`, or one per example.
        temperature: Softness of the decision, above 0, in the unit of `cost`; a tenth
            of a typical cost is a start.

    Returns:
        Loss of each example, in the unit of `cost`, `(*batch,)`.

    Raises:
        ValueError: If `temperature` is not above 0; else what every loss raises,
            see `costfn`.

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


ENTRIES = (
    Entry(
        loss=expected_cost_loss,
        family="cost",
        formula="sum_j p_j c_j",
        source="Resheff et al., LIDTA 2017",
        link="https://arxiv.org/abs/1704.06062",
        takes=("target", "cost"),
        decisions=("argmax",),
        consistent=("argmax",),
        zero_at_perfect=True,
        bounded=True,
        remark="Gradient vanishes where confidently wrong; can stall on small data.",
        use="the cost itself is the objective; actions beyond the classes; `risk=` for "
        "aversion to large costs",
        scores="decisions",
        actions=True,
        default_for="cost",
    ),
    Entry(
        loss=log_cost_loss,
        family="cost",
        formula="-sum_j c_j log(1 - p_j)",
        source="Resheff et al., LIDTA 2017",
        link="https://arxiv.org/abs/1704.06062",
        takes=("target", "cost"),
        decisions=("argmax",),
        consistent=("argmax",),
        zero_at_perfect=True,
        log_divergent=True,
        remark="Needs costs of at least 0. Strictly proper for the zero-one cost only.",
        use="argmax must be cheap, training must not stall",
        scores="decisions",
        actions=True,
        default_for="cost",
    ),
    Entry(
        loss=cost_regularized_loss,
        family="cost",
        formula="-log(p_y) + strength sum_j p_j c_j",
        source="Galdran et al., MICCAI 2020",
        link="https://arxiv.org/abs/2010.00291",
        takes=("target", "cost"),
        decisions=("argmax",),
        zero_at_perfect=True,
        log_divergent=True,
        remark="With base 'log_cost' consistent under argmax.",
        use="cross entropy, but minding the costs",
        default_for="cost",
    ),
    Entry(
        loss=soft_decision_cost_loss,
        family="cost",
        formula="sum_j d_j c_j, d = softmax(-(p C) / temperature)",
        source="after Ferrer, 2022",
        link="https://arxiv.org/abs/2209.05355",
        takes=("target", "cost", "temperature"),
        decisions=("minimum_cost",),
        bounded=True,
        remark="Consistent in the limit of temperature 0 only.",
        use="you deploy the minimum-cost rule and train for it end to end",
        actions=True,
        options={"temperature": 0.25},
    ),
)

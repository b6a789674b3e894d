"""Convex losses of the scores of decisions: costs regressed, or scores pushed down.

`c` is the example's cost vector: the row of its label in the cost matrix, `cost[y]`.
"""

from typing import Literal, get_args

import torch
from torch import Tensor

from .._foundation import check, check_costs
from .._foundation.entry import Entry
from .._foundation.hidden import finished
from .._foundation.math import centered, relu, softplus
from .._foundation.types import (
    CostVectors,
    DecisionCost,
    DecisionLogits,
    Losses,
    Target,
)
from .cost_vector import costs_of_decisions

__all__ = ["cost_regression_loss", "sum_to_zero_loss"]

Phi = Literal["exp", "softplus", "hinge"]


def cost_regression_loss(
    logits: DecisionLogits,
    target: Target | None,
    cost: DecisionCost | CostVectors,
    *,
    one_sided: bool = False,
    smooth: bool = True,
) -> Losses:
    """Regress the costs themselves; decide for the smallest output, **argmin**.

    `sum_j (z_j - c_j)**2`. One-sided: `sum_j phi(s_j (z_j - c_j))` with `s_j = 1` where
    `c_j` is the smallest cost of its example and -1 elsewhere, `phi` softplus or, not
    smooth, `max(0, x)`: a cheap decision may be estimated too low, a costly one too
    high.

    Properties: convex; two-sided it is 0 where the outputs are the costs, and
    consistent for any cost under argmin, though wasteful for many classes; one-sided it
    bounds the cost from above but is not consistent under noise. Not invariant to
    adding a constant to the outputs.

    Args:
        logits: Estimated costs of the decisions, `(*batch, decisions)`.
        target: Labels, class probabilities, or None with cost vectors.
        cost: `(classes, decisions)`, one per example, or vectors `(*batch, decisions)`.
        one_sided: Whether errors on the harmless side are free.
        smooth: For the one-sided form, softplus (True) or its limit `max(0, x)`.

    Returns:
        Loss of each example, in the unit of `cost`, squared if two-sided, `(*batch,)`.

    Raises:
        ValueError: If the two-sided form is asked for with `smooth=False`; else what
            every loss raises, see `costfn`.

    Example:
        >>> import torch, costfn
        >>> cost = torch.tensor([[0.0, 1.0], [5.0, 0.0]])
        >>> estimates = torch.tensor([[0.5, 1.0], [2.0, 0.0]])
        >>> costfn.cost_regression_loss(estimates, torch.tensor([0, 1]), cost)
        tensor([0.2500, 9.0000])

    Source:
        Two-sided: Beygelzimer et al., "Error Limiting Reductions Between Classification
        Tasks", ICML 2005. One-sided: Tu and Lin, "One-Sided Support Vector Regression
        for Multiclass Cost-Sensitive Classification", ICML 2010; smooth: Chung et al.,
        "Cost-Aware Pre-Training for Multiclass Cost-Sensitive Deep Learning", IJCAI
        2016. https://arxiv.org/abs/1511.09337 All minimal costs of an example count as
        its cheap side, not one of them.
    """
    check_costs.decision_problem(logits, target, cost)
    if not (one_sided or smooth):
        raise ValueError(
            "smooth must be True for the two-sided loss, got False; it chooses between "
            "two forms of the one-sided loss (one_sided=True)"
        )
    z, c, invalid = costs_of_decisions(logits, target, cost)
    error = z - c
    if not one_sided:
        return finished((error * error).sum(-1), logits, invalid)
    cheap = c == c.amin(-1, keepdim=True)
    harm = torch.where(cheap, error, -error)
    losses = (softplus(harm) if smooth else relu(harm)).sum(-1)
    return finished(losses, logits, invalid)


def sum_to_zero_loss(
    logits: DecisionLogits,
    target: Target | None,
    cost: DecisionCost | CostVectors,
    *,
    phi: Phi = "exp",
) -> Losses:
    """Push down the scores of costly decisions, with the scores made to sum to zero.

    `sum_j c_j phi(s_j)` with `s = z - mean(z)` and `phi` one of `exp(s)`,
    `log(1 + exp(s))`, or the hinge `max(0, 1 / (decisions - 1) + s)`.

    Properties: convex and consistent for any cost under argmax; not 0 at any finite
    prediction (the hinge reaches 0). The exponential is continued by its tangent above
    `s = 30`, so that every finite score has a finite loss.

    Args:
        logits: Scores of the decisions, `(*batch, decisions)`.
        target: Labels, class probabilities, or None with cost vectors.
        cost: At least 0; shapes as in `expected_cost_loss`.
        phi: `"exp"`, `"softplus"` or `"hinge"`.

    Returns:
        Loss of each example, in the unit of `cost`, `(*batch,)`.

    Raises:
        ValueError: If a cost is below 0, or `phi` unknown; else what every loss raises,
            see `costfn`.

    Example:
        >>> import torch, costfn
        >>> cost = torch.tensor([[0.0, 1.0], [5.0, 0.0]])
        >>> logits = torch.tensor([[2.0, 0.0], [2.0, 0.0]])
        >>> costfn.sum_to_zero_loss(logits, torch.tensor([0, 1]), cost)
        tensor([ 0.3679, 13.5914])

    Source:
        Lee, Lin and Wahba, "Multicategory Support Vector Machines", JASA 99, 2004
        (hinge); Ávila Pires et al., "Cost-Sensitive Multiclass Classification Risk
        Bounds", ICML 2013. https://proceedings.mlr.press/v28/avilapires13.html
    """
    check_costs.decision_problem(logits, target, cost, non_negative=True)
    check.one_of("phi", phi, get_args(Phi))
    z, c, invalid = costs_of_decisions(logits, target, cost, non_negative=True)
    z = centered(z)
    # Decisions masked out by -inf take no part: neither in the mean nor in the sum.
    out = z == -torch.inf
    z = z.masked_fill(out, 0.0)
    number = (~out).to(z.dtype).sum(-1, keepdim=True)
    s = z - z.sum(-1, keepdim=True) / number
    losses = (c.masked_fill(out, 0.0) * _phi(s, phi, number)).sum(-1)
    return finished(losses, logits, invalid)


def _phi(s: Tensor, phi: Phi, number: Tensor) -> Tensor:
    if phi == "softplus":
        return softplus(s)
    if phi == "hinge":
        return relu(s + 1 / (number - 1).clamp(min=1))
    limit = 30.0
    bounded = torch.where(s > limit, limit, s)
    return bounded.exp() * (1 + s - bounded)


ENTRIES = (
    Entry(
        loss=cost_regression_loss,
        family="cost",
        formula="sum_j (z_j - c_j)^2",
        source="Beygelzimer et al., ICML 2005; Tu and Lin, ICML 2010",
        link="https://arxiv.org/abs/1511.09337",
        takes=("target", "cost"),
        decisions=("argmin",),
        consistent=("argmin",),
        convex=True,
        log_divergent=True,
        remark="Outputs are costs: the smallest decides. One-sided: not consistent.",
        use="costs differ per example, and their size matters, not only the decision",
        scores="decisions",
        actions=True,
        default_for="cost",
    ),
    Entry(
        loss=sum_to_zero_loss,
        family="cost",
        formula="sum_j c_j phi(z_j - mean(z))",
        source="Lee et al., JASA 2004; Ávila Pires et al., ICML 2013",
        link="https://proceedings.mlr.press/v28/avilapires13.html",
        takes=("target", "cost"),
        decisions=("argmax",),
        consistent=("argmax",),
        zero_at_perfect=True,
        convex=True,
        log_divergent=True,
        remark="Needs costs of at least 0. Learns slowly from little data.",
        use="convex and consistent, plenty of data",
        scores="decisions",
        actions=True,
        default_for="cost",
    ),
)

"""Losses with margins and regressions in the size of the costs.

`c` is the example's cost vector: the row of its label in the cost matrix, `cost[y]`.
"""

from typing import Literal, get_args

import torch
from torch import Tensor

from .._foundation import check, check_costs
from .._foundation.hidden import bad_target, checked_costs, finished
from .._foundation.math import (
    centered,
    class_probs,
    cross_entropy,
    mean_over_classes,
    possible,
    relu,
    safe_labels,
    softplus,
    upcast,
)
from .._foundation.types import (
    CostVectors,
    DecisionCost,
    DecisionLogits,
    Logits,
    Losses,
    SquareCost,
    Target,
)
from .cost_vector import costs_of_decisions, select_costs

Phi = Literal["exp", "softplus", "hinge"]


def softmax_margin_loss(logits: Logits, target: Target, cost: SquareCost) -> Losses:
    """Cross entropy with the costs as margins: a costly rival must stay further away.

    `log(sum_j exp(z_j + c_j - c_y)) - z_y`; for class probabilities, its mean over the
    label. Costs are in nats here: multiply the matrix to make margins wider.

    Properties: convex; log-divergent; at least the cost of the argmax decision; 0 only
    in the limit; not consistent for the cost (81 % of posteriors on a 4-class example).

    Args:
        logits: Scores of the classes, `(*batch, classes)`.
        target: Labels `(*batch,)` or class probabilities `(*batch, classes)`, which
            take `classes` times the memory.
        cost: Costs, `(classes, classes)` or `(*batch, classes, classes)`.

    Returns:
        Loss of each example, in nats, `(*batch,)`.

    Raises:
        TypeError: If `logits` is not floating point, or `target` neither kind.
        ValueError: If shapes do not match, a label is out of range, rows of `target`
            are no probabilities, or `cost` is not finite.

    Example:
        >>> import torch, costfn
        >>> cost = torch.tensor([[0.0, 1.0], [5.0, 0.0]])
        >>> logits = torch.tensor([[2.0, 0.0], [2.0, 0.0]])
        >>> costfn.softmax_margin_loss(logits, torch.tensor([0, 1]), cost)
        tensor([0.3133, 7.0009])

    Source:
        Gimpel and Smith, "Softmax-Margin CRFs: Training Log-Linear Models with Cost
        Functions", NAACL 2010. https://aclanthology.org/N10-1112
    """
    check_costs.class_problem(logits, target, cost)
    z = centered(upcast(logits))
    c = checked_costs(cost, z.dtype)
    if not target.is_floating_point():
        losses = cross_entropy(z + select_costs(target, c), target)
    else:
        of_label = cross_entropy(*_for_each_label(z, c))
        losses = mean_over_classes(class_probs(target, z.shape[-1], z.dtype), of_label)
    return finished(losses, logits, bad_target(target, z.shape[-1]))


def cost_hinge_loss(logits: Logits, target: Target, cost: SquareCost) -> Losses:
    """Structured hinge: the largest violation of margins in the size of the costs.

    `max_j(z_j + c_j - c_y) - z_y`; for class probabilities, its mean over the label.

    Properties: convex, piecewise linear; 0 once every margin is kept; at least the cost
    of the argmax decision; not consistent for the cost. At ties the gradient is shared.

    Args:
        logits: Scores of the classes, `(*batch, classes)`.
        target: Labels `(*batch,)` or class probabilities `(*batch, classes)`, which
            take `classes` times the memory.
        cost: Costs, `(classes, classes)` or `(*batch, classes, classes)`.

    Returns:
        Loss of each example, in the unit of `cost`, `(*batch,)`.

    Raises:
        TypeError: If `logits` is not floating point, or `target` neither kind.
        ValueError: If shapes do not match, a label is out of range, rows of `target`
            are no probabilities, or `cost` is not finite.

    Example:
        >>> import torch, costfn
        >>> cost = torch.tensor([[0.0, 1.0], [5.0, 0.0]])
        >>> logits = torch.tensor([[2.0, 0.0], [2.0, 0.0]])
        >>> costfn.cost_hinge_loss(logits, torch.tensor([0, 1]), cost)
        tensor([0., 7.])

    Source:
        Crammer and Singer, "On the Algorithmic Implementation of Multiclass Kernel-
        based Vector Machines", JMLR 2, 2001, with the margin rescaling of
        Tsochantaridis et al., JMLR 6, 2005. https://jmlr.org/papers/v6/tsochantaridis05a.html
    """
    check_costs.class_problem(logits, target, cost)
    z = possible(centered(upcast(logits)))
    c = checked_costs(cost, z.dtype)
    if not target.is_floating_point():
        losses = _hinge(z + select_costs(target, c), target)
    else:
        of_label = _hinge(*_for_each_label(z, c))
        losses = mean_over_classes(class_probs(target, z.shape[-1], z.dtype), of_label)
    return finished(losses, logits, bad_target(target, z.shape[-1]))


def _hinge(augmented: Tensor, labels: Tensor) -> Tensor:
    index = safe_labels(labels, augmented.shape[-1]).unsqueeze(-1)
    return (augmented - augmented.gather(-1, index)).amax(-1)


def _for_each_label(z: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """Augmented scores `(*batch, classes, classes)`, one row for each label."""
    augmented = z.unsqueeze(-2) + c
    # The ranks of the classes, not by `arange`, which a DTensor of logits refuses.
    labels = torch.ones_like(z, dtype=torch.int64).cumsum(-1) - 1
    return augmented, labels


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
    smooth, `max(0, x)`: cheap decisions may be estimated too low, dear ones too high.

    Properties: convex; two-sided it is 0 where the outputs are the costs, and
    consistent for any cost under argmin, though wasteful for many classes; one-sided it
    bounds the cost from above but is not consistent under noise. Not invariant to
    adding a constant to the outputs.

    Args:
        logits: Estimated costs of the decisions, `(*batch, decisions)`.
        target: Labels `(*batch,)` or class probabilities `(*batch, classes)`; None if
            `cost` holds each example's own cost vector.
        cost: Costs, `(classes, decisions)`, `(*batch, classes, decisions)`, or
            `(*batch, decisions)` with `target=None`.
        one_sided: Whether errors on the harmless side are free.
        smooth: For the one-sided form, softplus (True) or its limit `max(0, x)`.

    Returns:
        Loss of each example, in the unit of `cost`, squared if two-sided, `(*batch,)`.

    Raises:
        TypeError: If `logits` is not floating point, or `target` neither kind.
        ValueError: If shapes do not match, a label is out of range, rows of `target`
            are no probabilities, `cost` is not finite, or `smooth=False` is asked of
            the two-sided form.

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
        target: Labels `(*batch,)` or class probabilities `(*batch, classes)`; None if
            `cost` holds each example's own cost vector.
        cost: Costs, at least 0: `(classes, decisions)`, `(*batch, classes, decisions)`,
            or `(*batch, decisions)` with `target=None`.
        phi: `"exp"`, `"softplus"` or `"hinge"`.

    Returns:
        Loss of each example, in the unit of `cost`, `(*batch,)`.

    Raises:
        TypeError: If `logits` is not floating point, or `target` neither kind.
        ValueError: If shapes do not match, a label is out of range, rows of `target`
            are no probabilities, `cost` is negative or not finite, or `phi` unknown.

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

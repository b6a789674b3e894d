"""Losses with margins in the size of the costs: convex, and above the cost.

`c` is the example's cost vector: the row of its label in the cost matrix, `cost[y]`.
"""

import torch
from torch import Tensor

from .._foundation import check_costs
from .._foundation.entry import Entry
from .._foundation.hidden import bad_target, checked_costs, finished
from .._foundation.math import (
    centered,
    class_probs,
    cross_entropy,
    mean_over_classes,
    possible,
    safe_labels,
    upcast,
)
from .._foundation.types import Logits, Losses, SquareCost, Target
from .cost_vector import select_costs

__all__ = ["cost_hinge_loss", "softmax_margin_loss"]


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
        cost: `(classes, classes)`, or one per example.

    Returns:
        Loss of each example, in nats, `(*batch,)`.

    Raises:
        TypeError, ValueError: What every loss raises, see `costfn`.

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
        cost: `(classes, classes)`, or one per example.

    Returns:
        Loss of each example, in the unit of `cost`, `(*batch,)`.

    Raises:
        TypeError, ValueError: What every loss raises, see `costfn`.

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


ENTRIES = (
    Entry(
        loss=softmax_margin_loss,
        family="cost",
        formula="log(sum_j exp(z_j + c_j - c_y)) - z_y",
        source="Gimpel and Smith, NAACL 2010",
        link="https://aclanthology.org/N10-1112",
        takes=("target", "cost"),
        decisions=("argmax",),
        zero_at_perfect=True,
        convex=True,
        log_divergent=True,
        remark="Bounds the cost of the argmax decision from above.",
        use="convexity matters more than consistency; large margins",
        default_for="cost",
    ),
    Entry(
        loss=cost_hinge_loss,
        family="cost",
        formula="max_j(z_j + c_j - c_y) - z_y",
        source="Crammer and Singer, JMLR 2001; Tsochantaridis et al., JMLR 2005",
        link="https://jmlr.org/papers/v6/tsochantaridis05a.html",
        takes=("target", "cost"),
        decisions=("argmax",),
        zero_at_perfect=True,
        convex=True,
        log_divergent=True,
        remark="Piecewise linear: no curvature.",
        use="convexity matters more than consistency; large margins",
        default_for="cost",
    ),
)

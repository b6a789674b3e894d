"""Proper scoring rules with a geometry: they reward probability mass that is near."""

from torch import Tensor

from .._foundation import check, check_costs
from .._foundation.hidden import bad_target, checked_costs, finished
from .._foundation.math import class_probs, rows_times_matrix, upcast
from .._foundation.types import Logits, Losses, SquareCost, Target
from .cost_vector import select_costs


def energy_cost_loss(logits: Logits, target: Target, cost: SquareCost) -> Losses:
    """Expected cost less half the cost between two draws: a proper expected cost.

    `sum_j p_j c_j - p' cost p / 2` with `p` the softmax and `c = cost[y]`.

    Properties: strictly bounded; 0 at a perfect prediction; proper if and only if the
    cost is symmetric and conditionally negative definite (`costs.diagnose` tells), and
    then its probabilities suit the minimum-cost rule for any costs. With the zero-one
    cost it is half the Brier score, with `abs(i - j)` the ranked probability score.

    Args:
        logits: Scores of the classes, `(*batch, classes)`.
        target: Labels `(*batch,)` or class probabilities `(*batch, classes)`.
        cost: Costs, `(classes, classes)` or `(*batch, classes, classes)`.

    Returns:
        Loss of each example, in the unit of `cost`, `(*batch,)`.

    Raises:
        TypeError: If `logits` is not floating point, or `target` neither kind.
        ValueError: If shapes do not match, a label is out of range, rows of `target`
            are no probabilities, or `cost` is not finite.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0, 0.0]])
        >>> cost = costfn.costs.ordinal(3)
        >>> costfn.energy_cost_loss(logits, torch.tensor([0]), cost)
        tensor([0.0567])
        >>> costfn.ranked_probability_loss(logits, torch.tensor([0]))
        tensor([0.0567])

    Source:
        Gneiting and Raftery, "Strictly Proper Scoring Rules, Prediction, and
        Estimation", JASA 102, 2007 (kernel scores).
        https://doi.org/10.1198/016214506000001437
    """
    check_costs.class_problem(logits, target, cost)
    z = upcast(logits)
    costs = checked_costs(cost, z.dtype)
    p = z.softmax(-1)
    between = rows_times_matrix(p, costs) / 2
    losses = (p * (select_costs(target, costs) - between)).sum(-1)
    return finished(losses, logits, bad_target(target, z.shape[-1]))


def ranked_probability_loss(logits: Logits, target: Target) -> Losses:
    """Squared distance of cumulative probabilities, for classes in an order.

    `sum_{k<K} (F_k(p) - F_k(q))**2` with `F_k` the probability of the first `k` classes
    and `q` the target, one-hot for a label. Also known as squared earth mover's
    distance; some authors divide by `K - 1`, which this does not.

    Properties: 0 at a perfect prediction; bounded by `classes - 1`; strictly proper, so
    its probabilities suit the minimum-cost rule for any costs.

    Args:
        logits: Scores of the classes in their order, `(*batch, classes)`.
        target: Labels `(*batch,)` or class probabilities `(*batch, classes)`.

    Returns:
        Loss of each example, in squared ranks, `(*batch,)`.

    Raises:
        TypeError: If `logits` is not floating point, or `target` neither kind.
        ValueError: If shapes do not match, a label is out of range, or rows of `target`
            are no probabilities.

    Example:
        >>> import torch, costfn
        >>> logits = torch.zeros(2, 3)
        >>> costfn.ranked_probability_loss(logits, torch.tensor([0, 1]))
        tensor([0.5556, 0.2222])

    Source:
        Epstein, "A Scoring System for Probability Forecasts of Ranked Categories", J.
        Applied Meteorology 8, 1969; Hou et al., "Squared Earth Mover's Distance-based
        Loss for Training Deep Neural Networks", 2016. https://arxiv.org/abs/1611.05916
    """
    check.scores("logits", logits)
    check.target(target, logits.shape[:-1], logits.shape[-1])
    z = upcast(logits)
    p = z.softmax(-1)
    q = class_probs(target, p.shape[-1], p.dtype)
    # F(p) - F(q) as F(p) (1 - F(q)) - (1 - F(p)) F(q): both tails summed from their
    # own end, so that a good prediction keeps its small loss and its gradient.
    below_p, above_p = _tails(p)
    below_q, above_q = _tails(q)
    distance = below_p * above_q - above_p * below_q
    losses = (distance * distance).sum(-1)
    return finished(losses, logits, bad_target(target, z.shape[-1]))


def _tails(p: Tensor) -> tuple[Tensor, Tensor]:
    below = p.cumsum(-1)[..., :-1]
    above = p.flip(-1).cumsum(-1).flip(-1)[..., 1:]
    return below, above

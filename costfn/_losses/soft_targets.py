"""Training on soft targets: making them from costs, and undoing what they did."""

from typing import Literal, get_args

import torch
from torch import Tensor

from .._foundation import check, check_costs
from .._foundation.arrays import ArrayLike, as_tensor, as_tensors
from .._foundation.hidden import bad_target, checked_costs, finished, poisoned
from .._foundation.math import (
    class_probs,
    cross_entropy,
    floating,
    mean_over_classes,
    rows_times_matrix,
    safe_labels,
    sum_type,
    upcast,
)
from .._foundation.options import ABOVE_ZERO, number
from .._foundation.types import DecisionMatrix, Logits, Losses, Matrix, Probs, Target

Divergence = Literal["cross_entropy", "kl"]


def soft_target_loss(
    logits: Logits, target_probs: Probs, *, divergence: Divergence = "cross_entropy"
) -> Losses:
    """Cross entropy, or divergence, from target probabilities to the softmax.

    `-sum_j q_j log(p_j)`, or for `"kl"` `sum_j q_j (log(q_j) - log(p_j))`.

    Properties: convex; log-divergent; strictly proper. The cross entropy's smallest
    value is the entropy of the target, above 0 for soft targets; the divergence
    subtracts it and is 0 at a perfect prediction. The gradient is the same.

    Args:
        logits: Scores of the classes, `(*batch, classes)`.
        target_probs: Rows of sum 1, `(*batch, classes)`: never rows of a cost matrix.
        divergence: `"cross_entropy"` or `"kl"`.

    Returns:
        Loss of each example, in nats, `(*batch,)`.

    Raises:
        TypeError: If `logits` or `target_probs` is not floating point.
        ValueError: If shapes differ, rows of `target_probs` are no probabilities, or
            `divergence` is unknown.

    Example:
        >>> import torch, costfn
        >>> logits, target = torch.zeros(1, 2), torch.tensor([[0.5, 0.5]])
        >>> costfn.soft_target_loss(logits, target)
        tensor([0.6931])
        >>> costfn.soft_target_loss(logits, target, divergence="kl")
        tensor([0.])

    Source:
        Kullback and Leibler, "On Information and Sufficiency", Ann. Math. Statist. 22,
        1951. https://doi.org/10.1214/aoms/1177729694
    """
    check.scores("logits", logits)
    check.probs("target_probs", target_probs, logits.shape)
    check.one_of("divergence", divergence, get_args(Divergence))
    z = upcast(logits)
    invalid = bad_target(target_probs, z.shape[-1])
    if divergence == "cross_entropy":
        return finished(cross_entropy(z, target_probs), logits, invalid)
    q = class_probs(target_probs, z.shape[-1], z.dtype)
    # Twice where: log(0) must not reach the gradient either. What rounding left below 0
    # counts as 0 in the logarithm.
    log_q = torch.where(q <= 0, 0.0, torch.where(q <= 0, 1.0, q).log())
    losses = mean_over_classes(q, log_q - z.log_softmax(-1))
    return finished(losses, logits, invalid)


def soft_targets(
    cost: DecisionMatrix | ArrayLike, *, temperature: float | Tensor
) -> Probs:
    """Cost rows turned into target probabilities: the cheaper, the more probable.

    `softmax(-cost / temperature)` along each row. A network trained on them learns the
    mixture of these rows, not the class probabilities: `unmix` those before a
    minimum-cost decision.

    Args:
        cost: Costs, `(classes, decisions)`; a tensor or an array-like.
        temperature: Above 0, in the unit of `cost`: towards 0 one-hot, far above the
            costs uniform.

    Returns:
        Target probabilities for each class, `(classes, decisions)`; index them by the
        labels.

    Raises:
        TypeError: If `cost` holds no numbers or `temperature` is none.
        ValueError: If `cost` is no matrix, not finite, or `temperature` not above 0.

    Example:
        >>> import costfn
        >>> costfn.soft_targets(costfn.costs.ordinal(3), temperature=1.0)
        tensor([[0.6652, 0.2447, 0.0900],
                [0.2119, 0.5761, 0.2119],
                [0.0900, 0.2447, 0.6652]])

    Source:
        Díaz and Marathe, "Soft Labels for Ordinal Regression", CVPR 2019; Bertinetto et
        al., "Making Better Mistakes", CVPR 2020. https://arxiv.org/abs/1912.09393
    """
    cost = as_tensor("cost", cost)
    check_costs.cost_matrix("cost", cost)
    temperature = number("temperature", temperature, ABOVE_ZERO)
    kind = floating(cost).dtype
    wide = upcast(checked_costs(cost, kind))
    # In units of the cheapest, which stays 0 however small the temperature is.
    above = wide - wide.amin(-1, keepdim=True)
    return (-above / temperature).softmax(-1).to(kind)


def unmix(probs: Probs | ArrayLike, soft_targets: Matrix | ArrayLike) -> Probs:
    """Class probabilities behind those of a network trained on soft targets.

    Solves `r @ soft_targets = probs` for `r`; entries below 0, which only an imperfect
    network gives, become 0 and the row is scaled back to sum 1.

    Args:
        probs: Predicted probabilities, rows of sum 1, `(*batch, classes)`. Both may be
            array-likes.
        soft_targets: The rows that were trained on, `(classes, classes)`, invertible.

    Returns:
        Class probabilities, `(*batch, classes)`, fit for the minimum-cost rule. NaN for
        rows that are no probabilities, and for all if `soft_targets` cannot be used,
        where that could not be seen.

    Raises:
        TypeError: If either is not floating point.
        ValueError: If shapes do not match, rows are no probabilities, or
            `soft_targets` cannot be inverted.

    Example:
        >>> import torch, costfn
        >>> rows = costfn.soft_targets(costfn.costs.zero_one(2), temperature=1.0)
        >>> costfn.unmix(torch.tensor([0.75, 0.25]) @ rows, rows)
        tensor([0.7500, 0.2500])

    Source:
        Patrini et al., "Making Deep Neural Networks Robust to Label Noise", CVPR 2017
        (inverting a transition). https://arxiv.org/abs/1609.03683
    """
    p, given = as_tensors(floats=torch.float64, probs=probs, soft_targets=soft_targets)
    check.probs("probs", p)
    classes = p.shape[-1]
    check.probs("soft_targets", given, (classes, classes))
    wide = sum_type(upcast(p))
    eye = torch.eye(classes, dtype=wide, device=given.device)
    broken = bad_target(given, classes)
    rows = given if broken is None else torch.where(broken.any(), eye, given.to(wide))
    # In the precision in which they came: equal rows must not differ by rounding.
    rank = torch.linalg.matrix_rank(rows.detach().to(upcast(given).dtype))
    seen = check.readable_values(rank)
    if seen is not None and seen.min() < classes:
        raise ValueError(
            f"soft_targets must be invertible, got a matrix of rank {seen.min()} for "
            f"{classes} classes; a lower temperature keeps its rows apart"
        )
    unusable = None if broken is None else broken.any() | (rank < classes)
    rows = rows.to(wide) if unusable is None else torch.where(unusable, eye, rows)
    mixed = rows_times_matrix(p.to(wide), torch.linalg.inv(rows))
    # Not by clamp, which has no slope at NaN.
    mixed = torch.where(mixed < 0, 0.0, mixed)
    found = mixed / mixed.sum(-1, keepdim=True)
    if unusable is not None:
        # They were left out above, but their gradient must be NaN too.
        found = found + torch.where(unusable, given.sum(), 0.0)
    for invalid in (bad_target(p, classes), unusable):
        found = poisoned(found, None if invalid is None else invalid.unsqueeze(-1))
    return found.to(p.dtype)


def forward_corrected_loss(
    logits: Logits, target: Target, transition: Matrix
) -> Losses:
    """Cross entropy for labels that were corrupted in a known way.

    `-log(sum_i p_i transition[i, y])`: the softmax predicts the true class, the
    transition turns that into the probability of the label that was observed.

    Properties: proper for the true class if the transition is invertible, so that the
    probabilities suit the minimum-cost rule; bounded by `-log` of the transition's
    smallest entry; not 0 at a perfect prediction under noise.

    Args:
        logits: Scores of the true classes, `(*batch, classes)`.
        target: Observed labels `(*batch,)` or their probabilities `(*batch, classes)`.
        transition: `transition[i, j]` is the probability that a true `i` is observed as
            `j`; rows of sum 1, `(classes, classes)`.

    Returns:
        Loss of each example, in nats, `(*batch,)`.

    Raises:
        TypeError: If `logits` or `transition` is not floating point, or `target`
            neither kind.
        ValueError: If shapes do not match, a label is out of range, or rows of
            `transition` or `target` are no probabilities.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0]])
        >>> noise = torch.tensor([[0.9, 0.1], [0.2, 0.8]])
        >>> costfn.forward_corrected_loss(logits, torch.tensor([1]), noise)
        tensor([1.6959])

    Source:
        Patrini et al., "Making Deep Neural Networks Robust to Label Noise: a Loss
        Correction Approach", CVPR 2017. https://arxiv.org/abs/1609.03683
    """
    check.scores("logits", logits)
    classes = logits.shape[-1]
    check.probs("transition", transition, (classes, classes))
    check.target(target, logits.shape[:-1], classes)
    z = upcast(logits)
    log_p = z.log_softmax(-1)
    invalid = bad_target(target, classes)
    # Of a transition that cannot be seen a bad row makes every example bad.
    noise = transition.to(z.dtype)
    bad_row = bad_target(transition, classes)
    if bad_row is not None:
        noise = noise.masked_fill(bad_row.unsqueeze(-1), torch.nan)
    # Finite for the impossible, so that its gradient is 0 and not NaN.
    never = torch.finfo(z.dtype).min / 4
    log_noise = torch.where(
        noise <= 0, never, torch.where(noise <= 0, 1.0, noise).log()
    )
    if target.is_floating_point():
        log_observed = (log_p.unsqueeze(-1) + log_noise).logsumexp(-2)
        q = class_probs(target, classes, z.dtype)
        losses = -mean_over_classes(q, log_observed)
        return finished(losses, logits, invalid)
    index = safe_labels(target, classes)
    column = log_noise.T.index_select(0, index.reshape(-1)).reshape(log_p.shape)
    return finished(-(log_p + column).logsumexp(-1), logits, invalid)

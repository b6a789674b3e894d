"""Targets smoothed and weighed, for front ends that have these as options."""

import torch
from torch import Tensor

from . import check_costs
from .hidden import bad_label_sets, bad_target
from .math import one_hot, safe_labels, upcast


def smoothed_target(
    target: Tensor, share: float, classes: int, logits: Tensor
) -> Tensor:
    """Labels or class probabilities with a share of each moved to all classes evenly.

    In the type in which losses of these logits are computed. A label that is out of
    range and could not be seen becomes a row of NaN, which losses pass on.
    """
    if share == 0:
        return target
    if not target.is_floating_point():
        bad = bad_target(target, classes)
        target = one_hot(target, classes, upcast(logits).dtype)
        if bad is not None:
            target = target.masked_fill(bad.unsqueeze(-1), torch.nan)
    return (1 - share) * target + share / classes


def smoothed_label_sets(target: Tensor, share: float, logits: Tensor) -> Tensor:
    """0, 1 or a probability for each label, with a share moved to both answers evenly.

    What is neither, and could not be seen, becomes NaN, which losses pass on.
    """
    if share == 0:
        return target
    bad = bad_label_sets(target)
    soft = (1 - share) * target.to(upcast(logits).dtype) + share / 2
    return soft if bad is None else soft.masked_fill(bad, torch.nan)


def weight_of_target(weight: Tensor, target: Tensor, classes: int) -> Tensor:
    """The weight of each example's label, or the mean weight of its probabilities."""
    check_costs.per_class("weight", weight, classes)
    if target.is_floating_point():
        return (target * weight).sum(-1)
    index = safe_labels(target, classes)
    return weight.index_select(0, index.reshape(-1)).reshape(index.shape)

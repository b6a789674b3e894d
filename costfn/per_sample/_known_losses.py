"""Losses that need no check: they are known to return one value per sample."""

from functools import partial

from torch import nn
from torch.nn import functional

from ..catalogue import LOSSES
from ._linear_loss import linear_loss
from ._options import Loss


def is_known(loss: Loss) -> bool:
    """Whether a loss of costfn or torch is known to be a mean or sum over samples."""
    while isinstance(loss, partial):
        if "weight" in loss.keywords:
            return False
        loss = loss.func
    if isinstance(loss, nn.Module):
        weighted = getattr(loss, "weight", None) is not None
        return type(loss) in _MODULES and not weighted
    if returns_one_loss_per_sample(loss):
        return True
    return any(loss is function for function in _FUNCTIONS)


def returns_one_loss_per_sample(loss: Loss) -> bool:
    """Whether a loss of costfn returns the loss of each sample of a batch."""
    while isinstance(loss, partial):
        loss = loss.func
    entry = LOSSES.get(getattr(loss, "__name__", ""))
    if entry is None or entry.loss is not loss:
        return False
    return entry.per_sample and not entry.per_label


_MODULES = (
    nn.L1Loss,
    nn.MSELoss,
    nn.SmoothL1Loss,
    nn.HuberLoss,
    nn.CrossEntropyLoss,
    nn.NLLLoss,
    nn.PoissonNLLLoss,
    nn.BCELoss,
    nn.BCEWithLogitsLoss,
    nn.SoftMarginLoss,
    nn.MultiMarginLoss,
)


_FUNCTIONS = (
    linear_loss,
    functional.l1_loss,
    functional.mse_loss,
    functional.smooth_l1_loss,
    functional.huber_loss,
    functional.cross_entropy,
    functional.nll_loss,
    functional.binary_cross_entropy,
    functional.binary_cross_entropy_with_logits,
    functional.soft_margin_loss,
    functional.multi_margin_loss,
)

"""Numerically careful pieces that more than one loss needs."""

from math import sqrt

import torch
from torch import Tensor

from . import _check


def upcast(values: Tensor) -> Tensor:
    """The values in float32 at least, where half precision would lose the sums."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def others(values: Tensor) -> Tensor:
    """For each entry of the last axis the sum of all the others.

    From both ends and never as the total less the entry, which leaves rounding where
    one entry has it all, and garbage where it has nearly all.
    """
    none = torch.zeros_like(values[..., :1])
    before = torch.cat([none, values[..., :-1].cumsum(-1)], -1)
    after = torch.cat([values[..., 1:].flip(-1).cumsum(-1).flip(-1), none], -1)
    return before + after


def floating(values: Tensor) -> Tensor:
    """Integers in torch's default dtype; floating-point values as they are."""
    if values.is_floating_point():
        return values
    return values.to(torch.get_default_dtype())


def small(denominator: Tensor) -> Tensor:
    """Whether a denominator is 0, or so small that a gradient would overflow."""
    return denominator.abs() <= sqrt(torch.finfo(denominator.dtype).tiny)


def ratio(numerator: Tensor, denominator: Tensor, otherwise: float = 0.0) -> Tensor:
    """The quotient, or `otherwise` with gradient 0 where the denominator is 0.

    Or so small that the quotient's gradient would overflow. NaN stays NaN.
    """
    none = small(denominator)
    # Twice where: the quotient that is not taken must be safe in the gradient too.
    return torch.where(none, otherwise, numerator / torch.where(none, 1.0, denominator))


def softplus(x: Tensor) -> Tensor:
    """log(1 + exp(x)), accurate in its derivatives of every order on both sides.

    `torch.nn.functional.softplus` is exactly linear above 20, and the second derivative
    of `torch.logaddexp(x, 0)` is NaN below -88 in float32.
    """
    positive = x > 0
    small_side = torch.where(positive, -x, x)
    return torch.where(positive, x, 0.0) + torch.log1p(torch.exp(small_side))


def relu(x: Tensor) -> Tensor:
    """max(0, x), NaN in the gradient too where `x` is; torch's slope there is 0."""
    return poisoned(x.relu(), x.isnan())


def log_sigmoid(x: Tensor) -> Tensor:
    """log(1 / (1 + exp(-x)))."""
    return -softplus(-x)


def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + exp(-x)), from its small side.

    The derivative s (1 - s) of `torch.sigmoid` is 0 from 17 on in float32.
    """
    return torch.where(x > 0, 1 - torch.sigmoid(-x), torch.sigmoid(x))


def one_hot(labels: Tensor, classes: int, dtype: torch.dtype) -> Tensor:
    """Labels as probabilities `(*batch, classes)`; a bad label gives a row of NaN."""
    index, invalid = safe_labels(labels, classes)
    rows = index.unsqueeze(-1) == torch.arange(classes, device=labels.device)
    hot = rows.to(dtype)
    return hot if invalid is None else hot.masked_fill(invalid.unsqueeze(-1), torch.nan)


def safe_labels(labels: Tensor, classes: int) -> tuple[Tensor, Tensor | None]:
    """Labels that can be used as an index, and which of them were out of range.

    The second is None where the labels were seen, and so checked, already.
    """
    index = labels.long()
    if _check.visible(labels) is not None:
        return index, None
    invalid = (index < 0) | (index >= classes)
    return index.masked_fill(invalid, 0), invalid


def poisoned(values: Tensor, invalid: Tensor | None) -> Tensor:
    """The values, NaN where invalid, in value and in gradient.

    By a product: `where` would make the gradient of the invalid ones 0, and hide them.
    """
    if invalid is None:
        return values
    return values * torch.ones_like(values).masked_fill(invalid, torch.nan)


def class_probs(target: Tensor, classes: int, dtype: torch.dtype) -> Tensor:
    """The target as probabilities `(*batch, classes)`; NaN rows where it is neither."""
    if not target.is_floating_point():
        return one_hot(target, classes, dtype)
    q = target.to(dtype)
    if _check.visible(target) is not None:
        return q
    return poisoned(q, ~_check.are_probs(target).unsqueeze(-1))


def non_negative(cost: Tensor) -> Tensor:
    """The costs, with NaN for negative ones that could not be seen and refused."""
    if _check.visible(cost) is not None or not cost.is_floating_point():
        return cost
    return cost.masked_fill(cost < 0, torch.nan)


def log_odds(logits: Tensor, labels: Tensor) -> Tensor:
    """Log odds of the labelled class, log(p / (1 - p)) with p its softmax probability.

    It keeps full relative precision as p nears 0 or 1, where 1 - p would not.
    """
    index, invalid = safe_labels(labels, logits.shape[-1])
    index = index.unsqueeze(-1)
    labelled = logits.gather(-1, index).squeeze(-1)
    others = logits.scatter(-1, index, -torch.inf).logsumexp(-1)
    return poisoned(labelled - others, invalid)


def log_complement(logits: Tensor) -> Tensor:
    """log(1 - p) for each class, with p the softmax, at full relative precision.

    The likeliest class is taken through the others' log-sum-exp; for the rest p is at
    most 1/2 and log1p is safe. `log(1 - softmax)` is -inf in float32 from a gap of 17.
    """
    top = logits.detach().argmax(-1, keepdim=True)
    others = logits.scatter(-1, top, -torch.inf).logsumexp(-1, keepdim=True)
    of_top = log_sigmoid(others - logits.gather(-1, top))
    p = logits.softmax(-1).scatter(-1, top, 0.0)
    return torch.log1p(-p).scatter(-1, top, of_top)


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Cross entropy of each example, in nats, with labels or class probabilities."""
    if not target.is_floating_point():
        return -log_sigmoid(log_odds(logits, target))
    q = class_probs(target, logits.shape[-1], logits.dtype)
    return -(q * logits.log_softmax(-1)).sum(-1)


def times(rows: Tensor, matrix: Tensor) -> Tensor:
    """Rows `(*batch, K)` times a matrix `(K, D)` or one per example, `(*batch, K, D)`.

    In full precision under autocast too, which would round the product to bfloat16.
    """
    if not torch.amp.is_autocast_available(rows.device.type):
        return _times(rows, matrix)
    with torch.autocast(rows.device.type, enabled=False):
        return _times(rows, matrix)


def _times(rows: Tensor, matrix: Tensor) -> Tensor:
    if matrix.ndim == 2:
        return rows @ matrix
    return (rows.unsqueeze(-2) @ matrix).squeeze(-2)

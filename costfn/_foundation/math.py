"""Numerically careful pieces that more than one loss needs."""

import torch
from torch import Tensor

from . import check


def upcast(values: Tensor) -> Tensor:
    """The values in float32 at least, where half precision would lose the sums."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def cast_back(values: Tensor, like: Tensor) -> Tensor:
    """The values in the type of `like`; under autocast float32, as torch's losses.

    What float16 cannot hold becomes its largest number, and keeps its gradient.
    """
    if like.dtype in (torch.float32, torch.float64):
        return values.to(like.dtype)
    device = like.device.type
    if torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device):
        return values.to(torch.float32)
    if like.dtype == torch.float16:
        limit = torch.finfo(torch.float16).max
        plain = values.detach()
        excess = plain - plain.clamp(-limit, limit)
        values = values - torch.where(plain.isfinite(), excess, 0.0)
    return values.to(like.dtype)


def sum_type(values: Tensor) -> torch.dtype:
    """The type in which examples are added up: float64, where the device has it.

    Millions of float32 numbers lose 2**-24 of the sum, and one by one (`scatter_add`,
    products of matrices) they stop at 2**24.
    """
    return values.dtype if values.device.type == "mps" else torch.float64


def flushed(sums: Tensor, total: Tensor, dtype: torch.dtype) -> Tensor:
    """Sums over examples, 0 where their share of the total is too small.

    One over it, on the way back to examples in `dtype`, would overflow. The gradient of
    the sum itself stays.
    """
    plain = sums.detach()
    dust = plain <= 4 * torch.finfo(dtype).tiny * total.detach()
    return sums - torch.where(dust, plain, 0.0)


def sum_of_others(values: Tensor) -> Tensor:
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
    """Whether a denominator is 0, or so small that its inverse would overflow."""
    return denominator.abs() <= 4 * torch.finfo(denominator.dtype).tiny


def ratio(numerator: Tensor, denominator: Tensor, otherwise: float = 0.0) -> Tensor:
    """The quotient, or `otherwise` with gradient 0 where the denominator is 0.

    Or so small that its inverse would overflow. NaN stays NaN.
    """
    none = small(denominator)
    # Twice where: the quotient that is not taken must be safe in the gradient too.
    safe = torch.where(none, 1.0, denominator)
    # Scaled to a denominator of 1: its square, in the gradient, would vanish early.
    scale = 1 / safe.detach()
    return torch.where(none, otherwise, numerator * scale / (safe * scale))


def softmax(values: Tensor) -> Tensor:
    """The softmax of the last axis, computed where that axis lies in memory.

    Modules pass classes on axis 1 as a view with the classes last. There torch would
    copy the whole tensor first. And over fewer than 16 numbers that lie side by side
    its softmax on the CPU works on one number at a time: five times slower than over
    an outer axis.
    """
    if values.ndim < 2:
        return values.softmax(-1)
    step = values.stride(-1)
    if step != 1:
        outer = sum(other > step for other in values.stride()[:-1])
        return values.movedim(-1, outer).softmax(outer).movedim(outer, -1)
    if values.shape[-1] < 16 and values.device.type == "cpu":
        return values.movedim(-1, 0).softmax(0).movedim(0, -1)
    return values.softmax(-1)


def softplus(x: Tensor) -> Tensor:
    """log(1 + exp(x)), accurate in its derivatives of every order on both sides.

    `torch.nn.functional.softplus` is exactly linear above 20, and the second derivative
    of `torch.logaddexp(x, 0)` is NaN below -88 in float32.
    """
    return x.relu() + torch.log1p(torch.exp(_away_from_zero(x) * x))


def _away_from_zero(x: Tensor) -> Tensor:
    """-1 where x is above 0, else 1: times x it is the exponent that cannot overflow.

    A factor, since `torch.where` with a mask that no one can predict is several times
    slower on a CPU.
    """
    return 1 - 2 * (x.detach() > 0).to(x.dtype)


def relu(x: Tensor) -> Tensor:
    """max(0, x), NaN in the gradient too where `x` is; torch's slope there is 0."""
    return x.relu() * torch.ones_like(x).masked_fill(x.isnan(), torch.nan)


def log_sigmoid(x: Tensor) -> Tensor:
    """log(1 / (1 + exp(-x)))."""
    return -softplus(-x)


def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + exp(-x)), from its small side.

    The derivative s (1 - s) of `torch.sigmoid` is 0 from 17 on in float32.
    """
    sign = _away_from_zero(x)
    return (1 - sign) / 2 + sign * torch.sigmoid(sign * x)


def centered(logits: Tensor) -> Tensor:
    """The logits less the largest, which changes no loss of their softmax.

    A log-sum-exp of logits near 3e4 is rounded to 2e-3 in float32.
    """
    return logits - logits.detach().amax(-1, keepdim=True)


def never(dtype: torch.dtype) -> float:
    """A logit of the impossible that can be computed with: -inf less -inf is NaN."""
    return torch.finfo(dtype).min / 2**20


def possible(logits: Tensor) -> Tensor:
    """The logits, -inf as `never`; NaN stays NaN, in the gradient too."""
    least = never(logits.dtype)
    return torch.where(logits < least, least, logits)


def log_sum_exp_of_others(logits: Tensor, index: Tensor) -> Tensor:
    """For centered logits: log-sum-exp over all classes but one, `(*batch, 1)`.

    Classes masked out by -inf count as impossible. Where nothing else is left the value
    is finite, since the gradient of a log-sum-exp of nothing but -inf is NaN.
    """
    rest = possible(logits).scatter(-1, index, never(logits.dtype))
    return rest.logsumexp(-1, keepdim=True)


def log_odds(logits: Tensor, labels: Tensor) -> Tensor:
    """Log odds of the labelled class, log(p / (1 - p)) with p its softmax probability.

    It keeps full relative precision as p nears 0 or 1, where 1 - p would not.
    """
    z = centered(logits)
    index = safe_labels(labels, z.shape[-1]).unsqueeze(-1)
    return (z.gather(-1, index) - log_sum_exp_of_others(z, index)).squeeze(-1)


def log_complement(logits: Tensor) -> Tensor:
    """log(1 - p) for each class, with p the softmax, at full relative precision.

    The likeliest class is taken through the others' log-sum-exp; for the rest p is at
    most 1/2 and log1p is safe. `log(1 - softmax)` is -inf in float32 from a gap of 17.
    """
    z = centered(logits)
    top = z.detach().argmax(-1, keepdim=True)
    of_top = log_sigmoid(log_sum_exp_of_others(z, top) - z.gather(-1, top))
    p = z.softmax(-1).scatter(-1, top, 0.0)
    return torch.log1p(-p).scatter(-1, top, of_top)


def mean_over_classes(q: Tensor, values: Tensor) -> Tensor:
    """`sum_k q_k values_k`, where what is impossible (0 times infinity) counts as 0."""
    impossible = (q == 0) & values.isinf()
    return (q * torch.where(impossible, 0.0, values)).sum(-1)


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Cross entropy of each example, in nats, with labels or class probabilities."""
    if not target.is_floating_point():
        return softplus(-log_odds(logits, target))
    q = class_probs(target, logits.shape[-1], logits.dtype)
    return -mean_over_classes(q, logits.log_softmax(-1))


def rows_times_matrix(rows: Tensor, matrix: Tensor) -> Tensor:
    """Rows `(*batch, K)` times a matrix `(K, D)`, or one per example."""
    if matrix.ndim == 2:
        return product(rows, matrix)
    return product(rows.unsqueeze(-2), matrix).squeeze(-2)


def product(left: Tensor, right: Tensor) -> Tensor:
    """A product of matrices, in full precision under autocast too."""
    device = left.device.type
    if not torch.amp.is_autocast_available(device):
        return left @ right
    with torch.autocast(device, enabled=False):
        return left @ right


def safe_labels(labels: Tensor, classes: int) -> Tensor:
    """Labels as an index: int64, 0 in place of those out of range."""
    index = labels.long()
    if check.readable_values(labels) is not None:
        return index
    return index.masked_fill((index < 0) | (index >= classes), 0)


def one_hot(labels: Tensor, classes: int, dtype: torch.dtype) -> Tensor:
    """Labels as probabilities `(*batch, classes)`, class 0 for those out of range."""
    index = safe_labels(labels, classes).unsqueeze(-1)
    # Not by `arange`, which a DTensor of labels refuses to meet.
    empty = torch.zeros_like(index, dtype=dtype).expand(*labels.shape, classes)
    return empty.scatter(-1, index, 1.0)


def class_probs(target: Tensor, classes: int, dtype: torch.dtype) -> Tensor:
    """The target as probabilities `(*batch, classes)`, even ones for a bad row.

    For one that could not be seen: NaN of it must not reach the gradient of losses that
    are masked later.
    """
    if not target.is_floating_point():
        return one_hot(target, classes, dtype)
    q = target.to(dtype)
    if check.readable_values(target) is not None:
        return q
    return torch.where(check.are_probs(target).unsqueeze(-1), q, 1 / classes)

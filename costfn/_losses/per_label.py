"""Losses of labels that may be there or not, each by itself: one loss per label."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from .._foundation import check
from .._foundation.hidden import bad_label_sets, finished
from .._foundation.math import log_sigmoid, sigmoid, softplus, upcast
from .._foundation.options import AT_LEAST_ZERO, Rule, number
from .._foundation.types import Marks, Values

SHARE = Rule("in [0, 1]", lambda x: (x >= 0) & (x <= 1))
MARGIN = Rule("in [0, 1)", lambda x: (x >= 0) & (x < 1))


def sigmoid_focal_loss(
    logits: Values,
    target: Marks,
    *,
    alpha: float | Tensor | None = 0.25,
    gamma: float | Tensor = 2.0,
) -> Values:
    """Binary cross entropy with less weight on the labels already classified well.

    `-alpha (1 - p)**gamma log(p)` for a label that is there, `-(1 - alpha) p**gamma
    log(1 - p)` for one that is not, with `p` the sigmoid of its logit; for a target
    between 0 and 1 the mean of the two.

    Properties: 0 at a perfect prediction; log-divergent; not convex and not proper: for
    `gamma > 0` its probabilities are too timid, and an `alpha` away from 1/2 moves them
    and the threshold.

    Args:
        logits: Score of each label, any shape; `(*batch, labels)` for `alpha` by label.
        target: 1 where the label is there, 0 where not, integer, boolean or floating
            point; or how far it is there, in [0, 1]. The shape of `logits`.
        alpha: Weight of the labels that are there, in [0, 1]; the others have `1 -
            alpha`. One number, or one for each label, `(labels,)`. None weighs both 1.
        gamma: Focusing exponent, at least 0. At 0 the loss is cross entropy.

    Returns:
        Loss of each label, in nats, the shape of `logits`.

    Raises:
        TypeError: If `logits` is not floating point, or an option not a number.
        ValueError: If shapes do not match, a target lies outside [0, 1], or an option
            is out of range.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[1.0, 0.0], [-1.0, 2.0]])
        >>> costfn.sigmoid_focal_loss(logits, torch.tensor([[1, 0], [0, 1]]))
        tensor([[0.0057, 0.1300],
                [0.0170, 0.0005]])

    Source:
        Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, eq. 5; the
        numbers of `torchvision.ops.sigmoid_focal_loss` for targets of 0 and 1. Between
        them that one takes the logarithm and the weight of a mixed probability apart.
        https://arxiv.org/abs/1708.02002
    """
    y, invalid = _marks(logits, target)
    z = upcast(logits)
    there, absent = _weights(alpha, logits)
    power = _like(z, number("gamma", gamma, AT_LEAST_ZERO))
    if target.is_floating_point():
        losses = there * _share(y, z, partial(_focused, power=power))
        losses = losses + absent * _share(1 - y, -z, partial(_focused, power=power))
    else:
        weight = torch.where(y, there, absent)
        losses = weight * _focused(torch.where(y, z, -z), power=power)
    return _finished(losses, logits, invalid)


def asymmetric_loss(
    logits: Values,
    target: Marks,
    *,
    gamma_pos: float | Tensor = 0.0,
    gamma_neg: float | Tensor = 4.0,
    margin: float | Tensor = 0.05,
) -> Values:
    """Focal loss that cares less for absent labels, of which many are easy.

    `-(1 - p)**gamma_pos log(p)` for a label that is there, with `p` the sigmoid of its
    logit; `-p_m**gamma_neg log(1 - p_m)`, `p_m = max(p - margin, 0)`, for one that is
    not; for a target between 0 and 1 the mean of the two.

    Properties: 0 at a perfect prediction, and for what is not there below the margin
    already; for a label that is there log-divergent (for `gamma_pos` of 0 cross
    entropy); for one that is not bounded by `-log(margin)`, so that the gradient ends
    where `p` is near 1: such labels count as forgotten by the annotator. With a margin
    of 0 log-divergent too. Neither convex nor proper.

    Args:
        logits: Score of each label, any shape.
        target: 1 where the label is there, 0 where not, integer, boolean or floating
            point; or how far it is there, in [0, 1]. The shape of `logits`.
        gamma_pos: Focusing exponent for labels that are there, at least 0.
        gamma_neg: Focusing exponent for those that are not, at least 0; the paper has
            it above `gamma_pos`.
        margin: Probability that a label which is not there may have for nothing, in
            [0, 1).

    Returns:
        Loss of each label, in nats, the shape of `logits`.

    Raises:
        TypeError: If `logits` is not floating point, or an option not a number.
        ValueError: If shapes do not match, a target lies outside [0, 1], or an option
            is out of range.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[1.0, 0.0], [-3.0, 2.0]])
        >>> costfn.asymmetric_loss(logits, torch.tensor([[1, 0], [0, 0]]))
        tensor([[0.3133, 0.0245],
                [0.0000, 0.8464]])

    Source:
        Ridnik et al., "Asymmetric Loss For Multi-Label Classification", ICCV 2021,
        section 2: there one loss for each example, the sum of these over its labels.
        https://arxiv.org/abs/2009.14119
    """
    y, invalid = _marks(logits, target)
    z = upcast(logits)
    power = _like(z, number("gamma_pos", gamma_pos, AT_LEAST_ZERO))
    shifted = partial(
        _shifted,
        power=_like(z, number("gamma_neg", gamma_neg, AT_LEAST_ZERO)),
        shift=_like(z, number("margin", margin, MARGIN)),
    )
    if target.is_floating_point():
        losses = _share(y, z, partial(_focused, power=power))
        losses = losses + _share(1 - y, z, shifted)
    else:
        # Of each label the half that it is in, or the other's infinity would come in.
        present = _focused(z.masked_fill(~y, 0.0), power=power)
        losses = torch.where(y, present, shifted(z.masked_fill(y, 0.0)))
    return _finished(losses, logits, invalid)


def _marks(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor | None]:
    """Whether each label is there, or how far; and which targets were neither.

    The second is None where the targets were seen, and so checked, already.
    """
    check.floating_point("logits", logits)
    check.label_sets(target, logits.shape, None)
    invalid = bad_label_sets(target)
    if target.is_floating_point():
        y = target.to(upcast(logits).dtype)
        return (y if invalid is None else y.masked_fill(invalid, 0.0)), invalid
    return check.as_int64(target) == 1, invalid


def _finished(losses: Tensor, logits: Tensor, invalid: Tensor | None) -> Tensor:
    """The losses as they are returned, NaN where the target was invalid.

    There the logits take their place, since a loss may have the gradient 0.
    """
    if invalid is not None:
        losses = torch.where(invalid, upcast(logits), losses)
    return finished(losses, logits, invalid)


def _weights(alpha: float | Tensor | None, logits: Tensor) -> tuple[Tensor, Tensor]:
    """The weights of labels that are there, and of those that are not."""
    z = upcast(logits)
    if alpha is None:
        return z.new_ones(()), z.new_ones(())
    if not isinstance(alpha, Tensor) or alpha.numel() == 1:
        share = _like(z, number("alpha", alpha, SHARE))
        return share, 1 - share
    check.numbers("alpha", alpha)
    labels = tuple(logits.shape[-1:])
    if alpha.shape != labels:
        raise ValueError(
            f"alpha must be one number, or one for each label, shape {labels}, "
            f"got {tuple(alpha.shape)}"
        )
    seen = check.readable_values(alpha)
    if seen is not None and not SHARE.holds(seen).all():
        raise ValueError(f"alpha must be {SHARE.words}, got {seen.tolist()}")
    share = alpha.to(z)
    share = torch.where(SHARE.holds(share), share, torch.nan)
    return share, 1 - share


def _like(values: Tensor, option: float | Tensor) -> Tensor:
    """The option as a scalar tensor.

    Forward over reverse turns a scalar of float32 into float64 where torch multiplies
    it by a Python number.
    """
    if isinstance(option, Tensor):
        return option.to(values)
    return values.new_full((), option)


def _share(share: Tensor, logits: Tensor, loss: Callable[[Tensor], Tensor]) -> Tensor:
    """The loss times its share; 0 where the share is 0, also of a loss without end."""
    nothing = (share == 0) & logits.isinf()
    return share * loss(logits.masked_fill(nothing, 0.0))


def _focused(logits: Tensor, *, power: Tensor) -> Tensor:
    """`-(1 - p)**power log(p)`.

    Through log(1 - p), so that nothing cancels, and that the gradient stays finite for
    a power below 1, where (1 - p)**power has none at p = 1.
    """
    least = torch.finfo(logits.dtype).min  # 0 times -inf is no number
    return torch.exp(power * log_sigmoid(-logits).clamp(min=least)) * softplus(-logits)


def _shifted(logits: Tensor, *, power: Tensor, shift: Tensor) -> Tensor:
    """`-p_m**power log(1 - p_m)` with `p_m = max(p - shift, 0)`."""
    above = sigmoid(logits) - shift
    none = above <= 0  # False of NaN, which goes on
    p = above.masked_fill(none, 0.5)
    # log(1 - p_m) from p_m where that is small, else from 1 - p and the shift, which do
    # not cancel; without a shift 1 - p underflows, but its logarithm does not.
    half = p <= 0.5
    rest = sigmoid(-logits) + shift
    gone = rest <= torch.finfo(rest.dtype).tiny
    large = torch.where(gone, log_sigmoid(-logits), rest.masked_fill(gone, 1.0).log())
    log_rest = torch.where(half, torch.log1p(-p.masked_fill(~half, 0.0)), large)
    losses = -torch.exp(power * p.log()) * log_rest
    # 0, but NaN with its gradient where the power is.
    return torch.where(none, 0.0 * power * above.abs(), losses)

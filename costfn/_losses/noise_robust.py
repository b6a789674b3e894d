"""Losses that wrong labels mislead less than cross entropy.

The gradient of cross entropy is largest where the label is least probable, which is
where a label is most likely wrong. Each of these lies between cross entropy and
`1 - p_y`, whose gradient vanishes there; `p` is the softmax and `y` the label.
"""

import torch
from torch import Tensor

from .._foundation import check
from .._foundation.entry import Entry
from .._foundation.hidden import bad_target, finished
from .._foundation.math import (
    class_probs,
    log_odds,
    log_sigmoid,
    mean_over_classes,
    upcast,
)
from .._foundation.options import Rule, number, typed
from .._foundation.types import Logits, Losses, Target

__all__ = ["generalized_cross_entropy_loss"]

_POWER = Rule("in (0, 1]", lambda q: (q > 0) & (q <= 1))


def generalized_cross_entropy_loss(
    logits: Logits, target: Target, *, q: float | Tensor = 0.7
) -> Losses:
    """Between cross entropy and the mean absolute error, for labels that may be wrong.

    `(1 - p_y**q) / q`; for class probabilities, its mean over the label. As `q` goes to
    0 it becomes cross entropy; at 1 it is `1 - p_y`, half the mean absolute error.

    Properties: 0 at a perfect prediction; bounded by `1 / q`; not convex and not
    proper. The gradient is that of cross entropy times `p_y**q`, so that it vanishes
    where the label is improbable: wrong labels count less, and so do hard ones.

    Args:
        logits: Scores of the classes, `(*batch, classes)`.
        target: Labels `(*batch,)` or class probabilities `(*batch, classes)`.
        q: Robustness, in (0, 1]: the larger, the less an improbable label counts.

    Returns:
        Loss of each example, `(*batch,)`.

    Raises:
        ValueError: If `q` is not in (0, 1]; else what every loss raises, see `costfn`.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0], [2.0, 0.0]])
        >>> costfn.generalized_cross_entropy_loss(logits, torch.tensor([0, 1]))
        tensor([0.1215, 1.1062])

    Source:
        Zhang and Sabuncu, "Generalized Cross Entropy Loss for Training Deep Neural
        Networks with Noisy Labels", NeurIPS 2018. https://arxiv.org/abs/1805.07836
    """
    check.scores("logits", logits)
    check.target(target, logits.shape[:-1], logits.shape[-1])
    z = upcast(logits)
    power = typed(number("q", q, _POWER), z)
    # Through log(p): p**q has an infinite slope at p = 0.
    if not target.is_floating_point():
        losses = _one_less(power * log_sigmoid(log_odds(z, target))) / power
    else:
        of_label = _one_less(power * z.log_softmax(-1)) / power
        losses = mean_over_classes(class_probs(target, z.shape[-1], z.dtype), of_label)
    return finished(losses, logits, bad_target(target, z.shape[-1]))


def _one_less(x: Tensor) -> Tensor:
    """`1 - exp(x)` for `x` of at most 0, relatively exact with its slope at both ends.

    `1 - exp(x)` cancels near 0; the slope of `expm1(x)` is taken as `expm1(x) + 1`,
    which is 0 where `exp(x)` is small.
    """
    near = x > -0.5
    at_0 = -torch.expm1(torch.where(near, x, 0.0))
    return torch.where(near, at_0, 1 - torch.exp(torch.where(near, -1.0, x)))


ENTRIES = (
    Entry(
        loss=generalized_cross_entropy_loss,
        family="noise",
        formula="(1 - p_y^q) / q",
        source="Zhang and Sabuncu, NeurIPS 2018",
        link="https://arxiv.org/abs/1805.07836",
        takes=("target",),
        decisions=("argmax",),
        zero_at_perfect=True,
        bounded=True,
        remark="Gradient vanishes where confidently wrong: hard examples count less.",
        use="some labels are wrong, you do not know which, and there are plenty",
    ),
)

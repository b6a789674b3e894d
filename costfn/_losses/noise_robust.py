"""Losses that wrong labels mislead less than cross entropy.

The gradient of cross entropy is largest where the label is least probable, which is
where a label is most likely wrong. Each of these lies between cross entropy and
`1 - p_y`, whose gradient vanishes there; `p` is the softmax and `y` the label.
"""

from math import inf

import torch
from torch import Tensor

from .._foundation import check
from .._foundation.entry import Entry
from .._foundation.hidden import bad_target, finished
from .._foundation.math import (
    class_probs,
    cross_entropy,
    log_complement,
    log_odds,
    log_sigmoid,
    mean_over_classes,
    sigmoid,
    upcast,
)
from .._foundation.options import AT_LEAST_ZERO, Rule, number, typed
from .._foundation.types import Logits, Losses, Target

__all__ = [
    "generalized_cross_entropy_loss",
    "poly_loss",
    "symmetric_cross_entropy_loss",
]

_POWER = Rule("in (0, 1]", lambda q: (q > 0) & (q <= 1))
_COEFFICIENT = Rule("at least -1 and finite", lambda x: (x >= -1) & (x < inf))
_LOGARITHM = Rule("below 0 and finite", lambda x: (-inf < x) & (x < 0))


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
        losses = _one_minus_exp(power * log_sigmoid(log_odds(z, target))) / power
    else:
        of_label = _one_minus_exp(power * z.log_softmax(-1)) / power
        losses = mean_over_classes(class_probs(target, z.shape[-1], z.dtype), of_label)
    return finished(losses, logits, bad_target(target, z.shape[-1]))


def _one_minus_exp(x: Tensor) -> Tensor:
    """`1 - exp(x)` for `x` of at most 0, relatively exact with its slope at both ends.

    `1 - exp(x)` cancels near 0; the slope of `expm1(x)` is taken as `expm1(x) + 1`,
    which is 0 where `exp(x)` is small.
    """
    near = x > -0.5
    at_0 = -torch.expm1(torch.where(near, x, 0.0))
    return torch.where(near, at_0, 1 - torch.exp(torch.where(near, -1.0, x)))


def symmetric_cross_entropy_loss(
    logits: Logits,
    target: Target,
    *,
    alpha: float | Tensor = 0.1,
    beta: float | Tensor = 1.0,
    log_zero: float | Tensor = -4.0,
) -> Losses:
    """Cross entropy both ways: from label to prediction, and from prediction to label.

    `-alpha log(p_y) - beta log_zero (1 - p_y)`: the second term is the reverse cross
    entropy `-sum_j p_j log(q_j)` of a one-hot `q`, with `log_zero` for `log(0)`. For
    class probabilities, its mean over the label.

    Properties: 0 at a perfect prediction; log-divergent by its share `alpha` of cross
    entropy; not convex and not proper. The second term is bounded, so that a wrong
    label adds little; the first keeps hard examples in the training. It is `alpha`
    times `poly_loss` with `epsilon = -beta log_zero / alpha`.

    Args:
        logits: Scores of the classes, `(*batch, classes)`.
        target: Labels `(*batch,)` or class probabilities `(*batch, classes)`.
        alpha: Weight of cross entropy, at least 0.
        beta: Weight of the reverse cross entropy, at least 0.
        log_zero: What the logarithm of 0 counts as, below 0.

    Returns:
        Loss of each example, in nats, `(*batch,)`.

    Raises:
        ValueError: If `alpha` or `beta` is below 0, or `log_zero` not below 0; else
            what every loss raises, see `costfn`.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0], [2.0, 0.0]])
        >>> costfn.symmetric_cross_entropy_loss(logits, torch.tensor([0, 1]))
        tensor([0.4895, 3.7359])

    Source:
        Wang et al., "Symmetric Cross Entropy for Robust Learning with Noisy Labels",
        ICCV 2019. https://arxiv.org/abs/1908.06112 There for labels only.
    """
    check.scores("logits", logits)
    check.target(target, logits.shape[:-1], logits.shape[-1])
    z = upcast(logits)
    forward = typed(number("alpha", alpha, AT_LEAST_ZERO), z)
    backward = typed(number("beta", beta, AT_LEAST_ZERO), z)
    least = typed(number("log_zero", log_zero, _LOGARITHM), z)
    reverse = -least * _missed(z, target)
    losses = forward * cross_entropy(z, target) + backward * reverse
    return finished(losses, logits, bad_target(target, z.shape[-1]))


def poly_loss(
    logits: Logits, target: Target, *, epsilon: float | Tensor = 1.0
) -> Losses:
    """Cross entropy with the first term of its power series made larger or smaller.

    `-log(p_y) + epsilon (1 - p_y)`; for class probabilities, its mean over the label.
    Cross entropy is the sum of `(1 - p_y)**j / j`; here `j = 1` counts `1 + epsilon`.

    Properties: 0 at a perfect prediction; log-divergent; convex for `epsilon` up to 1;
    not proper unless `epsilon` is 0, which is cross entropy. Above 0 confident
    examples weigh more and their probabilities grow; below 0 less, as in a focal loss.

    Args:
        logits: Scores of the classes, `(*batch, classes)`.
        target: Labels `(*batch,)` or class probabilities `(*batch, classes)`.
        epsilon: What is added to the first coefficient, at least -1; the best one
            depends on the task.

    Returns:
        Loss of each example, in nats, `(*batch,)`.

    Raises:
        ValueError: If `epsilon` is below -1; else what every loss raises, see `costfn`.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0], [2.0, 0.0]])
        >>> costfn.poly_loss(logits, torch.tensor([0, 1]))
        tensor([0.2461, 3.0077])

    Source:
        Leng et al., "PolyLoss: A Polynomial Expansion Perspective of Classification
        Loss Functions", ICLR 2022 (Poly-1). https://arxiv.org/abs/2204.12511
    """
    check.scores("logits", logits)
    check.target(target, logits.shape[:-1], logits.shape[-1])
    z = upcast(logits)
    added = typed(number("epsilon", epsilon, _COEFFICIENT), z)
    losses = cross_entropy(z, target) + added * _missed(z, target)
    return finished(losses, logits, bad_target(target, z.shape[-1]))


def _missed(z: Tensor, target: Tensor) -> Tensor:
    """`1 - p_y` from the mass of the others, its mean over the label of soft ones."""
    if not target.is_floating_point():
        return sigmoid(-log_odds(z, target))
    return (class_probs(target, z.shape[-1], z.dtype) * log_complement(z).exp()).sum(-1)


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
    Entry(
        loss=symmetric_cross_entropy_loss,
        family="noise",
        formula="-alpha log(p_y) - beta A (1 - p_y), A = -4 for log(0)",
        source="Wang et al., ICCV 2019",
        link="https://arxiv.org/abs/1908.06112",
        takes=("target",),
        decisions=("argmax",),
        zero_at_perfect=True,
        log_divergent=True,
        remark="Hard examples keep the share alpha of their gradient.",
        use="some labels are wrong, and hard or rare classes must still be learned",
    ),
    Entry(
        loss=poly_loss,
        family="noise",
        formula="-log(p_y) + epsilon (1 - p_y)",
        source="Leng et al., ICLR 2022",
        link="https://arxiv.org/abs/2204.12511",
        takes=("target",),
        decisions=("argmax",),
        zero_at_perfect=True,
        convex=True,
        log_divergent=True,
        remark="Convex for epsilon up to 1. Its probabilities are overconfident.",
        use="cross entropy works, and one number may be tuned to make it work better",
    ),
)

"""Losses and weights for classes of very different frequency."""

import torch
from torch import Tensor

from .._foundation import check, check_costs
from .._foundation.arrays import ArrayLike, as_tensor
from .._foundation.hidden import bad_target, checked_weights, finished
from .._foundation.math import (
    class_probs,
    cross_entropy,
    floating,
    log_complement,
    log_odds,
    log_sigmoid,
    ratio,
    sum_type,
    upcast,
)
from .._foundation.options import AT_LEAST_ZERO, Rule, number
from .._foundation.types import Logits, Losses, PerClass, Target


def focal_loss(
    logits: Logits, target: Target, *, gamma: float | Tensor = 2.0
) -> Losses:
    """Cross entropy with less weight on the examples already classified well.

    `-(1 - p)**gamma * log(p)` with `p` the softmax probability of the label; for class
    probabilities, its mean over the label.

    Properties: 0 at a perfect prediction; log-divergent; not convex and not proper for
    `gamma > 0`: its probabilities are too timid for the minimum-cost rule.

    Args:
        logits: Scores of the classes, `(*batch, classes)`.
        target: Labels `(*batch,)` or class probabilities `(*batch, classes)`.
        gamma: Focusing exponent, at least 0. At 0 the loss is cross entropy.

    Returns:
        Loss of each example, in nats, `(*batch,)`.

    Raises:
        TypeError: If `logits` is not floating point, or `target` neither kind.
        ValueError: If shapes do not match, a label is out of range, rows of `target`
            are no probabilities, or `gamma` is below 0.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 0.0]])
        >>> costfn.focal_loss(logits, torch.tensor([0, 0]))
        tensor([0.0018, 0.1733])

    Source:
        Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017; here with the
        softmax in place of the sigmoid. https://arxiv.org/abs/1708.02002
    """
    check.scores("logits", logits)
    check.target(target, logits.shape[:-1], logits.shape[-1])
    focus = number("gamma", gamma, AT_LEAST_ZERO)
    z = upcast(logits)
    invalid = bad_target(target, z.shape[-1])
    # Through log(1 - p), so nothing cancels, and the gradient stays finite for
    # gamma < 1, where (1 - p) ** gamma has none at p = 1.
    if not target.is_floating_point():
        margin = log_odds(z, target)
        # As a tensor: forward over reverse turns a scalar of float32 into float64
        # where torch multiplies it by a Python number.
        power = focus * torch.ones_like(margin)
        modulated = torch.exp(power * log_sigmoid(-margin)) * log_sigmoid(margin)
        return finished(-modulated, logits, invalid)
    q = class_probs(target, z.shape[-1], z.dtype)
    log_p = z.log_softmax(-1)
    # 0 log 0 is 0, and must be before the product, whose gradient would be 0 * inf.
    log_p = torch.where((q == 0) & log_p.isinf(), 0.0, log_p)
    losses = -(q * torch.exp(focus * log_complement(z)) * log_p).sum(-1)
    return finished(losses, logits, invalid)


def logit_adjusted_loss(
    logits: Logits,
    target: Target,
    prior: PerClass,
    *,
    temperature: float | Tensor = 1.0,
) -> Losses:
    """Cross entropy that leaves the class frequencies out: argmax serves rare classes.

    `log(sum_j exp(z_j + t log(prior_j))) - z_y - t log(prior_y)`.

    Properties: convex; log-divergent; 0 only in the limit; consistent for the balanced
    error under argmax. The softmax of the logits estimates the class probabilities
    under equal priors; that of `logits + log(prior)` the probabilities in the data.

    Args:
        logits: Scores of the classes, `(*batch, classes)`.
        target: Labels `(*batch,)` or class probabilities `(*batch, classes)`.
        prior: Frequency or count of each class, above 0, `(classes,)`.
        temperature: Strength of the adjustment, at least 0: 0 is cross entropy.

    Returns:
        Loss of each example, in nats, `(*batch,)`.

    Raises:
        TypeError: If `logits` is not floating point, or `target` neither kind.
        ValueError: If shapes do not match, a label is out of range, rows of `target`
            are no probabilities, `prior` is not above 0 or `temperature` below 0.

    Example:
        >>> import torch, costfn
        >>> logits, prior = torch.zeros(2, 2), torch.tensor([0.9, 0.1])
        >>> costfn.logit_adjusted_loss(logits, torch.tensor([0, 1]), prior)
        tensor([0.1054, 2.3026])

    Source:
        Menon et al., "Long-tail Learning via Logit Adjustment", ICLR 2021.
        https://arxiv.org/abs/2007.07314
    """
    check.scores("logits", logits)
    classes = logits.shape[-1]
    check.target(target, logits.shape[:-1], classes)
    strength = number("temperature", temperature, AT_LEAST_ZERO)
    check_costs.per_class("prior", prior, classes)
    seen = check.readable_values(prior)
    if seen is not None and not (seen.isfinite() & (seen > 0)).all():
        raise ValueError(
            f"prior must be above 0 and finite for every class, got {seen.tolist()}"
        )
    z = upcast(logits)
    frequency = checked_weights(prior, z.dtype)
    log_prior = frequency.masked_fill(frequency <= 0, torch.nan).log()
    losses = cross_entropy(z + strength * log_prior, target)
    return finished(losses, logits, bad_target(target, classes))


# As the paper has it: at 1 all counts are the same.
_BETA = Rule("in [0, 1)", lambda beta: (beta >= 0) & (beta < 1))


def class_balanced_weights(
    counts: PerClass | ArrayLike, *, beta: float | Tensor
) -> PerClass:
    """Class weights by the effective number of examples.

    `(1 - beta) / (1 - beta**n_k)`, scaled so that the classes present have mean 1.

    Args:
        counts: Examples of each class, at least 0, `(classes,)`; a tensor or an
            array-like. A class without examples gets weight 0 and does not enter the
            mean.
        beta: In [0, 1): at 0 all weights are 1, towards 1 they become inverse
            frequencies. The paper tries 0.9, 0.99, 0.999 and 0.9999.

    Returns:
        Weights `(classes,)`, in float64 if `counts` is, else in the default dtype. NaN
        for all if a count that could not be seen is negative or not finite.

    Raises:
        TypeError: If `counts` holds no numbers or `beta` is none.
        ValueError: If it is not one axis of 2 or more, negative or not finite, or
            `beta` lies outside [0, 1).

    Example:
        >>> import torch, costfn
        >>> costfn.class_balanced_weights(torch.tensor([900, 100]), beta=0.999)
        tensor([0.2764, 1.7236])

    Source:
        Cui et al., "Class-Balanced Loss Based on Effective Number of Samples", CVPR
        2019. https://arxiv.org/abs/1901.05555
    """
    beta = number("beta", beta, _BETA)
    counts = as_tensor("counts", counts)
    check_costs.per_class("counts", counts)
    check.weights("counts", counts, counts.shape)
    examples = checked_weights(counts, sum_type(floating(counts)))
    # Not `> 0`, for which a count of NaN would be an absent class.
    present = ~(examples <= 0)
    # -expm1(n log(beta)) is 1 - beta**n without cancellation for beta close to 1.
    log_beta = torch.as_tensor(beta, dtype=examples.dtype, device=examples.device).log()
    effective = -torch.expm1(torch.where(present, examples, 1.0) * log_beta)
    weights = torch.where(present, 1 / effective, 0.0)
    scaled = ratio(weights * present.sum(), weights.sum())
    wide = counts.dtype == torch.float64
    return scaled if wide else scaled.to(torch.get_default_dtype())

"""Scores to soft decisions: what stands in for argmax while training.

A relaxation is a function of logits, alternatives on the last axis, to memberships in
[0, 1] of the same shape. A score `z` of one label against its absence is passed as the
two scores `(0, z)`. The functions here make relaxations; any function of your own
serves too. Each parameter may be a tensor, of one element or one per class, so that it
can be annealed or learned. A relaxation shows its parameters, and can be pickled.
"""

from torch import Tensor

from ._foundation.options import (
    ABOVE_ZERO,
    BELOW_HALF,
    BELOW_ONE,
    FINITE,
    number_per_class,
)
from ._foundation.soft_decisions import (
    Amplified,
    PiecewiseLinear,
    RaisedCosine,
    Relaxation,
    Sigmoid,
    Softmax,
    StraightThrough,
)

__all__ = [
    "Relaxation",
    "amplified",
    "piecewise_linear",
    "raised_cosine",
    "sigmoid",
    "softmax",
    "straight_through",
]


def softmax(temperature: float | Tensor = 1.0) -> Relaxation:
    """Softmax of `logits / temperature`: the default.

    Memberships sum to 1. No dead zone: the likeliest class is taken as 1 less the
    others, so that the gradient lives for as long as the others' mass is a number.

    Args:
        temperature: Above 0; towards 0 argmax.

    Returns:
        The relaxation.

    Raises:
        ValueError: If `temperature` is not above 0.

    Example:
        >>> import torch, costfn
        >>> costfn.relaxations.softmax(0.5)(torch.tensor([1.0, 0.0]))
        tensor([0.8808, 0.1192])

    Source:
        Bridle, "Training Stochastic Model Recognition Algorithms as Networks can Lead
        to Maximum Mutual Information Estimation of Parameters", NeurIPS 1989.
    """
    number_per_class("temperature", temperature, ABOVE_ZERO)
    return Softmax(temperature)


def sigmoid(slope: float | Tensor = 1.0, threshold: float | Tensor = 0.0) -> Relaxation:
    """Logistic function of each score by itself, not of all together.

    `1 / (1 + exp(-slope (z - threshold)))`.

    Memberships do not sum to 1. No dead zone up to a gap of about 88 in float32.

    Args:
        slope: Above 0; the larger, the harder.
        threshold: The score of membership 1/2, finite.

    Returns:
        The relaxation.

    Raises:
        ValueError: If `slope` is not above 0 or `threshold` not finite.

    Example:
        >>> import torch, costfn
        >>> costfn.relaxations.sigmoid(2.0)(torch.tensor([1.0, 0.0]))
        tensor([0.8808, 0.5000])

    Source:
        Bénédict et al., "sigmoidF1: A Smooth F1 Score Surrogate Loss for Multilabel
        Classification", TMLR 2022, on the logit. https://arxiv.org/abs/2108.10566
    """
    number_per_class("slope", slope, ABOVE_ZERO)
    number_per_class("threshold", threshold, FINITE)
    return Sigmoid(slope, threshold)


def amplified(slope: float | Tensor = 73.0) -> Relaxation:
    """Probabilities driven towards 0 and 1: `1 / (1 + exp(-slope (p - 1/2)))`.

    Dead zone: with the slope 73 the gradient in a binary logit is below 1 % of its peak
    beyond `abs(z) > 0.33`, and below 0.1 % beyond 0.46. Standardised inputs and small
    weights keep scores inside it at the start.

    Args:
        slope: Above 0; the paper's choice is 73.

    Returns:
        The relaxation, of the softmax of the logits.

    Raises:
        ValueError: If `slope` is not above 0.

    Example:
        >>> import torch, costfn
        >>> costfn.relaxations.amplified()(torch.tensor([0.1, 0.0]))
        tensor([0.8610, 0.1390])

    Source:
        Han et al., "AnyLoss: Transforming Classification Metrics into Loss Functions",
        KDD 2024. https://arxiv.org/abs/2405.14745
    """
    number_per_class("slope", slope, ABOVE_ZERO)
    return Amplified(slope)


def raised_cosine(
    threshold: float | Tensor = 0.5, width: float | Tensor = 0.1
) -> Relaxation:
    """Probability that a random threshold, raised-cosine distributed, lies below `p`.

    With `u = (p - threshold) / width`: 0 for `u < -1`, 1 for `u > 1`, and between
    `(1 + u + sin(pi u) / pi) / 2`.

    Dead zone: the gradient is exactly 0 where `abs(p - threshold) > width`; with the
    defaults beyond a binary logit of 0.405. Mix in another loss, or anneal the width.

    Args:
        threshold: Mean of the threshold, in (0, 1).
        width: Half its range, above 0.

    Returns:
        The relaxation, of the softmax of the logits.

    Raises:
        ValueError: If `threshold` is not finite or `width` not above 0.

    Example:
        >>> import torch, costfn
        >>> costfn.relaxations.raised_cosine()(torch.tensor([0.1, 0.0]))
        tensor([0.7374, 0.2626])

    Source:
        Marchetti et al., "Score-Oriented Loss (SOL) Functions", Pattern Recognition
        132, 2022. https://arxiv.org/abs/2103.15522
    """
    number_per_class("threshold", threshold, FINITE)
    number_per_class("width", width, ABOVE_ZERO)
    return RaisedCosine(threshold, width)


def piecewise_linear(
    threshold: float | Tensor = 0.5, delta: float | Tensor = 0.2
) -> Relaxation:
    """A Heaviside step with slopes: steep at the threshold, gentle on both sides.

    With `m = min(t, 1 - t)`: from (0, 0) to `(t - m/2, delta)`, on to
    `(t + m/2, 1 - delta)` through (t, 1/2), and to (1, 1).

    No dead zone; no curvature, and kinks at `t - m/2` and `t + m/2`.

    Args:
        threshold: The probability `t` of membership 1/2, in (0, 1).
        delta: Height of the gentle parts, in (0, 1/2).

    Returns:
        The relaxation, of the softmax of the logits.

    Raises:
        ValueError: If `threshold` or `delta` is outside its range.

    Example:
        >>> import torch, costfn
        >>> costfn.relaxations.piecewise_linear()(torch.tensor([0.1, 0.0]))
        tensor([0.5300, 0.4700])

    Source:
        Tsoi et al., "Bridging the Gap: Unifying the Training and Evaluation of Neural
        Network Binary Classifiers", NeurIPS 2022. https://arxiv.org/abs/2009.01367
    """
    number_per_class("threshold", threshold, BELOW_ONE)
    number_per_class("delta", delta, BELOW_HALF)
    return PiecewiseLinear(threshold, delta)


def straight_through(of: Relaxation | None = None) -> Relaxation:
    """The hard decision's value with the soft one's gradient.

    One-hot at the argmax, the first of equals; derivatives of every order are those of
    `of`. The loss you read is then the metric itself, as scikit-learn would count it;
    the gradient is not that of the value, so finite differences disagree.

    Args:
        of: The relaxation that lends its gradient. Default: `softmax()`.

    Returns:
        The relaxation.

    Raises:
        TypeError: If `of` is not a function.

    Example:
        >>> import torch, costfn
        >>> costfn.relaxations.straight_through()(torch.tensor([1.0, 0.0]))
        tensor([1., 0.])

    Source:
        Bengio et al., "Estimating or Propagating Gradients Through Stochastic Neurons
        for Conditional Computation", 2013. https://arxiv.org/abs/1308.3432
    """
    if of is not None and not callable(of):
        raise TypeError(f"of must be a relaxation or None, got {type(of).__name__}")
    return StraightThrough(Softmax() if of is None else of)

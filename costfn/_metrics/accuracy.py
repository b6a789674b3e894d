"""Losses for metrics of the whole table."""

from collections.abc import Sequence
from functools import partial
from math import nan
from typing import Unpack

from torch import Tensor

from .._foundation.arrays import ArrayLike
from .._foundation.types import AnyTarget, BatchLoss, Scores
from . import agreement as metrics
from .agreement import KappaWeights
from .metric_loss import Counting, one_less


def accuracy_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    zero_division: float = 0.0,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Train for accuracy: the expected share of mistakes.

    `1 - sum_k TP_k / n`; for labels and softmax the mean absolute error of `p`.

    Properties: in [0, 1]; 0 at a perfect prediction; not convex; of the batch as a
    whole. Robust to wrong labels, but its gradient vanishes where confidently wrong.

    Args:
        logits: Scores, `(*batch, classes)`, or as `task` says.
        target: Labels `(*batch,)` or probabilities, or as `task` says.
        zero_division: The metric where it is 0/0: 0, 1 or nan, for a loss of 0.
        **counting: How to count, see `metric_loss`: `relaxation`, `task`, `scope`,
            `sample_weight`, `where`, `sum_counts`, `reduction`.

    Returns:
        A scalar.

    Raises:
        TypeError: If an argument has the wrong dtype.
        ValueError: If shapes do not match, a label is out of range, or an option
            is unknown.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
        >>> costfn.accuracy_loss(logits, torch.tensor([0, 1, 1]))
        tensor(0.3731)

    Source:
        Ghosh et al., "Robust Loss Functions under Label Noise for Deep Neural
        Networks", AAAI 2017. https://arxiv.org/abs/1712.09482
    """
    measure = partial(metrics.accuracy, zero_division=zero_division)
    return one_less(measure, "counts", logits, target, **counting)


def balanced_accuracy_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    adjusted: bool = False,
    zero_division: float = nan,
    classes: Sequence[int] | None = None,
    class_weight: Tensor | ArrayLike | None = None,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Train for balanced accuracy: every class present counts the same.

    `1 - mean_k TP_k / (TP_k + FN_k)` over the classes with true examples.

    Properties: in [0, 1]; 0 at a perfect prediction; not convex; of the batch as a
    whole.

    Args:
        logits: Scores, `(*batch, classes)`, or as `task` says.
        target: Labels `(*batch,)` or probabilities, or as `task` says.
        adjusted: Scale it so that chance is 1 and perfect 0.
        zero_division: The metric where it is 0/0: 0, 1 or nan, for a loss of 0.
        classes: The classes that enter the mean, all by default.
        class_weight: Weight of each class in the mean, at least 0, `(classes,)`.
        **counting: How to count, see `metric_loss`: `relaxation`, `task`, `scope`,
            `sample_weight`, `where`, `sum_counts`, `reduction`.

    Returns:
        A scalar.

    Raises:
        TypeError: If an argument has the wrong dtype.
        ValueError: If shapes do not match, a label is out of range, or an option
            is unknown.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
        >>> costfn.balanced_accuracy_loss(logits, torch.tensor([0, 1, 1]))
        tensor(0.3096)

    Source:
        Marchetti et al., "Score-Oriented Loss (SOL) Functions", Pattern Recognition
        132, 2022. https://arxiv.org/abs/2103.15522
    """
    measure = partial(
        metrics.balanced_accuracy,
        adjusted=adjusted,
        zero_division=zero_division,
        classes=classes,
        class_weight=class_weight,
    )
    return one_less(measure, "counts", logits, target, **counting)


def g_mean_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    zero_division: float = 0.0,
    classes: Sequence[int] | None = None,
    class_weight: Tensor | ArrayLike | None = None,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Train for the geometric mean of the recalls.

    `1 - (prod_k TP_k / (TP_k + FN_k))**(1/K)` over the classes with true examples.

    Properties: in [0, 1]; 0 at a perfect prediction; not convex; of the batch as a
    whole. Steep where a class is hardly found, flat where it is never.

    Args:
        logits: Scores, `(*batch, classes)`, or as `task` says.
        target: Labels `(*batch,)` or probabilities, or as `task` says.
        zero_division: The metric where it is 0/0: 0, 1 or nan, for a loss of 0.
        classes: The classes that enter the mean, all by default.
        class_weight: Weight of each class in the mean, at least 0, `(classes,)`.
        **counting: How to count, see `metric_loss`: `relaxation`, `task`, `scope`,
            `sample_weight`, `where`, `sum_counts`, `reduction`.

    Returns:
        A scalar.

    Raises:
        TypeError: If an argument has the wrong dtype.
        ValueError: If shapes do not match, a label is out of range, or an option
            is unknown.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
        >>> costfn.g_mean_loss(logits, torch.tensor([0, 1, 1]))
        tensor(0.3364)

    Source:
        Han et al., "AnyLoss: Transforming Classification Metrics into Loss Functions",
        KDD 2024. https://arxiv.org/abs/2405.14745
    """
    measure = partial(
        metrics.g_mean,
        zero_division=zero_division,
        classes=classes,
        class_weight=class_weight,
    )
    return one_less(measure, "counts", logits, target, **counting)


def mcc_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    zero_division: float = 0.0,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Train for the Matthews correlation (with more classes Gorodkin's R_K).

    `1 - cov(t, p) / sqrt(cov(t, t) cov(p, p))`.

    Properties: in [0, 2]; 0 at a perfect prediction; not convex; of the batch as a
    whole. Where all truth is of one class it is 1 with gradient 0.

    Args:
        logits: Scores, `(*batch, classes)`, or as `task` says.
        target: Labels `(*batch,)` or probabilities, or as `task` says.
        zero_division: The metric where it is 0/0: 0, 1 or nan, for a loss of 0.
        **counting: How to count, see `metric_loss`: `relaxation`, `task`, `scope`,
            `sample_weight`, `where`, `sum_counts`, `reduction`.

    Returns:
        A scalar.

    Raises:
        TypeError: If an argument has the wrong dtype.
        ValueError: If shapes do not match, a label is out of range, or an option
            is unknown.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
        >>> costfn.mcc_loss(logits, torch.tensor([0, 1, 1]))
        tensor(0.6288)

    Source:
        Abhishek and Hamarneh, "Matthews Correlation Coefficient Loss for Deep
        Convolutional Networks", ISBI 2021. https://arxiv.org/abs/2010.13454
    """
    measure = partial(metrics.mcc, zero_division=zero_division)
    return one_less(measure, "counts", logits, target, **counting)


def cohen_kappa_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    weights: KappaWeights | None = None,
    zero_division: float = 0.0,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Train for agreement beyond chance, with weights for classes in an order.

    `sum W O / sum W E`, with `O` the soft confusion matrix and `E` that of its margins.

    Properties: in [0, 2]; 0 at a perfect prediction; not convex; of the batch as a
    whole.

    Args:
        logits: Scores, `(*batch, classes)`, or as `task` says.
        target: Labels `(*batch,)` or probabilities, or as `task` says.
        weights: None, `"linear"` or `"quadratic"`.
        zero_division: The metric where it is 0/0: 0, 1 or nan, for a loss of 0.
        **counting: How to count, see `metric_loss`: `relaxation`, `task`, `scope`,
            `sample_weight`, `where`, `sum_counts`, `reduction`.

    Returns:
        A scalar.

    Raises:
        TypeError: If an argument has the wrong dtype.
        ValueError: If shapes do not match, a label is out of range, or an option
            is unknown.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
        >>> costfn.cohen_kappa_loss(logits, torch.tensor([0, 1, 1]))
        tensor(0.6879)

    Source:
        de la Torre et al., "Weighted Kappa Loss Function for Multi-class Classification
        of Ordinal Data in Deep Learning", Pattern Recognition Letters 105, 2018.
        https://doi.org/10.1016/j.patrec.2017.05.018
    """
    measure = partial(metrics.cohen_kappa, weights=weights, zero_division=zero_division)
    return one_less(
        measure, "matrix" if weights else "counts", logits, target, **counting
    )


def hss_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    zero_division: float = 0.0,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Train for the Heidke skill score: accuracy beyond chance.

    `1 - (accuracy - chance) / (1 - chance)`: kappa without weights.

    Properties: in [0, 2]; 0 at a perfect prediction; not convex; of the batch as a
    whole.

    Args:
        logits: Scores, `(*batch, classes)`, or as `task` says.
        target: Labels `(*batch,)` or probabilities, or as `task` says.
        zero_division: The metric where it is 0/0: 0, 1 or nan, for a loss of 0.
        **counting: How to count, see `metric_loss`: `relaxation`, `task`, `scope`,
            `sample_weight`, `where`, `sum_counts`, `reduction`.

    Returns:
        A scalar.

    Raises:
        TypeError: If an argument has the wrong dtype.
        ValueError: If shapes do not match, a label is out of range, or an option
            is unknown.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
        >>> costfn.hss_loss(logits, torch.tensor([0, 1, 1]))
        tensor(0.6879)

    Source:
        Marchetti et al., "Score-Oriented Loss (SOL) Functions", Pattern Recognition
        132, 2022. https://arxiv.org/abs/2103.15522
    """
    measure = partial(metrics.hss, zero_division=zero_division)
    return one_less(measure, "counts", logits, target, **counting)

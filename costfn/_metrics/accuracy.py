"""Accuracies of the whole table: plain, balanced, and the geometric mean of recalls."""

from collections.abc import Sequence
from math import nan
from typing import Unpack

import torch
from torch import Tensor

from .._foundation.arrays import ArrayLike
from .._foundation.entry import SCORE_ORIENTED, entry_of_metric
from .._foundation.math import ratio, small
from .._foundation.types import AnyTarget, BatchLoss, Scores
from .averaging import (
    Table,
    as_counts,
    check_zero_division,
    chosen_classes,
    class_weights,
    each_class,
)
from .batch_loss import Counting, one_minus


def accuracy(table: Table, *, zero_division: float = 0.0) -> Tensor:
    """How many examples are decided right: `sum_k TP_k / n`.

    For several labels per example, how many labels (1 minus the Hamming loss).

    Args:
        table: Counts, or a confusion matrix `(*, classes, classes)`.
        zero_division: The value without examples; see `costfn.metrics`.

    Returns:
        In [0, 1], a scalar or `(*,)`.

    Example:
        >>> import torch, costfn
        >>> costfn.metrics.accuracy(torch.tensor([[3.0, 1.0], [2.0, 4.0]]))
        tensor(0.7000)

    Source:
        `sklearn.metrics.accuracy_score`; of labels, 1 minus `hamming_loss`.
    """
    check_zero_division(zero_division)
    c = as_counts(table)
    if c.one_label:
        return ratio(c.true_positive.sum(-1), c.total, zero_division)
    cells = each_class(c)
    right = cells.true_positive + cells.true_negative
    return ratio(right.sum(-1), c.total.sum(-1), zero_division)


def accuracy_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    zero_division: float = 0.0,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Train for accuracy: the expected share of mistakes.

    `1 - sum_k TP_k / n`; for labels and softmax the mean absolute error of `p`.

    Properties: robust to wrong labels, but the gradient vanishes where the model is
    confidently wrong.

    Args:
        logits: Scores, `(*batch, classes)`, or as `task` says.
        target: Labels `(*batch,)` or probabilities, or as `task` says.
        zero_division: The metric at 0/0; see `costfn.metrics`.
        **counting: How to count; see `metric_loss`.

    Returns:
        A scalar.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
        >>> costfn.accuracy_loss(logits, torch.tensor([0, 1, 1]))
        tensor(0.3731)

    Source:
        Ghosh et al., "Robust Loss Functions under Label Noise for Deep Neural
        Networks", AAAI 2017. https://arxiv.org/abs/1712.09482
    """
    return one_minus(logits, target, counting, accuracy, zero_division=zero_division)


def balanced_accuracy(
    table: Table,
    *,
    adjusted: bool = False,
    zero_division: float = nan,
    classes: Sequence[int] | None = None,
    class_weight: Tensor | ArrayLike | None = None,
) -> Tensor:
    """Mean recall over the classes that have true examples.

    `mean_k TP_k / (TP_k + FN_k)`.

    Args:
        table: Counts, or a confusion matrix `(*, classes, classes)`.
        adjusted: Scale it so that chance is 0: `(BA - 1/K) / (1 - 1/K)` with `K` the
            classes present.
        zero_division: The value without examples (adjusted: of one class); see
            `costfn.metrics` for this and for `classes` and `class_weight`.

    Returns:
        In [0, 1], adjusted in [-1, 1], a scalar or `(*,)`.

    Example:
        >>> import torch, costfn
        >>> costfn.metrics.balanced_accuracy(torch.tensor([[3.0, 1.0], [2.0, 4.0]]))
        tensor(0.7083)

    Source:
        Brodersen et al., "The Balanced Accuracy and its Posterior Distribution", ICPR
        2010; absent classes as in `sklearn.metrics.balanced_accuracy_score`.
    """
    check_zero_division(zero_division)
    hits, actual, weight = _chosen(table, classes, class_weight)
    some = (~small(actual)).to(actual.dtype)
    weight = some * weight
    score = ratio((weight * ratio(hits, actual)).sum(-1), weight.sum(-1), zero_division)
    if not adjusted:
        return score
    present = some.sum(-1)
    return ratio(present * score - 1, present - 1, zero_division)


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

    Args:
        logits: Scores, `(*batch, classes)`, or as `task` says.
        target: Labels `(*batch,)` or probabilities, or as `task` says.
        adjusted: Scale it so that chance is 1 and perfect 0.
        zero_division: The metric at 0/0; see `costfn.metrics` for this and for
            `classes` and `class_weight`.
        **counting: How to count; see `metric_loss`.

    Returns:
        A scalar.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
        >>> costfn.balanced_accuracy_loss(logits, torch.tensor([0, 1, 1]))
        tensor(0.3096)

    Source:
        Marchetti et al., "Score-Oriented Loss (SOL) Functions", Pattern Recognition
        132, 2022. https://arxiv.org/abs/2103.15522
    """
    return one_minus(
        logits,
        target,
        counting,
        balanced_accuracy,
        adjusted=adjusted,
        zero_division=zero_division,
        classes=classes,
        class_weight=class_weight,
    )


def g_mean(
    table: Table,
    *,
    zero_division: float = 0.0,
    classes: Sequence[int] | None = None,
    class_weight: Tensor | ArrayLike | None = None,
) -> Tensor:
    """Geometric mean of the recalls of the classes that have true examples.

    `(prod_k TP_k / (TP_k + FN_k))**(1/K)`. It is 0 as soon as one class is never found;
    the gradient there is 0.

    Args:
        table: Counts, or a confusion matrix `(*, classes, classes)`.
        zero_division: The value without examples; see `costfn.metrics` for this and for
            `classes` and `class_weight`.

    Returns:
        In [0, 1], a scalar or `(*,)`.

    Example:
        >>> import torch, costfn
        >>> costfn.metrics.g_mean(torch.tensor([[3.0, 1.0], [2.0, 4.0]]))
        tensor(0.7071)

    Source:
        Kubat and Matwin, "Addressing the Curse of Imbalanced Training Sets", ICML 1997;
        for more classes Sun et al., ICDM 2006.
    """
    check_zero_division(zero_division)
    hits, actual, weight = _chosen(table, classes, class_weight)
    weight = torch.where(small(actual), 0.0, weight)
    recall = torch.where(weight == 0, 1.0, ratio(hits, actual))
    missed = (recall <= torch.finfo(recall.dtype).tiny).any(-1, keepdim=True)
    logs = (weight * torch.where(missed, 1.0, recall).log()).sum(-1)
    amount = weight.sum(-1)
    found = torch.where(missed.squeeze(-1), 0.0, torch.exp(ratio(logs, amount)))
    return torch.where(amount == 0, zero_division, found)


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

    Properties: steep where a class is hardly found, flat where it is never found.

    Args:
        logits: Scores, `(*batch, classes)`, or as `task` says.
        target: Labels `(*batch,)` or probabilities, or as `task` says.
        zero_division: The metric at 0/0; see `costfn.metrics` for this and for
            `classes` and `class_weight`.
        **counting: How to count; see `metric_loss`.

    Returns:
        A scalar.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
        >>> costfn.g_mean_loss(logits, torch.tensor([0, 1, 1]))
        tensor(0.3364)

    Source:
        Han et al., "AnyLoss: Transforming Classification Metrics into Loss Functions",
        KDD 2024. https://arxiv.org/abs/2405.14745
    """
    return one_minus(
        logits,
        target,
        counting,
        g_mean,
        zero_division=zero_division,
        classes=classes,
        class_weight=class_weight,
    )


def _chosen(
    table: Table,
    classes: Sequence[int] | None,
    class_weight: Tensor | ArrayLike | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """True positives, true examples and weight of the classes that enter a mean."""
    c = as_counts(table)
    weight = class_weights(class_weight, "macro", c.actual)
    ones = torch.ones_like(c.actual)
    found = (c.true_positive, c.actual, ones if weight is None else ones * weight)
    if classes is None:
        return found
    index = chosen_classes(classes, "macro", c.actual)
    return found[0][..., index], found[1][..., index], found[2][..., index]


ENTRIES = (
    entry_of_metric(
        accuracy_loss,
        "1 - sum_k TP_k / n",
        ("Ghosh et al., AAAI 2017", "https://arxiv.org/abs/1712.09482"),
        "Robust to wrong labels; stalls where confidently wrong.",
    ),
    entry_of_metric(
        balanced_accuracy_loss,
        "1 - mean_k TP_k / n_k",
        SCORE_ORIENTED,
        "Over the classes present.",
    ),
    entry_of_metric(
        g_mean_loss,
        "1 - (prod_k TP_k / n_k)^(1/K)",
        ("Han et al., KDD 2024", "https://arxiv.org/abs/2405.14745"),
        "Over the classes present.",
    ),
)

"""Metrics of the whole table, that are no average over classes."""

from collections.abc import Sequence
from math import nan
from typing import Literal, get_args

import torch
from torch import Tensor

from .._foundation import check
from .._foundation.arrays import ArrayLike, as_tensor
from .._foundation.counts import Counts
from .._foundation.math import others, ratio, small
from .averaging import (
    Table,
    as_counts,
    check_zero_division,
    chosen_classes,
    class_weights,
    each_class,
)

KappaWeights = Literal["linear", "quadratic"]


def accuracy(table: Table, *, zero_division: float = 0.0) -> Tensor:
    """How many examples are decided right: `sum_k TP_k / n`.

    For several labels per example, how many labels (1 less the Hamming loss).

    Args:
        table: Counts, or a confusion matrix `(*, classes, classes)`.
        zero_division: The value without examples: 0, 1 or nan.

    Returns:
        In [0, 1], a scalar or `(*,)`.

    Raises:
        ValueError: If `zero_division` is neither, or `table` is no table.

    Example:
        >>> import torch, costfn
        >>> costfn.metrics.accuracy(torch.tensor([[3.0, 1.0], [2.0, 4.0]]))
        tensor(0.7000)

    Source:
        `sklearn.metrics.accuracy_score`; of labels, 1 less `hamming_loss`.
    """
    check_zero_division(zero_division)
    c = as_counts(table)
    if c.one_label:
        return ratio(c.true_positive.sum(-1), c.total, zero_division)
    cells = each_class(c)
    right = cells.true_positive + cells.true_negative
    return ratio(right.sum(-1), c.total.sum(-1), zero_division)


def balanced_accuracy(
    table: Table,
    *,
    adjusted: bool = False,
    zero_division: float = nan,
    classes: Sequence[int] | None = None,
    class_weight: Tensor | ArrayLike | None = None,
) -> Tensor:
    """Mean recall over the classes that have true examples.

    Args:
        table: Counts, or a confusion matrix `(*, classes, classes)`.
        adjusted: Scale it so that chance is 0: `(BA - 1/K) / (1 - 1/K)` with `K` the
            classes present.
        zero_division: The value without examples (adjusted: of one class): 0, 1 or nan.
        classes: The classes that enter the mean, all by default.
        class_weight: Weight of each class in the mean, at least 0, `(classes,)`.

    Returns:
        In [0, 1], adjusted in [-1, 1], a scalar or `(*,)`.

    Raises:
        ValueError: If `zero_division` is neither, or `table` is no table.

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
    amount = weight.sum(-1)
    score = ratio((weight * ratio(hits, actual)).sum(-1), amount, zero_division)
    if not adjusted:
        return score
    present = some.sum(-1)
    return ratio(present * score - 1, present - 1, zero_division)


def _chosen(
    table: Table,
    classes: Sequence[int] | None,
    class_weight: Tensor | ArrayLike | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """True positives, true examples and weight of the classes that are to count."""
    c = as_counts(table)
    weight = class_weights(class_weight, "macro", c.actual)
    weight = torch.ones_like(c.actual[..., :1]) if weight is None else weight
    weight = weight.expand(c.actual.shape)
    found = (c.true_positive, c.actual, weight)
    if classes is None:
        return found
    index = chosen_classes(classes, "macro", c.actual)
    return found[0][..., index], found[1][..., index], found[2][..., index]


def g_mean(
    table: Table,
    *,
    zero_division: float = 0.0,
    classes: Sequence[int] | None = None,
    class_weight: Tensor | ArrayLike | None = None,
) -> Tensor:
    """Geometric mean of the recalls of the classes that have true examples.

    0 as soon as one class is never found; the gradient there is 0.

    Args:
        table: Counts, or a confusion matrix `(*, classes, classes)`.
        zero_division: The value without examples: 0, 1 or nan.
        classes: The classes that enter the mean, all by default.
        class_weight: Weight of each class in the mean, at least 0, `(classes,)`.

    Returns:
        In [0, 1], a scalar or `(*,)`.

    Raises:
        ValueError: If `zero_division` is neither, or `table` is no table.

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


def mcc(table: Table, *, zero_division: float = 0.0) -> Tensor:
    """Correlation of decisions and truth (Matthews; for more classes Gorodkin's R_K).

    `cov(t, p) / sqrt(cov(t, t) cov(p, p))`, from the shares of the total: no product of
    counts, which overflows.

    Args:
        table: Counts, or a confusion matrix `(*, classes, classes)`.
        zero_division: The value where truth or decisions are all of one class: 0, 1 or
            nan.

    Returns:
        In [-1, 1], a scalar or `(*,)`.

    Raises:
        ValueError: If `zero_division` is neither, `table` is no table, or its examples
            have several labels.

    Example:
        >>> import torch, costfn
        >>> costfn.metrics.mcc(torch.tensor([[3.0, 1.0], [2.0, 4.0]]))
        tensor(0.4082)

    Source:
        Gorodkin, "Comparing Two K-category Assignments by a K-category Correlation
        Coefficient", Comput. Biol. Chem. 28, 2004.
        https://doi.org/10.1016/j.compbiolchem.2004.09.006
    """
    check_zero_division(zero_division)
    covariance, actual, predicted, unpredicted = _shares(table)
    # Not `others(predicted)`: memberships need not sum to 1.
    variances = (actual * others(actual)).sum(-1), (predicted * unpredicted).sum(-1)
    none = small(variances[0]) | small(variances[1])
    roots = (torch.where(none, 1.0, v).sqrt() for v in variances)
    return torch.where(none, zero_division, covariance / next(roots) / next(roots))


def cohen_kappa(
    table: Table,
    *,
    weights: KappaWeights | None = None,
    zero_division: float = 0.0,
) -> Tensor:
    """Agreement beyond chance: `1 - sum W O / sum W E`.

    With `O` the confusion matrix, `E` the one expected from its margins, and `W[i, j]`
    1 off the diagonal, `abs(i - j)` or `(i - j)**2`.

    Args:
        table: Confusion matrix `(*, classes, classes)`, or counts without `weights`.
        weights: None, `"linear"` or `"quadratic"`.
        zero_division: The value where truth and decisions are all of one class: 0, 1 or
            nan (scikit-learn's default).

    Returns:
        In [-1, 1], a scalar or `(*,)`.

    Raises:
        ValueError: If an option is unknown, `table` is no table, its examples have
            several labels, or it is counts and `weights` is given.

    Example:
        >>> import torch, costfn
        >>> matrix = torch.tensor([[3.0, 1.0], [2.0, 4.0]])
        >>> costfn.metrics.cohen_kappa(matrix, weights="quadratic")
        tensor(0.4000)

    Source:
        Cohen, "A Coefficient of Agreement for Nominal Scales", 1960, and "Weighted
        Kappa", Psychological Bulletin 70, 1968.
    """
    check_zero_division(zero_division)
    check.one_of("weights", weights, (*get_args(KappaWeights), None))
    if weights is None:
        covariance, actual, _, unpredicted = _shares(table)
        chance = (actual * unpredicted).sum(-1)
        return ratio(covariance, chance, zero_division)
    if isinstance(table, Counts):
        raise ValueError(
            "table must be a confusion matrix where weights is given, got Counts, "
            "which do not say what was taken for what"
        )
    table = as_tensor("table", table, floats=torch.float64)
    _, actual, predicted, _ = _shares(table)
    rank = torch.ones_like(actual).cumsum(-1)
    distance = (rank.unsqueeze(-1) - rank.unsqueeze(-2)).abs()
    penalty = distance if weights == "linear" else distance * distance
    total = as_counts(table).total
    shares = ratio(table.to(actual.dtype), total[..., None, None])
    expected = actual.unsqueeze(-1) * predicted.unsqueeze(-2)
    # Cell by cell, so that nothing is left where the two are the same.
    gain = (penalty * (expected - shares)).sum((-2, -1))
    return ratio(gain, (penalty * expected).sum((-2, -1)), zero_division)


def hss(table: Table, *, zero_division: float = 0.0) -> Tensor:
    """Heidke skill score: accuracy beyond chance, the forecasters' name of kappa.

    Args:
        table: Counts, or a confusion matrix `(*, classes, classes)`.
        zero_division: The value where truth and decisions are all of one class: 0, 1 or
            nan.

    Returns:
        In [-1, 1], a scalar or `(*,)`.

    Raises:
        ValueError: If `zero_division` is neither, `table` is no table, or its examples
            have several labels.

    Example:
        >>> import torch, costfn
        >>> costfn.metrics.hss(torch.tensor([[3.0, 1.0], [2.0, 4.0]]))
        tensor(0.4000)

    Source:
        Heidke, "Berechnung des Erfolges und der Güte der Windstärkevorhersagen im
        Sturmwarnungsdienst", Geografiska Annaler 8, 1926.
    """
    return cohen_kappa(table, zero_division=zero_division)


def _shares(table: Table) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Covariance; and shares of the total: truth, decided for a class, for others.

    The covariance of decisions and truth is `sum_k (TP TN - FP FN) / n**2`, which is
    `sum_k TP / n - a p` without its cancellation where all is decided alike.
    """
    c = as_counts(table)
    if not c.one_label:
        raise ValueError(
            "table must be of examples with one class each, got one of several labels; "
            "take each label's as binary counts"
        )
    cells, total = each_class(c), c.total.unsqueeze(-1)
    tp, fp, fn, tn = (
        ratio(x, total)
        for x in (
            cells.true_positive,
            cells.false_positive,
            cells.false_negative,
            cells.true_negative,
        )
    )
    return (
        (tp * tn - fp * fn).sum(-1),
        ratio(cells.actual, total),
        ratio(cells.predicted, total),
        ratio(cells.unpredicted, total),
    )

"""Agreement of decisions and truth beyond chance: Matthews, Cohen, Heidke."""

from typing import Literal, Unpack, get_args

import torch
from torch import Tensor

from .._foundation import check
from .._foundation.arrays import as_tensor
from .._foundation.counts import Counts
from .._foundation.entry import SCORE_ORIENTED, entry_of_metric
from .._foundation.math import ratio, small, sum_of_others
from .._foundation.types import AnyTarget, BatchLoss, Scores
from .averaging import Table, as_counts, check_zero_division
from .batch_loss import Counting, one_minus

KappaWeights = Literal["linear", "quadratic"]


def mcc(table: Table, *, zero_division: float = 0.0) -> Tensor:
    """Correlation of decisions and truth (Matthews; for more classes Gorodkin's R_K).

    `cov(t, p) / sqrt(cov(t, t) cov(p, p))`, from the shares of the total: a product of
    counts could overflow.

    Args:
        table: Counts, or a confusion matrix `(*, classes, classes)`.
        zero_division: The value where truth or decisions are all of one class; see
            `costfn.metrics`.

    Returns:
        In [-1, 1], a scalar or `(*,)`.

    Raises:
        ValueError: If the examples have several labels.

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
    of_truth = (actual * sum_of_others(actual)).sum(-1)
    # Not `sum_of_others(predicted)`: memberships need not sum to 1.
    of_decisions = (predicted * unpredicted).sum(-1)
    none = small(of_truth) | small(of_decisions)
    roots = (torch.where(none, 1.0, v).sqrt() for v in (of_truth, of_decisions))
    return torch.where(none, zero_division, covariance / next(roots) / next(roots))


def mcc_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    zero_division: float = 0.0,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Train for the Matthews correlation (with more classes Gorodkin's R_K).

    `1 - cov(t, p) / sqrt(cov(t, t) cov(p, p))`.

    Properties: in [0, 2]. Where all truth is of one class it is 1 with gradient 0.

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
        >>> costfn.mcc_loss(logits, torch.tensor([0, 1, 1]))
        tensor(0.6288)

    Source:
        Abhishek and Hamarneh, "Matthews Correlation Coefficient Loss for Deep
        Convolutional Networks", ISBI 2021. https://arxiv.org/abs/2010.13454
    """
    return one_minus(logits, target, counting, mcc, zero_division=zero_division)


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
        zero_division: The value where truth and decisions are all of one class; see
            `costfn.metrics`. scikit-learn's default is nan.

    Returns:
        In [-1, 1], a scalar or `(*,)`.

    Raises:
        ValueError: If the examples have several labels, or `table` is counts and
            `weights` is given.

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
        return ratio(covariance, (actual * unpredicted).sum(-1), zero_division)
    if isinstance(table, Counts):
        raise ValueError(
            "table must be a confusion matrix where weights is given, got Counts, "
            "which do not say which class was decided for which"
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

    Properties: in [0, 2].

    Args:
        logits: Scores, `(*batch, classes)`, or as `task` says.
        target: Labels `(*batch,)` or probabilities, or as `task` says.
        weights: None, `"linear"` or `"quadratic"`.
        zero_division: The metric at 0/0; see `costfn.metrics`.
        **counting: How to count; see `metric_loss`.

    Returns:
        A scalar.

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
    return one_minus(
        logits,
        target,
        counting,
        cohen_kappa,
        "matrix" if weights else "counts",
        weights=weights,
        zero_division=zero_division,
    )


def hss(table: Table, *, zero_division: float = 0.0) -> Tensor:
    """Heidke skill score: accuracy beyond chance, the forecasters' name of kappa.

    `(accuracy - chance) / (1 - chance)`.

    Args:
        table: Counts, or a confusion matrix `(*, classes, classes)`.
        zero_division: The value where truth and decisions are all of one class; see
            `costfn.metrics`.

    Returns:
        In [-1, 1], a scalar or `(*,)`.

    Raises:
        ValueError: If the examples have several labels.

    Example:
        >>> import torch, costfn
        >>> costfn.metrics.hss(torch.tensor([[3.0, 1.0], [2.0, 4.0]]))
        tensor(0.4000)

    Source:
        Heidke, "Berechnung des Erfolges und der Güte der Windstärkevorhersagen im
        Sturmwarnungsdienst", Geografiska Annaler 8, 1926.
    """
    return cohen_kappa(table, zero_division=zero_division)


def hss_loss(
    logits: Scores,
    target: AnyTarget,
    *,
    zero_division: float = 0.0,
    **counting: Unpack[Counting],
) -> BatchLoss:
    """Train for the Heidke skill score: accuracy beyond chance.

    `1 - (accuracy - chance) / (1 - chance)`: kappa without weights.

    Properties: in [0, 2].

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
        >>> costfn.hss_loss(logits, torch.tensor([0, 1, 1]))
        tensor(0.6879)

    Source:
        Marchetti et al., "Score-Oriented Loss (SOL) Functions", Pattern Recognition
        132, 2022. https://arxiv.org/abs/2103.15522
    """
    return cohen_kappa_loss(logits, target, zero_division=zero_division, **counting)


def _shares(table: Table) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Covariance; and shares of the total: truth, decided for a class, for others.

    The covariance of decisions and truth is `sum_k (TP TN - FP FN) / n**2`. It equals
    `sum_k TP / n - a p`, but has no cancellation where all is decided alike.
    """
    c = as_counts(table)
    if not c.one_label:
        raise ValueError(
            "table must be of examples with one class each, got one of several labels; "
            "take each label's as binary counts"
        )
    alarm, missed, rest = c.other_cells()
    total = c.total.unsqueeze(-1)
    tp, fp, fn, tn = (ratio(x, total) for x in (c.true_positive, alarm, missed, rest))
    return (
        (tp * tn - fp * fn).sum(-1),
        ratio(c.actual, total),
        ratio(c.predicted, total),
        ratio(missed + rest, total),
    )


ENTRIES = (
    entry_of_metric(
        mcc_loss,
        "1 - cov(t, p) / sqrt(cov(t, t) cov(p, p))",
        ("Abhishek and Hamarneh, ISBI 2021", "https://arxiv.org/abs/2010.13454"),
        "1 with gradient 0 for a batch of one class.",
    ),
    entry_of_metric(
        cohen_kappa_loss,
        "sum W O / sum W E",
        ("de la Torre et al., 2018", "https://doi.org/10.1016/j.patrec.2017.05.018"),
        "Weights for classes in an order.",
    ),
    entry_of_metric(
        hss_loss,
        "1 - (accuracy - chance) / (1 - chance)",
        SCORE_ORIENTED,
        "Kappa without weights, by the forecasters' name.",
    ),
)

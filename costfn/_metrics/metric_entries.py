"""The catalogue's entries for losses of a metric."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .._foundation.entry import Entry
from .._losses import regression
from . import (
    accuracy,
    cost,
    generalized_dice,
    lovasz,
    overlap,
    rates,
)

SCORE_ORIENTED = ("Marchetti et al., 2022", "https://arxiv.org/abs/2103.15522")


def _of_metric(
    loss: Callable[..., Any], formula: str, source: tuple[str, str], remark: str = ""
) -> Entry:
    """What all of them share: of the batch, bounded, 0 at a perfect prediction."""
    return Entry(
        loss=loss,
        family="confusion matrix",
        formula=formula,
        source=source[0],
        link=source[1],
        takes=("target",),
        decisions=("argmax",),
        per_sample=False,
        zero_at_perfect=True,
        bounded=True,
        remark=remark,
    )


def _of_cost(
    loss: Callable[..., Any], formula: str, source: tuple[str, str], remark: str
) -> Entry:
    entry = _of_metric(loss, formula, source, remark)
    return replace(entry, family="cost", takes=("target", "cost"), bounded=False)


ENTRIES = (
    Entry(
        loss=regression.q_error_loss,
        family="regression",
        formula="max(p / t, t / p) - 1",
        source="Moerkotte et al., VLDB 2009",
        link="https://doi.org/10.14778/1687627.1687738",
        takes=("target",),
        decisions=(),
        zero_at_perfect=True,
        convex=True,
        log_divergent=True,
        remark="Of logarithms, or with log_space=False of the numbers.",
    ),
    _of_metric(
        accuracy.accuracy_loss,
        "1 - sum_k TP_k / n",
        ("Ghosh et al., AAAI 2017", "https://arxiv.org/abs/1712.09482"),
        "Robust to wrong labels; stalls where confidently wrong.",
    ),
    _of_metric(
        accuracy.balanced_accuracy_loss,
        "1 - mean_k TP_k / n_k",
        SCORE_ORIENTED,
        "Over the classes present.",
    ),
    _of_metric(
        accuracy.g_mean_loss,
        "1 - (prod_k TP_k / n_k)^(1/K)",
        ("Han et al., KDD 2024", "https://arxiv.org/abs/2405.14745"),
        "Over the classes present.",
    ),
    _of_metric(
        accuracy.mcc_loss,
        "1 - cov(t, p) / sqrt(cov(t, t) cov(p, p))",
        ("Abhishek and Hamarneh, ISBI 2021", "https://arxiv.org/abs/2010.13454"),
        "1 with gradient 0 for a batch of one class.",
    ),
    _of_metric(
        accuracy.cohen_kappa_loss,
        "sum W O / sum W E",
        ("de la Torre et al., 2018", "https://doi.org/10.1016/j.patrec.2017.05.018"),
        "Weights for classes in an order.",
    ),
    _of_metric(
        accuracy.hss_loss,
        "1 - (accuracy - chance) / (1 - chance)",
        SCORE_ORIENTED,
        "Kappa without weights, by the forecasters' name.",
    ),
    _of_metric(
        rates.precision_loss,
        "1 - TP / (TP + FP)",
        SCORE_ORIENTED,
        "Needs a counterpart: deciding less is always safer.",
    ),
    _of_metric(
        rates.recall_loss,
        "1 - TP / (TP + FN)",
        SCORE_ORIENTED,
        "Its macro average is that of balanced accuracy.",
    ),
    _of_metric(rates.specificity_loss, "1 - TN / (TN + FP)", SCORE_ORIENTED),
    _of_metric(
        rates.informedness_loss,
        "2 - TPR - TNR",
        SCORE_ORIENTED,
        "Youden's J; the true skill statistic.",
    ),
    _of_metric(
        rates.markedness_loss,
        "2 - PPV - NPV",
        ("Powers, 2011", "https://arxiv.org/abs/2010.16061"),
    ),
    _of_metric(
        rates.fowlkes_mallows_loss,
        "1 - TP / sqrt((TP + FP) (TP + FN))",
        (
            "Fowlkes and Mallows, JASA 1983",
            "https://doi.org/10.1080/01621459.1983.10478008",
        ),
    ),
    _of_metric(
        overlap.f_beta_loss,
        "1 - (1 + b^2) TP / (b^2 (TP + FN) + TP + FP)",
        SCORE_ORIENTED,
    ),
    _of_metric(
        overlap.jaccard_loss,
        "1 - TP / (TP + FP + FN)",
        ("Rahman and Wang, ISVC 2016", "https://arxiv.org/abs/2302.05666"),
    ),
    _of_metric(
        overlap.dice_loss,
        "1 - 2 TP / (2 TP + FP + FN)",
        ("Milletari et al., 3DV 2016", "https://arxiv.org/abs/1606.04797"),
        "F1, as segmentation calls it.",
    ),
    _of_metric(
        overlap.tversky_loss,
        "1 - TP / (TP + alpha FP + beta FN)",
        ("Salehi et al., MLMI 2017", "https://arxiv.org/abs/1706.05721"),
    ),
    _of_metric(
        overlap.focal_tversky_loss,
        "(1 - T)^gamma, T = TP / (TP + alpha FP + beta FN)",
        ("Abraham and Khan, ISBI 2019", "https://arxiv.org/abs/1810.07842"),
    ),
    _of_metric(
        generalized_dice.generalized_dice_loss,
        "1 - 2 sum_k w_k TP_k / sum_k w_k (2 TP_k + FP_k + FN_k)",
        ("Sudre et al., DLMIA 2017", "https://arxiv.org/abs/1707.03237"),
        "w_k = 1 / n_k^2.",
    ),
    _of_cost(
        cost.normalized_cost_loss,
        "sum M C / min_j sum_i n_i C[i, j]",
        ("Ferrer, 2022", "https://arxiv.org/abs/2209.05355"),
        "The expected cost, scaled by the batch.",
    ),
    _of_cost(
        cost.savings_loss,
        "sum M C / min_j sum_i n_i C[i, j]",
        ("Correa Bahnsen et al., ICMLA 2014", "https://doi.org/10.1109/ICMLA.2014.48"),
        "The normalized cost, by the name of credit scoring.",
    ),
    _of_cost(
        cost.regret_loss,
        "sum M (C - min_j C[:, j]) / n",
        ("Savage, JASA 1951", "https://doi.org/10.1080/01621459.1951.10500768"),
        "The expected cost less that of the best decisions.",
    ),
    _of_metric(
        lovasz.lovasz_softmax_loss,
        "sum of sorted errors times the steps of the Jaccard loss",
        ("Berman et al., CVPR 2018", "https://arxiv.org/abs/1705.08790"),
    ),
    replace(
        _of_metric(
            lovasz.lovasz_hinge_loss,
            "the same of hinge errors",
            ("Berman et al., CVPR 2018", "https://arxiv.org/abs/1705.08790"),
            "Binary.",
        ),
        bounded=False,
        log_divergent=True,
    ),
)

"""The catalogue's entries for losses of a metric."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .._foundation.entry import Entry, Synonym
from . import (
    cost_metric_losses,
    generalized_dice,
    lovasz,
    overlap_losses,
    rate_losses,
    table_losses,
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


_ENTRIES = (
    _of_metric(
        table_losses.accuracy_loss,
        "1 - sum_k TP_k / n",
        ("Ghosh et al., AAAI 2017", "https://arxiv.org/abs/1712.09482"),
        "Robust to wrong labels; stalls where confidently wrong.",
    ),
    _of_metric(
        table_losses.balanced_accuracy_loss,
        "1 - mean_k TP_k / n_k",
        SCORE_ORIENTED,
        "Over the classes present.",
    ),
    _of_metric(
        table_losses.g_mean_loss,
        "1 - (prod_k TP_k / n_k)^(1/K)",
        ("Han et al., KDD 2024", "https://arxiv.org/abs/2405.14745"),
        "Over the classes present.",
    ),
    _of_metric(
        table_losses.mcc_loss,
        "1 - cov(t, p) / sqrt(cov(t, t) cov(p, p))",
        ("Abhishek and Hamarneh, ISBI 2021", "https://arxiv.org/abs/2010.13454"),
        "1 with gradient 0 for a batch of one class.",
    ),
    _of_metric(
        table_losses.cohen_kappa_loss,
        "sum W O / sum W E",
        ("de la Torre et al., 2018", "https://doi.org/10.1016/j.patrec.2017.05.018"),
        "Weights for classes in an order.",
    ),
    _of_metric(
        table_losses.hss_loss,
        "1 - (accuracy - chance) / (1 - chance)",
        SCORE_ORIENTED,
        "Kappa without weights, by the forecasters' name.",
    ),
    _of_metric(
        rate_losses.precision_loss,
        "1 - TP / (TP + FP)",
        SCORE_ORIENTED,
        "Needs a counterpart: deciding less is always safer.",
    ),
    _of_metric(
        rate_losses.recall_loss,
        "1 - TP / (TP + FN)",
        SCORE_ORIENTED,
        "Its macro average is that of balanced accuracy.",
    ),
    _of_metric(rate_losses.specificity_loss, "1 - TN / (TN + FP)", SCORE_ORIENTED),
    _of_metric(
        rate_losses.informedness_loss,
        "2 - TPR - TNR",
        SCORE_ORIENTED,
        "Youden's J; the true skill statistic.",
    ),
    _of_metric(
        rate_losses.markedness_loss,
        "2 - PPV - NPV",
        ("Powers, 2011", "https://arxiv.org/abs/2010.16061"),
    ),
    _of_metric(
        rate_losses.fowlkes_mallows_loss,
        "1 - TP / sqrt((TP + FP) (TP + FN))",
        (
            "Fowlkes and Mallows, JASA 1983",
            "https://doi.org/10.1080/01621459.1983.10478008",
        ),
    ),
    _of_metric(
        overlap_losses.f_beta_loss,
        "1 - (1 + b^2) TP / (b^2 (TP + FN) + TP + FP)",
        SCORE_ORIENTED,
    ),
    _of_metric(
        overlap_losses.jaccard_loss,
        "1 - TP / (TP + FP + FN)",
        ("Rahman and Wang, ISVC 2016", "https://arxiv.org/abs/2302.05666"),
    ),
    _of_metric(
        overlap_losses.dice_loss,
        "1 - 2 TP / (2 TP + FP + FN)",
        ("Milletari et al., 3DV 2016", "https://arxiv.org/abs/1606.04797"),
        "F1, as segmentation calls it.",
    ),
    _of_metric(
        overlap_losses.tversky_loss,
        "1 - TP / (TP + alpha FP + beta FN)",
        ("Salehi et al., MLMI 2017", "https://arxiv.org/abs/1706.05721"),
    ),
    _of_metric(
        overlap_losses.focal_tversky_loss,
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
        cost_metric_losses.normalized_cost_loss,
        "sum M C / min_j sum_i n_i C[i, j]",
        ("Ferrer, 2022", "https://arxiv.org/abs/2209.05355"),
        "The expected cost, scaled by the batch.",
    ),
    _of_cost(
        cost_metric_losses.savings_loss,
        "sum M C / min_j sum_i n_i C[i, j]",
        ("Correa Bahnsen et al., ICMLA 2014", "https://doi.org/10.1109/ICMLA.2014.48"),
        "The normalized cost, by the name of credit scoring.",
    ),
    _of_cost(
        cost_metric_losses.regret_loss,
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

# What the table above does not say of some, by name.
_MORE: dict[str, dict[str, Any]] = {
    "accuracy_loss": {"default_for": "metric"},
    "balanced_accuracy_loss": {"default_for": "metric"},
    "g_mean_loss": {"default_for": "metric"},
    "mcc_loss": {"default_for": "metric"},
    "f_beta_loss": {"default_for": "metric"},
    "cohen_kappa_loss": {"default_for": "metric"},
    "hss_loss": {
        "synonym": Synonym(
            "cohen_kappa_loss", "the name of weather forecasters, after Heidke"
        )
    },
    "dice_loss": {
        "synonym": Synonym("f_beta_loss", "the name of image segmentation for F1")
    },
    "tversky_loss": {
        "synonym": Synonym(
            "f_beta_loss",
            "its two weights are more than a beta",
            options={"alpha": 0.5, "beta": 0.5},
        )
    },
    "recall_loss": {
        "synonym": Synonym(
            "balanced_accuracy_loss",
            "the recall of single classes, and other averages of it",
            options={"average": "macro"},
            where="every class is present",
        )
    },
    "savings_loss": {
        "synonym": Synonym("normalized_cost_loss", "the name of credit scoring")
    },
    "regret_loss": {
        "synonym": Synonym(
            "expected_cost_loss",
            "it subtracts what the best decisions cost, where that is not 0",
            where="the cheapest decision of each class costs 0; its mean",
        )
    },
    "lovasz_hinge_loss": {
        "task": "labels",
        "not_compared": "it is for labels one by one; see lovasz_softmax_loss",
    },
}
ENTRIES = tuple(replace(entry, **_MORE.get(entry.name, {})) for entry in _ENTRIES)

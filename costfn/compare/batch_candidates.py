"""The losses of a batch as a whole: metrics of its soft confusion matrix."""

from collections.abc import Callable

from torch import Tensor

import costfn
from costfn.catalogue import LOSSES

from ._candidate import Candidate, Objective, Problem

_Loss = Callable[..., Tensor]

_AVERAGED = "the second class alone for the metric f1, else the mean over the classes"
_KAPPA = "quadratic weights for the metric kappa-quadratic, else none"


def _of_table(loss: _Loss) -> Candidate:
    return _candidate(loss, lambda outputs, labels, _: loss(outputs, labels))


def _of_each_class(loss: _Loss) -> Candidate:
    def objective(outputs: Tensor, labels: Tensor, problem: Problem) -> Tensor:
        average = "binary" if problem.metric == "f1" else "macro"
        return loss(outputs, labels, average=average)

    return _candidate(loss, objective, options=_AVERAGED)


def _of_cost(loss: _Loss) -> Candidate:
    def objective(outputs: Tensor, labels: Tensor, problem: Problem) -> Tensor:
        return loss(outputs, labels, problem.cost)

    return _candidate(loss, objective, square=True)


def _kappa(outputs: Tensor, labels: Tensor, problem: Problem) -> Tensor:
    if problem.metric == "kappa-quadratic":
        return costfn.cohen_kappa_loss(outputs, labels, weights="quadratic")
    return costfn.cohen_kappa_loss(outputs, labels)


def _candidate(
    loss: _Loss, objective: Objective, *, square: bool = False, options: str = ""
) -> Candidate:
    name = loss.__name__
    rules = LOSSES[name].decisions
    return Candidate(name, objective, rules, square=square, options=options)


BATCH_CANDIDATES: tuple[Candidate, ...] = (
    _of_table(costfn.accuracy_loss),
    _of_table(costfn.balanced_accuracy_loss),
    _of_table(costfn.g_mean_loss),
    _of_each_class(costfn.f_beta_loss),
    _of_each_class(costfn.jaccard_loss),
    _of_table(costfn.mcc_loss),
    _candidate(costfn.cohen_kappa_loss, _kappa, options=_KAPPA),
    _of_table(costfn.hss_loss),
    _of_each_class(costfn.dice_loss),
    _of_table(costfn.generalized_dice_loss),
    _of_each_class(costfn.tversky_loss),
    _of_each_class(costfn.focal_tversky_loss),
    _of_table(costfn.lovasz_softmax_loss),
    _of_each_class(costfn.precision_loss),
    _of_each_class(costfn.recall_loss),
    _of_each_class(costfn.specificity_loss),
    _of_each_class(costfn.informedness_loss),
    _of_each_class(costfn.markedness_loss),
    _of_each_class(costfn.fowlkes_mallows_loss),
    _of_cost(costfn.normalized_cost_loss),
    _of_cost(costfn.savings_loss),
    _of_cost(costfn.regret_loss),
)
"""Each decides as the catalogue says."""

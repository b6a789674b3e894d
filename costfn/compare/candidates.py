"""Which losses are compared, and which decisions each allows."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

import costfn
from costfn.catalogue import LOSSES, Decision

from ._candidate import Candidate, Objective, Problem
from ._errors import InputError, listed, suggestion
from ._metrics import COST, Metric
from .batch_candidates import BATCH_CANDIDATES

TEMPERATURE = 0.25
"""Of soft targets and soft decisions, where the mean wrong decision costs 1."""

BASELINE = "cross_entropy"
"""The loss that every other is tested against, with argmax."""


def _plain(outputs: Tensor, labels: Tensor, problem: Problem) -> Tensor:
    return cross_entropy(outputs, labels, reduction="none")


def _weighted(outputs: Tensor, labels: Tensor, problem: Problem) -> Tensor:
    classes = problem.cost.shape[0]
    return cross_entropy(outputs, labels, weight=problem.cost[:, :classes].sum(1))


def _balanced(outputs: Tensor, labels: Tensor, problem: Problem) -> Tensor:
    losses = cross_entropy(outputs, labels, reduction="none")
    return losses / (len(problem.prior) * problem.prior[labels])


def _soft_target(outputs: Tensor, labels: Tensor, problem: Problem) -> Tensor:
    rows = costfn.soft_targets(problem.cost, temperature=TEMPERATURE)
    return costfn.soft_target_loss(outputs, rows[labels])


def _soft_decision(outputs: Tensor, labels: Tensor, problem: Problem) -> Tensor:
    return costfn.soft_decision_cost_loss(
        outputs, labels, problem.cost, temperature=TEMPERATURE
    )


def _of_cost(
    name: str, *, scores: Literal["classes", "decisions"] = "classes"
) -> Candidate:
    loss = LOSSES[name].loss

    def objective(outputs: Tensor, labels: Tensor, problem: Problem) -> Tensor:
        result: Tensor = loss(outputs, labels, problem.cost)
        return result

    square = scores == "classes"
    return Candidate(name, objective, LOSSES[name].decisions, scores, square)


def _of_labels(name: str, objective: Objective, options: str = "") -> Candidate:
    return Candidate(name, objective, LOSSES[name].decisions, options=options)


_CANDIDATES = (
    Candidate(BASELINE, _plain, ("argmax", "minimum_cost")),
    Candidate(
        "weighted_cross_entropy",
        _weighted,
        ("argmax",),
        options="class weights: row sums of the cost matrix",
    ),
    _of_cost("expected_cost_loss", scores="decisions"),
    _of_cost("log_cost_loss", scores="decisions"),
    _of_cost("cost_regularized_loss"),
    _of_cost("softmax_margin_loss"),
    _of_cost("cost_hinge_loss"),
    Candidate(
        "soft_target_loss",
        _soft_target,
        # The softmax estimates a mixture of the soft targets, so that the
        # minimum-cost rule is legitimate after `unmix` only.
        tuple(
            rule
            for rule in LOSSES["soft_target_loss"].decisions
            if rule != "minimum_cost"
        ),
        square=True,
        options=f"soft_targets(cost, temperature={TEMPERATURE})",
    ),
    _of_cost("cost_regression_loss", scores="decisions"),
    _of_cost("sum_to_zero_loss", scores="decisions"),
    _of_labels("soft_decision_cost_loss", _soft_decision, f"temperature={TEMPERATURE}"),
    _of_cost("energy_cost_loss"),
    _of_labels(
        "ranked_probability_loss",
        lambda outputs, labels, _: costfn.ranked_probability_loss(outputs, labels),
        "classes in the order of the cost's rows",
    ),
    _of_cost("generalized_wasserstein_dice_loss"),
    _of_labels(
        "focal_loss", lambda outputs, labels, _: costfn.focal_loss(outputs, labels)
    ),
    _of_labels(
        "logit_adjusted_loss",
        lambda outputs, labels, problem: costfn.logit_adjusted_loss(
            outputs, labels, problem.prior
        ),
        "prior: class frequencies of the training fold",
    ),
    Candidate(
        "balanced_cross_entropy",
        _balanced,
        ("argmax",),
        options="class weights: n / (K n_k) of the training fold",
    ),
    *BATCH_CANDIDATES,
)

CANDIDATES: dict[str, Candidate] = {one.name: one for one in _CANDIDATES}
"""Every loss that can be compared, by name."""

DEFAULT_LOSSES: tuple[str, ...] = tuple(CANDIDATES)[:10]
"""The losses that are compared by cost unless others are named."""

METRIC_LOSSES = (
    BASELINE,
    "balanced_cross_entropy",
    "focal_loss",
    "logit_adjusted_loss",
    "accuracy_loss",
    "balanced_accuracy_loss",
    "g_mean_loss",
    "f_beta_loss",
    "mcc_loss",
    "cohen_kappa_loss",
)
"""The losses that are compared by a metric, and the metric's own, unless named."""

LEFT_OUT = {
    "lovasz_hinge_loss": "it is for labels one by one; see lovasz_softmax_loss",
    "sigmoid_focal_loss": "it is for labels one by one; see focal_loss",
    "asymmetric_loss": "it is for labels one by one",
    "q_error_loss": "it is for regression",
    "forward_corrected_loss": "it needs the transition that corrupted the labels",
    "sinkhorn_loss": "with one label per example it is expected_cost_loss",
}


def default_losses(metric: Metric) -> tuple[str, ...]:
    """The losses that are compared by this metric unless others are named."""
    if metric.is_cost:
        return DEFAULT_LOSSES
    return tuple(dict.fromkeys([*METRIC_LOSSES, metric.loss]))


def select(names: Sequence[str]) -> list[Candidate]:
    """The candidates of these names, the baseline always among them and first.

    Args:
        names: Names of losses, or `"all"`.

    Returns:
        Each candidate once, in the order of the names.

    Raises:
        InputError: If there is no name, or one is unknown.
    """
    if not names:
        raise InputError(f"losses must name one or more of {listed(CANDIDATES)}")
    for name in names:
        if name in LEFT_OUT:
            raise InputError(
                f"losses must be ones that can be compared here, got {name!r}: "
                f"{LEFT_OUT[name]}"
            )
        if name not in CANDIDATES and name != "all":
            raise InputError(
                f"losses must be 'all' or of {listed(CANDIDATES)}, got {name!r}"
                f"{suggestion(name, CANDIDATES)}"
            )
    chosen = tuple(CANDIDATES) if "all" in names else names
    return [CANDIDATES[name] for name in dict.fromkeys([BASELINE, *chosen])]


def suitable(
    candidates: Sequence[Candidate], cost: Tensor, metric: Metric = COST
) -> tuple[list[Candidate], list[str]]:
    """The candidates and decisions that suit a cost matrix, and why others do not.

    Args:
        candidates: The candidates asked for.
        cost: Costs, the least of each row 0, shape `(K, D)`.
        metric: What they are compared by. For a metric where every mistake costs the
            same, the minimum-cost rule is argmax, and is not shown beside it.

    Returns:
        The suitable ones, with the decisions that are legitimate for this cost; and a
        note for each loss or decision left out.
    """
    classes, decisions = cost.shape
    diagnosis = costfn.costs.diagnose(cost)
    same = not metric.is_cost and bool(torch.all(cost == 1 - torch.eye(*cost.shape)))
    kept, notes = [], []
    for candidate in candidates:
        name = candidate.name
        if candidate.square and decisions > classes:
            notes.append(f"{name} left out: it knows no decisions besides the classes.")
            continue
        if name == "generalized_wasserstein_dice_loss" and cost.diagonal().any():
            notes.append(f"{name} left out: the right decision must be the cheapest.")
            continue
        rules = candidate.decisions
        need = LOSSES[name].provided if name in LOSSES else None
        if need and not getattr(diagnosis, need) and "minimum_cost" in rules:
            rules = tuple(rule for rule in rules if rule != "minimum_cost")
            notes.append(
                f"{name} without the minimum-cost rule: it estimates probabilities "
                f"only if the cost matrix is {need.replace('_', ' ')}."
            )
        if "unmix" in rules and not _separate(cost):
            rules = tuple(rule for rule in rules if rule != "unmix")
            notes.append(f"{name} without unmix: it needs targets that differ more.")
        if same and "argmax" in rules:
            rules = tuple(rule for rule in rules if rule != "minimum_cost")
        kept.append(replace(candidate, decisions=rules))
    return kept, notes


def _separate(cost: Tensor) -> bool:
    rows = costfn.soft_targets(cost, temperature=TEMPERATURE)
    return int(torch.linalg.matrix_rank(rows)) == len(rows)


def decide(rule: Decision, outputs: Tensor, cost: Tensor) -> NDArray[np.int64]:
    """Decisions from the outputs of a model.

    Args:
        rule: How to decide.
        outputs: Outputs of a model, shape `(examples, outputs)`.
        cost: The costs it was trained with, shape `(K, D)`.

    Returns:
        Indices of decisions, shape `(examples,)`.
    """
    if rule == "argmax":
        chosen = outputs.argmax(-1)
    elif rule == "argmin":
        chosen = outputs.argmin(-1)
    else:
        probs = torch.softmax(outputs, -1)
        if rule == "unmix":
            rows = costfn.soft_targets(cost, temperature=TEMPERATURE)
            probs = costfn.unmix(probs, rows)
        chosen = costfn.decisions.minimum_cost_decision(probs, cost)
    return np.asarray(chosen.numpy(), dtype=np.int64)

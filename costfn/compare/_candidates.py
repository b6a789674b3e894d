"""Which losses are compared, and which decisions each allows."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

import costfn
from costfn.catalogue import LOSSES

from ._candidate import Candidate, Objective, Problem, Rule, Weigh
from ._errors import InputError, listed, suggestion
from ._from_catalogue import candidate_of, same, soft_targets
from ._metrics import COST, Metric

BASELINE = "cross_entropy"
"""The loss that every other is tested against, with argmax."""


def _even(labels: Tensor, problem: Problem) -> Tensor:
    return torch.ones(len(labels), dtype=torch.float64)


def _by_cost(labels: Tensor, problem: Problem) -> Tensor:
    rows = problem.cost[:, : problem.cost.shape[0]].sum(1)
    return rows[labels] / (problem.prior * rows).sum()


def _balanced(labels: Tensor, problem: Problem) -> Tensor:
    return 1 / (len(problem.prior) * problem.prior[labels])


def _cross_entropy(weigh: Weigh) -> Objective:
    def objective(outputs: Tensor, labels: Tensor, problem: Problem) -> Tensor:
        losses = cross_entropy(outputs, labels, reduction="none")
        return weigh(labels, problem) * losses

    return objective


def cross_entropy_of(name: str, decisions: tuple[Rule, ...]) -> Candidate:
    """Plain cross entropy under a name of its own."""
    return Candidate(
        name, _cross_entropy(_even), decisions, weigh=_even, log_loss=True, convex=True
    )


_CROSS_ENTROPIES = (
    cross_entropy_of(BASELINE, ("argmax", "minimum_cost")),
    Candidate(
        "weighted_cross_entropy",
        _cross_entropy(_by_cost),
        ("argmax",),
        options="class weights: row sums of the cost matrix",
        weigh=_by_cost,
        convex=True,
    ),
    Candidate(
        "balanced_cross_entropy",
        _cross_entropy(_balanced),
        ("argmax",),
        options="class weights: n / (K n_k) of the training fold",
        weigh=_balanced,
        convex=True,
    ),
)

LEFT_OUT: dict[str, str] = {
    name: entry.not_compared for name, entry in LOSSES.items() if entry.not_compared
}
"""Why a loss of the catalogue cannot be compared."""

CANDIDATES: dict[str, Candidate] = {
    one.name: one
    for one in (
        *_CROSS_ENTROPIES,
        *(candidate_of(one) for one in LOSSES.values() if one.name not in LEFT_OUT),
    )
}
"""Every loss that can be compared, by name."""


def _default(by: Literal["cost", "metric"]) -> tuple[str, ...]:
    return tuple(name for name, entry in LOSSES.items() if entry.default_for == by)


DEFAULT_LOSSES = (BASELINE, "weighted_cross_entropy", *_default("cost"))
"""The losses that are compared by cost unless others are named."""

METRIC_LOSSES = (BASELINE, "balanced_cross_entropy", *_default("metric"))
"""The losses that are compared by a metric, and the metric's own, unless named."""


def default_losses(metric: Metric) -> tuple[str, ...]:
    """The losses that are compared by this metric unless others are named."""
    if metric.is_cost:
        return DEFAULT_LOSSES
    return tuple(dict.fromkeys([*METRIC_LOSSES, metric.loss]))


def select(names: Sequence[str], metric: Metric = COST) -> list[Candidate]:
    """The candidates of these names, the baseline always among them and first.

    Args:
        names: Names of losses, or `"all"`, which takes each loss once where it has
            several names.
        metric: What they are compared by, which some of their options follow.

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
    chosen = names
    if "all" in names:
        chosen = [name for name in CANDIDATES if name not in other_names(metric)]
    return [CANDIDATES[name] for name in dict.fromkeys([BASELINE, *chosen])]


def other_names(metric: Metric) -> dict[str, str]:
    """Of the losses that are one loss under this metric: the name that is run."""
    return {
        name: entry.synonym.of
        for name, entry in LOSSES.items()
        if entry.synonym and same(entry, LOSSES[entry.synonym.of], metric.name)
    }


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
    equal = not metric.is_cost and bool(torch.all(cost == 1 - torch.eye(*cost.shape)))
    kept, notes = [], []
    for candidate in candidates:
        name = candidate.name
        if candidate.square and decisions > classes:
            notes.append(f"{name} left out: it knows no decisions besides the classes.")
            continue
        entry = LOSSES.get(name)
        if entry and entry.zero_diagonal and cost.diagonal().any():
            notes.append(f"{name} left out: the right decision must be the cheapest.")
            continue
        rules: tuple[Rule, ...] = candidate.decisions
        need = entry.provided if entry else None
        if need and not getattr(diagnosis, need) and "minimum_cost" in rules:
            rules = tuple(rule for rule in rules if rule != "minimum_cost")
            notes.append(
                f"{name} without the minimum-cost rule: it estimates probabilities "
                f"only if the cost matrix is {need.replace('_', ' ')}."
            )
        if "unmix" in rules and not _separate(cost):
            rules = tuple(rule for rule in rules if rule != "unmix")
            notes.append(f"{name} without unmix: it needs targets that differ more.")
        if equal and "argmax" in rules:
            rules = tuple(rule for rule in rules if rule != "minimum_cost")
        if name == BASELINE and not metric.is_cost:
            rules = (*rules, "plug_in")
        kept.append(replace(candidate, decisions=rules))
    return kept, notes


def _separate(cost: Tensor) -> bool:
    rows = soft_targets(cost)
    return int(torch.linalg.matrix_rank(rows)) == len(rows)

"""How a loss of the catalogue is compared: its arguments, its options, in words."""

from collections.abc import Callable
from inspect import signature
from typing import Any

from torch import Tensor

import costfn
from costfn.catalogue import Entry

from ._candidate import Candidate, Problem, Rule

TEMPERATURE = 0.25
"""Of the soft targets, where the mean wrong decision costs 1."""

# What `Entry.takes` may name, from labels and problem.
_ARGUMENTS: dict[str, Callable[[Tensor, Problem], Tensor]] = {
    "target": lambda labels, _: labels,
    "target_probs": lambda labels, problem: soft_targets(problem.cost)[labels],
    "cost": lambda _, problem: problem.cost if problem.costs is None else problem.costs,
    "prior": lambda _, problem: problem.prior,
}
# Options that follow what the losses are compared by.
_BY_METRIC: dict[str, Callable[[str], Any]] = {
    "average": lambda metric: "binary" if metric == "f1" else "macro",
    "weights": lambda metric: "quadratic" if metric == "kappa-quadratic" else None,
}
_WORDS = {
    "target_probs": f"soft_targets(cost, temperature={TEMPERATURE})",
    "prior": "prior: class frequencies of the training fold",
    "average": "the second class alone for the metric f1, else the mean over the "
    "classes",
    "weights": "quadratic weights for the metric kappa-quadratic, else none",
}


def soft_targets(cost: Tensor) -> Tensor:
    """The target probabilities of each class that losses of such targets are given."""
    return costfn.soft_targets(cost, temperature=TEMPERATURE)


def options_of(entry: Entry, metric: str) -> dict[str, Any]:
    """The options that a loss is compared with; the others are at their defaults."""
    by_metric = _BY_METRIC.keys() & signature(entry.loss).parameters
    return {**entry.options, **{name: _BY_METRIC[name](metric) for name in by_metric}}


def candidate_of(entry: Entry) -> Candidate:
    """The loss of an entry with the options it is compared with."""
    takes = [name for name in entry.takes if name in _ARGUMENTS]

    def objective(outputs: Tensor, labels: Tensor, problem: Problem) -> Tensor:
        arguments = [_ARGUMENTS[name](labels, problem) for name in takes]
        options = options_of(entry, problem.metric)
        if problem.weight is not None and not entry.per_sample:
            options["sample_weight"] = problem.weight
        losses: Tensor = entry.loss(outputs, *arguments, **options)
        return losses

    mixed = "target_probs" in takes
    return Candidate(
        entry.name,
        objective,
        # The softmax estimates a mixture of the soft targets, so that the minimum-cost
        # rule is legitimate after `unmix` only.
        _rules(entry, mixed=mixed),
        entry.scores,
        square=mixed or ("cost" in takes and not entry.actions),
        options=_in_words(entry),
        convex=entry.convex,
    )


def _rules(entry: Entry, *, mixed: bool) -> tuple[Rule, ...]:
    """Its decisions but a threshold, which is for labels one by one."""
    found: tuple[Rule, ...] = tuple(x for x in entry.decisions if x != "threshold")
    return tuple(rule for rule in found if not (mixed and rule == "minimum_cost"))


def same(entry: Entry, other: Entry, metric: str) -> bool:
    """Whether a synonym is, with the options of both here, the loss it is one of."""
    if entry.synonym is None or entry.synonym.of != other.name:
        return False
    ours, theirs = (options_of(one, metric) for one in (entry, other))
    for name, value in entry.synonym.options.items():
        if ours.pop(name, signature(entry.loss).parameters[name].default) != value:
            return False
    return ours == {name: x for name, x in theirs.items() if x is not None}


def _in_words(entry: Entry) -> str:
    words = [f"{name}={value}" for name, value in entry.options.items()]
    if entry.ordered:
        words.append("classes in the order of the cost's rows")
    named = {*entry.takes, *signature(entry.loss).parameters}
    return "; ".join([*words, *(_WORDS[name] for name in _WORDS if name in named)])

"""A candidate: a loss with the options it is compared with."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from torch import Tensor

Rule = Literal["argmax", "argmin", "minimum_cost", "unmix", "plug_in"]
"""How to decide from the outputs of a model."""


@dataclass(frozen=True)
class Problem:
    """What a loss may use besides logits and labels.

    Attributes:
        cost: Costs, scaled so that the least of each row is 0 and their mean 1, shape
            `(K, D)`; where they differ between examples, their means.
        prior: Class frequencies of the training examples, shape `(K,)`.
        metric: The metric that decisions are compared by, a key of `METRICS`.
        weight: How much each example counts, `(examples,)`, or None.
        costs: The scaled costs of each example, `(examples, K, D)`, or None.
    """

    cost: Tensor
    prior: Tensor
    metric: str = "cost"
    weight: Tensor | None = None
    costs: Tensor | None = None

    def of(self, rows: Tensor | slice) -> "Problem":
        """The same problem for some of the examples."""
        if self.weight is None and self.costs is None:
            return self
        weight, costs = (
            None if x is None else x[rows] for x in (self.weight, self.costs)
        )
        return replace(self, weight=weight, costs=costs)


Objective = Callable[[Tensor, Tensor, Problem], Tensor]
Weigh = Callable[[Tensor, Problem], Tensor]


@dataclass(frozen=True)
class Candidate:
    """A loss with the options it is compared with.

    Attributes:
        name: Its name in `costfn`, or a name for a cross entropy of torch.
        objective: Function of outputs `(examples, outputs)`, labels `(examples,)` and
            problem to losses `(examples,)`, or to one loss for all examples.
        decisions: The rules by which to decide from its outputs.
        scores: `"classes"`: one output per class, so that only the minimum-cost rule
            can choose a further action; `"decisions"`: one output per decision.
        square: Whether it allows no actions besides the classes.
        options: The options, in words.
        weigh: For a cross entropy, how much it makes each label count; models that
            know no other loss are trained with these weights.
        log_loss: Whether its own validation loss is the log loss.
        convex: Whether it is convex in the outputs.
    """

    name: str
    objective: Objective
    decisions: tuple[Rule, ...]
    scores: Literal["classes", "decisions"] = "classes"
    square: bool = False
    options: str = ""
    weigh: Weigh | None = None
    log_loss: bool = False
    convex: bool = False

    def mean_loss(self, outputs: Tensor, labels: Tensor, problem: Problem) -> Tensor:
        """The loss of all examples, each as much as it counts."""
        losses = self.objective(outputs, labels, problem)
        if losses.ndim == 0 or problem.weight is None:
            return losses.mean()
        return (problem.weight * losses).sum() / problem.weight.sum()

"""A candidate: a loss with the options it is compared with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from costfn.catalogue import Decision


@dataclass(frozen=True)
class Problem:
    """What a loss may use besides logits and labels.

    Attributes:
        cost: Costs, scaled so that the least of each row is 0 and their mean 1, shape
            `(K, D)`.
        prior: Class frequencies of the training examples, shape `(K,)`.
        metric: The metric that decisions are compared by, a key of `METRICS`.
    """

    cost: Tensor
    prior: Tensor
    metric: str = "cost"


Objective = Callable[[Tensor, Tensor, Problem], Tensor]


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
    """

    name: str
    objective: Objective
    decisions: tuple[Decision, ...]
    scores: Literal["classes", "decisions"] = "classes"
    square: bool = False
    options: str = ""

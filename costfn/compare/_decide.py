"""From outputs to decisions, and what is learned for that on examples put aside."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import costfn

from ._calibration import temperature_of
from ._candidate import Rule
from ._from_catalogue import soft_targets
from ._metrics import Metric

FROM_PROBABILITIES = ("minimum_cost", "plug_in")
"""Rules that need calibrated probabilities of the classes."""


@dataclass(frozen=True)
class Decider:
    """A rule with what it has learned.

    Attributes:
        rule: How to decide.
        temperature: What logits are divided by before the softmax.
        cost: The costs that the rule minimises, shape `(K, D)`.
    """

    rule: Rule
    temperature: float
    cost: Tensor

    def probabilities(self, outputs: Tensor) -> Tensor:
        """Those of the classes, calibrated, `(examples, K)`."""
        probs = torch.softmax(outputs / self.temperature, -1)
        if self.rule != "unmix":
            return probs
        unmixed: Tensor = costfn.unmix(probs, soft_targets(self.cost))
        return unmixed

    def __call__(
        self, outputs: Tensor, costs: Tensor | None = None
    ) -> NDArray[np.int64]:
        """Indices of decisions, shape `(examples,)`.

        Args:
            outputs: Outputs of a model, shape `(examples, outputs)`.
            costs: Those of each example, `(examples, K, D)`, where they differ.
        """
        if self.rule == "argmax":
            chosen = outputs.argmax(-1)
        elif self.rule == "argmin":
            chosen = outputs.argmin(-1)
        else:
            own = self.cost if costs is None or self.rule == "plug_in" else costs
            probs = self.probabilities(outputs)
            chosen = costfn.decisions.minimum_cost_decision(probs, own)
        return np.asarray(chosen.numpy(), dtype=np.int64)


def fitted(
    rule: Rule,
    outputs: Tensor | None,
    labels: Tensor,
    weight: Tensor,
    cost: Tensor,
    metric: Metric,
) -> Decider:
    """The rule with its temperature and costs from examples that were put aside.

    Args:
        rule: How to decide.
        outputs: Outputs for those examples; None where there are none.
        labels: Their classes.
        weight: How much each counts.
        cost: The costs of the problem.
        metric: What decisions are compared by.
    """
    if outputs is None or rule not in FROM_PROBABILITIES:
        return Decider(rule, 1.0, cost)
    temperature = temperature_of(outputs, labels, weight)
    if rule == "plug_in" and metric.measure is not None:
        probs = torch.softmax(outputs / temperature, -1)
        cost = costfn.decisions.plug_in_decision(probs, metric.measure).cost
    return Decider(rule, temperature, cost)

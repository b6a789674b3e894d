"""One number that makes probabilities honest: the temperature of their logits."""

import torch
from scipy.optimize import minimize_scalar
from torch import Tensor
from torch.nn.functional import cross_entropy

RANGE = (0.05, 20.0)
"""Of temperatures that are tried."""


def temperature_of(outputs: Tensor, labels: Tensor, weight: Tensor) -> float:
    """The temperature of the smallest log loss on examples that were not trained on.

    Args:
        outputs: Logits `(examples, classes)`.
        labels: Their classes.
        weight: How much each counts.

    Source:
        Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
        https://arxiv.org/abs/1706.04599
    """

    def log_loss(log_temperature: float) -> float:
        scaled = outputs / torch.tensor(log_temperature).double().exp()
        losses = cross_entropy(scaled, labels, reduction="none")
        return float((weight * losses).sum() / weight.sum())

    low, high = (torch.tensor(x).log().item() for x in RANGE)
    found = minimize_scalar(log_loss, bounds=(low, high), method="bounded")
    return float(torch.tensor(found.x).exp())

"""All losses of counts, found by their signature, with an example by hand."""

import inspect
from functools import partial
from math import sqrt
from typing import Any, NamedTuple

import torch

import costfn

COST = torch.tensor([[0.0, 1.0, 4.0], [2.0, 0.0, 1.0], [5.0, 3.0, 0.0]]).double()
CLASSES = 3


def takes(name):
    return inspect.signature(getattr(costfn, name)).parameters


NAMES = [
    name for name in costfn.__all__ if name.endswith("_loss") and name != "metric_loss"
]
NAMES = [name for name in NAMES if "counting" in takes(name)]
AVERAGED = [name for name in NAMES if "average" in takes(name)]
COSTS = [name for name in NAMES if "cost" in takes(name)]
# Their metric is of the whole matrix, which several labels per example do not have.
OF_THE_MATRIX = [*COSTS, "cohen_kappa_loss", "hss_loss", "mcc_loss"]
MULTILABEL = [name for name in NAMES if name not in OF_THE_MATRIX]
# Losses of counts share all but the metric. In slow tests one of rates, one of the
# whole table and one of costs stand for all.
EXEMPLARS = ("f_beta_loss", "mcc_loss", "normalized_cost_loss")
OPTIONS: dict[str, list[dict[str, Any]]] = {
    "f_beta_loss": [{"beta": 2.0, "average": "weighted"}, {"smooth": 1.0}],
    "tversky_loss": [{"alpha": 0.3, "beta": 0.7, "absent": "drop"}],
    "balanced_accuracy_loss": [{"adjusted": True}],
    "cohen_kappa_loss": [{"weights": "linear"}, {"weights": "quadratic"}],
}
# As `sharp` in a row of a loss per example.
SHARP: dict[str, tuple[str, ...]] = {
    "accuracy_loss": ("gradient",),
    "balanced_accuracy_loss": ("gradient",),
    "dice_loss": ("gradient",),
    "fowlkes_mallows_loss": ("gradient",),
    "generalized_dice_loss": ("gradient",),
    "informedness_loss": ("gradient",),
    "jaccard_loss": ("gradient",),
    "mcc_loss": ("gradient",),
    "recall_loss": ("gradient",),
    "specificity_loss": ("gradient",),
    "tversky_loss": ("gradient",),
    "lovasz_hinge_loss": ("value", "gradient", "curvature"),
    "q_error_loss": ("value", "gradient"),
}


class Case(NamedTuple):
    name: str
    options: dict[str, Any]

    def __call__(self, logits, target, **counting):
        return self.function(logits)(logits, target, **counting)

    def function(self, logits):
        """The loss with its options and, where it takes one, a cost matrix."""
        loss = partial(getattr(costfn, self.name), **self.options)
        if self.name not in COSTS:
            return loss
        return partial(loss, cost=COST.to(logits.dtype))

    def __repr__(self):
        return "-".join([self.name, *(f"{k}={v}" for k, v in self.options.items())])


CASES = [
    Case(name, options) for name in NAMES for options in ({}, *OPTIONS.get(name, ()))
]

rng = torch.Generator().manual_seed(0)
LOGITS = 2 * torch.randn(2, 6, CLASSES, dtype=torch.float64, generator=rng)
LABELS = torch.tensor([[0, 1, 2, 2, 1, 0], [2, 2, 1, 0, 0, 2]])
SOFT = torch.randn(2, 6, CLASSES, dtype=torch.float64, generator=rng).softmax(-1)
WEIGHT = torch.rand(2, 6, dtype=torch.float64, generator=rng)

# Probabilities 3/4, 1/4, 1/2 against 1, 0, 1: TP 5/4, FP 1/4, FN 3/4, TN 3/4.
LOG_3 = torch.tensor(3.0, dtype=torch.float64).log().item()
BINARY = torch.tensor([LOG_3, -LOG_3, 0.0], dtype=torch.float64)
TRUTH = torch.tensor([1, 0, 1])
BINARY_COST = torch.tensor([[0.0, 1.0], [5.0, 0.0]], dtype=torch.float64)
BY_HAND = {
    "accuracy_loss": 1 / 3,
    "balanced_accuracy_loss": 1 - (5 / 8 + 3 / 4) / 2,
    "cohen_kappa_loss": 2 / 3,
    "dice_loss": 2 / 7,
    "f_beta_loss": 2 / 7,
    "focal_tversky_loss": (2 / 7) ** 0.75,
    "fowlkes_mallows_loss": 1 - 5 / 4 / sqrt(3),
    "g_mean_loss": 1 - sqrt(5 / 8 * 3 / 4),
    "generalized_dice_loss": 10 / 27,
    "hss_loss": 2 / 3,
    "informedness_loss": 5 / 8,
    "jaccard_loss": 4 / 9,
    "markedness_loss": 2 / 3,
    "mcc_loss": 1 - 1 / sqrt(8),
    "normalized_cost_loss": 4.0,
    "precision_loss": 1 / 6,
    "recall_loss": 3 / 8,
    "regret_loss": 4 / 3,
    "savings_loss": 4.0,
    "specificity_loss": 1 / 4,
    "tversky_loss": 2 / 7,
}
# A second label, 1/2 for each against 0, 1, 1: TP 1, FP 1/2, FN 1, TN 1/2.
LABEL_SETS = torch.tensor([[1, 0], [0, 1], [1, 1]])
SEVERAL = torch.stack([BINARY, torch.zeros(3, dtype=torch.float64)], -1)
SEVERAL_BY_HAND = {
    ("f_beta_loss", "macro"): 1 - (5 / 7 + 4 / 7) / 2,
    ("f_beta_loss", "micro"): 5 / 14,
    ("f_beta_loss", "samples"): 1 - (2 / 3 + 4 / 7 + 2 / 3) / 3,
    ("precision_loss", "micro"): 1 / 4,
    ("precision_loss", "weighted"): 1 - (5 / 6 + 2 / 3) / 2,
    ("recall_loss", "micro"): 1 - 9 / 16,
    ("specificity_loss", "macro"): 1 - (3 / 4 + 1 / 2) / 2,
    ("jaccard_loss", "macro"): 1 - (5 / 9 + 2 / 5) / 2,
    ("accuracy_loss", None): 5 / 12,
    ("balanced_accuracy_loss", None): 1 - (5 / 8 + 1 / 2) / 2,
    ("g_mean_loss", None): 1 - sqrt(5 / 16),
}

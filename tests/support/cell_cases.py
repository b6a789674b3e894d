"""Count-based losses, relaxations and problems to compare with `four_cells`.

The relaxations are written here a second time, directly from their formulas.
"""

from math import pi
from typing import NamedTuple

import torch

import four_cells
from batch_losses import AVERAGED, COSTS, NAMES
from costfn import relaxations

Q = torch.float64


def softmax(z):
    e = z.exp()
    return e / e.sum(-1, keepdim=True)


def logistic(x):
    return 1 / (1 + (-x).exp())


def cosine(z, threshold=0.4, width=0.7):
    u = (softmax(z) - threshold) / width
    rise = (1 + u + (pi * u).sin() / pi) / 2
    return torch.where(u < -1, 0 * u, torch.where(u > 1, 0 * u + 1, rise))


def pieces(z, t=0.3, delta=0.1):
    p, m = softmax(z), min(t, 1 - t)
    low, high = delta / (t - m / 2), delta / (1 - t - m / 2)
    middle = 0.5 + (p - t) * (1 - 2 * delta) / m
    upper = torch.where(p > t + m / 2, 1 - (1 - p) * high, middle)
    return torch.where(p < t - m / 2, low * p, upper)


def hard(z):
    p = softmax(z)
    rows = torch.eye(z.shape[-1], dtype=Q)[z.argmax(-1)]
    return rows + (p - p.detach())


def squared(z):
    return softmax(z) ** 2


RELAXATIONS = {
    "softmax": (relaxations.softmax(0.7), lambda z: softmax(z / 0.7)),
    "sigmoid": (relaxations.sigmoid(1.5, 0.3), lambda z: logistic(1.5 * (z - 0.3))),
    "amplified": (
        relaxations.amplified(9.0),
        lambda z: logistic(9 * (softmax(z) - 0.5)),
    ),
    "raised_cosine": (relaxations.raised_cosine(0.4, 0.7), cosine),
    "piecewise_linear": (relaxations.piecewise_linear(0.3, 0.1), pieces),
    "straight_through": (relaxations.straight_through(), hard),
    "a function": (squared, squared),
}
PARTITIONS = ("softmax", "straight_through")
OPTIONS = {
    "balanced_accuracy_loss": [{"adjusted": True}],
    "cohen_kappa_loss": [{"weights": "linear"}, {"weights": "quadratic"}],
    "f_beta_loss": [{"beta": 2.0, "smooth": 0.5}],
    "focal_tversky_loss": [{"alpha": 0.3, "beta": 0.8, "gamma": 1.5, "smooth": 0.25}],
    "generalized_dice_loss": [{"weighting": "simple"}, {"weighting": "uniform"}],
    "jaccard_loss": [{"smooth": 1.0}],
    "tversky_loss": [{"alpha": 0.3, "beta": 0.8, "smooth": 0.5}],
}
CASES = [(name, options) for name in NAMES for options in ({}, *OPTIONS.get(name, ()))]
# Their metric can be negative, so the loss can reach 2.
WIDER = ("informedness_loss", "markedness_loss", "balanced_accuracy_loss")
OF_A_PARTITION = ("cohen_kappa_loss", "hss_loss", "mcc_loss")

rng = torch.Generator().manual_seed(0)


def normal(*shape):
    return 1.5 * torch.randn(shape, dtype=Q, generator=rng)


def drawn(task, width, soft):
    """Logits, target, weights."""
    n = 7
    logits = normal(n, width) if task != "binary" else normal(n)
    weight = None if soft else torch.rand(n, dtype=Q, generator=rng) + 0.1
    if task == "multiclass":
        labels = torch.randint(width, (n,), generator=rng)
        return logits, softmax(normal(n, width)) if soft else labels, weight
    chance = torch.rand(logits.shape, dtype=Q, generator=rng)
    return logits, chance if soft else (chance > 0.6).long(), weight


class Problem(NamedTuple):
    task: str
    width: int
    soft: bool
    logits: torch.Tensor
    target: torch.Tensor
    weight: torch.Tensor | None

    def __repr__(self):
        return f"{self.task}-{self.width}-{'soft' if self.soft else 'hard'}"

    def memberships(self, z, formula):
        """A single score is one of two alternatives; the other has the score 0."""
        if self.task == "multiclass":
            return formula(z)
        return formula(torch.stack([torch.zeros_like(z), z], -1))[..., 1]

    def by_cells(self, name, a, **options):
        """The loss of memberships `a` by its formula in four cells."""
        target = self.target
        if self.task == "binary":
            a, target = (torch.stack([1 - x, x], -1) for x in (a, target))
        elif self.task == "multiclass" and not self.soft:
            target = torch.eye(self.width, dtype=Q)[target]
        w = torch.ones(len(a), dtype=Q) if self.weight is None else self.weight
        if options.get("average") == "samples":
            # Each example is a separate table and takes the place of a label.
            options |= {"average": "macro", "class_weight": w}
            a, target, w = a.T, target.T, (w > 0).to(Q).expand(self.width, -1)
        else:
            w = w[:, None]
        several = self.task == "multilabel"
        table = four_cells.Table(a, target, w, soft=self.soft, several=several)
        found = four_cells.loss(name, table, **options)
        if isinstance(found, list):
            return torch.stack([torch.as_tensor(x, dtype=Q) for x in found])
        return found


WIDTHS = {"multiclass": (2, 3, 5), "multilabel": (3,), "binary": (2,)}
PROBLEMS = [
    Problem(task, width, soft, *drawn(task, width, soft))
    for task, widths in WIDTHS.items()
    for width in widths
    for soft in (False, True)
]


def averages(name, task):
    if name not in AVERAGED:
        return [{}]
    words = {"multiclass": (None, "weighted"), "binary": ("binary", "macro")}
    words["multilabel"] = ("micro", "macro", "samples", None)
    return [{"average": average} for average in words[task]]


def value_and_gradient(function, logits):
    z = logits.clone().requires_grad_()
    value = torch.as_tensor(function(z), dtype=Q)
    slope = torch.zeros_like(z)
    if value.requires_grad:
        mix = torch.arange(1, value.numel() + 1, dtype=Q).reshape(value.shape)
        (slope,) = torch.autograd.grad((mix * value).sum(), z)
    return value.detach(), slope


def close(found, expected, more=0.0):
    """Asserts that values and gradients agree to 12 digits, or `more` loosely."""
    value, slope = found
    right, right_slope = expected
    torch.testing.assert_close(value, right, rtol=1e-12 + more, atol=1e-12)
    scale = max(1.0, right_slope.abs().max().item())
    torch.testing.assert_close(
        slope, right_slope, rtol=1e-10 + more, atol=1e-12 * scale
    )


def costs(name, width):
    if name not in COSTS:
        return {}, {}
    cost = [
        [((3 * i + 5 * j) % 7 + i / 8 + j / 4) * (i != j) for j in range(width)]
        for i in range(width)
    ]
    return {"cost": torch.tensor(cost, dtype=Q)}, {"cost": cost}

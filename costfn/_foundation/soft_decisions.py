"""Relaxations as objects: functions with their parameters, which can be saved."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from math import pi

import torch
from torch import Tensor

from .math import sigmoid
from .options import ABOVE_ZERO, BELOW_HALF, BELOW_ONE, FINITE, number_per_class
from .types import Logits, Probs

Relaxation = Callable[[Logits], Probs]


class SoftDecision(ABC):
    """A relaxation of this library. Its memberships are in [0, 1].

    Parameters are checked at each call: a learned one can leave its range.
    """

    @abstractmethod
    def __call__(self, logits: Logits) -> Probs:
        """Memberships of the logits, same shape."""


@dataclass(frozen=True, eq=False)
class Softmax(SoftDecision):
    """Made by `costfn.relaxations.softmax`."""

    temperature: float | Tensor = 1.0

    def __call__(self, logits: Logits) -> Probs:
        """Memberships of the logits, same shape."""
        temperature = number_per_class(
            "temperature", self.temperature, ABOVE_ZERO, logits.shape[-1]
        )
        p = (logits / temperature).softmax(-1)
        top = logits.detach().argmax(-1, keepdim=True)
        others = p.scatter(-1, top, 0.0)
        return others.scatter(-1, top, 1 - others.sum(-1, keepdim=True))


@dataclass(frozen=True, eq=False)
class Sigmoid(SoftDecision):
    """Made by `costfn.relaxations.sigmoid`."""

    slope: float | Tensor = 1.0
    threshold: float | Tensor = 0.0

    def __call__(self, logits: Logits) -> Probs:
        """Memberships of the logits, same shape."""
        slope = number_per_class("slope", self.slope, ABOVE_ZERO, logits.shape[-1])
        threshold = number_per_class(
            "threshold", self.threshold, FINITE, logits.shape[-1]
        )
        return sigmoid(slope * (logits - threshold))


@dataclass(frozen=True, eq=False)
class Amplified(SoftDecision):
    """Made by `costfn.relaxations.amplified`."""

    slope: float | Tensor = 73.0

    def __call__(self, logits: Logits) -> Probs:
        """Memberships of the logits, same shape."""
        slope = number_per_class("slope", self.slope, ABOVE_ZERO, logits.shape[-1])
        return sigmoid(slope * (Softmax()(logits) - 0.5))


@dataclass(frozen=True, eq=False)
class RaisedCosine(SoftDecision):
    """Made by `costfn.relaxations.raised_cosine`."""

    threshold: float | Tensor = 0.5
    width: float | Tensor = 0.1

    def __call__(self, logits: Logits) -> Probs:
        """Memberships of the logits, same shape."""
        threshold = number_per_class(
            "threshold", self.threshold, FINITE, logits.shape[-1]
        )
        width = number_per_class("width", self.width, ABOVE_ZERO, logits.shape[-1])
        u = (Softmax()(logits) - threshold) / width
        # Written so that NaN counts as inside and is passed on.
        outside = u.abs() >= 1
        inner = torch.where(outside, 0.0, u)
        rise = (1 + inner + torch.sin(pi * inner) / pi) / 2
        return torch.where(outside, (u > 0).to(u.dtype), rise)


@dataclass(frozen=True, eq=False)
class PiecewiseLinear(SoftDecision):
    """Made by `costfn.relaxations.piecewise_linear`."""

    threshold: float | Tensor = 0.5
    delta: float | Tensor = 0.2

    def __call__(self, logits: Logits) -> Probs:
        """Memberships of the logits, same shape."""
        delta = number_per_class("delta", self.delta, BELOW_HALF, logits.shape[-1])
        p = Softmax()(logits)
        t = torch.as_tensor(
            number_per_class("threshold", self.threshold, BELOW_ONE, logits.shape[-1]),
            dtype=p.dtype,
            device=p.device,
        )
        m = torch.minimum(t, 1 - t)
        low = p * delta / (t - m / 2)
        middle = 0.5 + (p - t) * (1 - 2 * delta) / m
        high = 1 - (1 - p) * delta / (1 - t - m / 2)
        upper = torch.where(p > t + m / 2, high, middle)
        return torch.where(p < t - m / 2, low, upper)


@dataclass(frozen=True, eq=False)
class StraightThrough(SoftDecision):
    """Made by `costfn.relaxations.straight_through`."""

    of: Relaxation

    def __call__(self, logits: Logits) -> Probs:
        """Memberships of the logits, same shape."""
        soft = self.of(logits)
        top = logits.detach().argmax(-1, keepdim=True)
        hard = torch.zeros_like(soft).scatter(-1, top, 1.0)
        return hard + (soft - soft.detach())

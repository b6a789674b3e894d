"""A loss of the user's own, examined before it trains anything."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..doctor import diagnose
from ._candidate import Candidate, Problem
from ._errors import InputError


def own_loss(loss: Callable[..., Any], classes: int) -> Candidate:
    """A function of logits and labels as a candidate, decided by argmax.

    Args:
        loss: Function of logits `(examples, classes)` and labels `(examples,)` to one
            loss per example, or to one for all.
        classes: Number of classes.

    Raises:
        InputError: If the doctor finds that it is broken, or it returns other shapes.
    """
    name = getattr(loss, "__name__", type(loss).__name__)
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(12, classes, generator=generator, dtype=torch.float64)
    labels = torch.arange(12) % classes
    report = diagnose(loss, logits, labels, kind="logits")
    if report.verdict == "broken":
        worst = report.findings[0]
        where = f" ({worst.file}:{worst.line})" if worst.line else ""
        raise InputError(
            f"loss {name} must have a gradient to train with, but the doctor finds "
            f"{worst.cause}{where}: {worst.message}; costfn doctor tells more"
        )
    value = loss(logits, labels)
    if not isinstance(value, Tensor) or value.shape not in ((), (12,)):
        got = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise InputError(
            f"loss {name} must give one loss per example, (12,) for 12 examples, or "
            f"one for all, (), got {got}"
        )

    def objective(outputs: Tensor, labels: Tensor, problem: Problem) -> Tensor:
        losses: Tensor = loss(outputs, labels)
        return losses

    return Candidate(name, objective, ("argmax",), options="a function of your own")

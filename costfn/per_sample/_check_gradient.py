"""Checks that a loss has a gradient, and asks the doctor if it has none."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from .._foundation import check
from ._options import Loss
from ._trees import flatten


def check_gradient(loss: Loss, prediction: Any, targets: tuple[Any, ...]) -> None:
    """Asks the doctor of a loss that gives no gradient: it may be cut off.

    A gradient of 0 is an answer, as of a hinge beyond its margin. It is no answer if
    the loss is cut off from the predictions, or problem of steps.
    """
    leaves, joined = flatten(prediction)
    if len(leaves) != 1 or check.readable_values(leaves[0]) is None:
        return

    def of_leaf(z: Tensor, *rest: Any) -> Tensor:
        return loss(joined([z]), *rest)

    # The doctor reads the source lines of the loss, so it gets the loss itself.
    of_tensor = loss if isinstance(prediction, Tensor) else of_leaf
    connected = False
    for values in _other_predictions(leaves[0]):
        with torch.enable_grad():
            z = values.detach().requires_grad_()
            value = of_tensor(z.clone(), *targets).sum()
            if value.requires_grad:
                connected = True
                (found,) = torch.autograd.grad(value, z, allow_unused=True)
                if found is not None and found.any():
                    return
    ask_the_doctor(of_tensor, leaves[0], targets, connected)


def _other_predictions(z: Tensor) -> Iterator[Tensor]:
    yield z
    yield z.flip(0)
    yield z.flip(-1)


# Causes that a gradient of 0 alone brings about. They do not point to a line.
_WITHOUT_A_LINE = {"PRED_IGNORED", "TARGET_IGNORED", "NAN_SINGULAR"}


def ask_the_doctor(
    loss: Loss, prediction: Any, targets: tuple[Any, ...], connected: bool = False
) -> None:
    """Raises an error with the doctor's report if the loss is broken.

    If the loss is `connected` to the predictions, only causes in its own lines count:
    its gradient may rightly be 0 for these predictions and targets.
    """
    # Imported here, because the doctor is large and rarely needed.
    from ..doctor import diagnose

    if len(targets) > 1:
        report = diagnose(lambda z, t: loss(z, *t), prediction, targets)
    else:
        report = diagnose(loss, prediction, targets[0] if targets else None)
    own = [f for f in report.findings if f.severity != "information"]
    if not connected or any(f.cause not in _WITHOUT_A_LINE for f in own):
        report.raise_if_broken()

"""Whether a loss is one per sample, tried on a few of them."""

from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.func import grad

from .. import _check
from ..catalogue import LOSSES
from ._functional import Loss, each
from ._problem import Problem, rows_of

_TRIED = 8


def maps_over_samples(made: Problem) -> bool:
    """Whether `vmap` can run the loss and its gradient."""
    few, z = _few_predictions(made)
    try:
        few.over_samples(grad(few.judge), each(lambda t: t.unsqueeze(1), z), few.y)
    except RuntimeError:
        return False
    return True


def _few_predictions(made: Problem) -> tuple[Problem, Any]:
    """A few of the samples, and their predictions."""
    few = made.part(rows_of(made.x, slice(_TRIED)), rows_of(made.y, slice(_TRIED)))
    with torch.no_grad(), torch.random.fork_rng(made.accelerators):
        return few, few.predict_all(few.parameters, few.x)


def is_known(loss: Loss) -> bool:
    """Whether it is a loss of costfn, of which one per sample is certain."""
    while isinstance(loss, partial):
        loss = loss.func
    entry = LOSSES.get(getattr(loss, "__name__", ""))
    if entry is None or entry.loss is not loss:
        return False
    return entry.per_sample and not entry.per_label


def check_loss(made: Problem) -> None:
    """Checks a loss on a few samples: that it is one of each, and has a gradient."""
    few, z = _few_predictions(made)
    _check_sum(few, z)
    check_gradient(few.loss, z, few.targets)


def check_gradient(loss: Loss, prediction: Any, targets: tuple[Tensor, ...]) -> None:
    """Asks the doctor of a loss that gives no gradient: it may be cut off."""
    if not isinstance(prediction, Tensor) or _check.visible(prediction) is None:
        return
    with torch.enable_grad(), torch.random.fork_rng(devices=[]):
        z = prediction.detach().requires_grad_()
        value = loss(z.clone(), *targets).sum()
        if value.requires_grad:
            (found,) = torch.autograd.grad(value, z, allow_unused=True)
            if found is not None and found.any():
                return
    ask_the_doctor(loss, prediction, targets)


def ask_the_doctor(loss: Loss, prediction: Tensor, targets: tuple[Tensor, ...]) -> None:
    """Raises with the doctor's report, if the loss is broken."""
    # Imported where it is needed, which is seldom.
    from ..doctor import diagnose

    if len(targets) > 1:
        report = diagnose(lambda z, t: loss(z, *t), prediction, targets)
    else:
        report = diagnose(loss, prediction, targets[0] if targets else None)
    report.raise_if_broken()


def _check_sum(few: Problem, z: Any) -> None:
    with torch.no_grad():
        value = few.loss(z, *few.targets)
        _check.tensor("loss", value)
        if value.ndim:
            if len(value) != few.size:
                raise ValueError(
                    "loss must return one number, or one per sample, got the shape "
                    f"{tuple(value.shape)} for {few.size} samples"
                )
            return
        singles = [
            few.judge(rows_of(z, slice(i, i + 1)), rows_of(few.y, i))
            for i in range(few.size)
        ]
    seen, alone = _check.visible(value), _check.visible(torch.stack(singles))
    if seen is None or alone is None:
        return
    if _adds_up(seen.double(), alone.double(), torch.finfo(seen.dtype).eps):
        return
    raise ValueError(
        "loss must be the mean or the sum of the losses of the samples, got "
        f"{seen.item():.6g} for {few.size} samples together and, alone, "
        f"{[round(v, 4) for v in alone.tolist()]}; if it is a loss of the batch, as "
        "F1 and MCC are, use costfn.per_sample.contributions; if it is a weighted "
        "mean, return one loss per sample (reduction='none')"
    )


def _adds_up(value: Tensor, singles: Tensor, precision: float) -> bool:
    # A sample that is ignored has the mean of no losses, NaN, to itself.
    finite = singles[singles.isfinite()]
    if not value.isfinite():
        return True
    if not len(finite):
        return False
    near = 1000 * precision * finite.abs().amax()
    either = torch.stack([finite.mean(), finite.sum()])
    return bool(((value - either).abs() <= near).any())

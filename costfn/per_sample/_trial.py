"""Whether a loss is one per sample, and has a gradient, tried on a few of them."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import grad
from torch.nn import functional

from .._foundation import check
from ..catalogue import LOSSES
from ._functional import Loss, RefusedError
from ._problem import Problem
from ._sums import adds_up, inner
from ._together import spread
from ._trees import each, plain, rows_of, split, tensors

_TRIED = 8  # samples, besides one of each of as many classes


def is_known(loss: Loss) -> bool:
    """Whether it is a loss of which one per sample is certain: of costfn or torch."""
    while isinstance(loss, partial):
        if "weight" in loss.keywords:
            return False
        loss = loss.func
    if isinstance(loss, nn.Module):
        weighted = getattr(loss, "weight", None) is not None
        return type(loss) in _MODULES and not weighted
    return gives_each_loss(loss) or any(loss is function for function in _FUNCTIONS)


def gives_each_loss(loss: Loss) -> bool:
    """Whether it is a loss of costfn that gives the loss of each sample of a batch."""
    while isinstance(loss, partial):
        loss = loss.func
    entry = LOSSES.get(getattr(loss, "__name__", ""))
    if entry is None or entry.loss is not loss:
        return False
    return entry.per_sample and not entry.per_label


_MODULES = (
    nn.L1Loss,
    nn.MSELoss,
    nn.SmoothL1Loss,
    nn.HuberLoss,
    nn.CrossEntropyLoss,
    nn.NLLLoss,
    nn.PoissonNLLLoss,
    nn.BCELoss,
    nn.BCEWithLogitsLoss,
    nn.SoftMarginLoss,
    nn.MultiMarginLoss,
)
_FUNCTIONS = (
    inner,
    functional.l1_loss,
    functional.mse_loss,
    functional.smooth_l1_loss,
    functional.huber_loss,
    functional.cross_entropy,
    functional.nll_loss,
    functional.binary_cross_entropy,
    functional.binary_cross_entropy_with_logits,
    functional.soft_margin_loss,
    functional.multi_margin_loss,
)


def maps_over_samples(made: Problem) -> bool:
    """Whether `vmap` can run the loss and its gradient, as far as that can be told."""
    few = _few(made, spread(made.size, _TRIED))
    try:
        with torch.no_grad(), torch.random.fork_rng(made.accelerators):
            z = _predictions(few)
            if z is not None:
                rows = each(lambda t: t.unsqueeze(1), z)
                few.over_samples(lambda a, b: _slope(few, a, b), rows, few.y)
    except RuntimeError:
        return False
    return True


def _slope(few: Problem, z: Any, y: Any) -> tuple[Tensor, ...]:
    leaves, joined = split(z)
    places = [i for i, leaf in enumerate(leaves) if leaf.is_floating_point()]

    def value(*given: Tensor) -> Tensor:
        filled = list(leaves)
        for place, leaf in zip(places, given, strict=True):
            filled[place] = leaf
        return few.judge(joined(filled), y)

    found: tuple[Tensor, ...] = grad(value, tuple(range(len(places))))(
        *[leaves[i] for i in places]
    )
    return found


def _few(made: Problem, rows: Tensor) -> Problem:
    """Some of the samples."""
    return made.part(rows_of(made.x, rows), rows_of(made.y, rows))


def check_loss(made: Problem) -> None:
    """Checks a loss on a few samples: that it is one of each, and has a gradient."""
    few = _few(made, _telling_rows(made))
    with torch.random.fork_rng(made.accelerators):
        z = _predictions(few)
        if z is None:
            return
        _check_sum(few, z)
        check_gradient(few.loss, z, few.targets)


def _telling_rows(made: Problem) -> Tensor:
    """Samples from all over, and one of each of some classes."""
    rows = spread(made.size, _TRIED)
    first = next(tensors(made.y), None)
    seen = None if first is None else check.readable_values(first)
    if seen is None or seen.ndim != 1 or seen.is_floating_point() or seen.is_complex():
        return rows
    _, places = np.unique(seen.numpy(), return_index=True)
    chosen = torch.from_numpy(places)[spread(len(places), _TRIED)]
    every: Tensor = torch.unique(torch.cat([rows, chosen]))
    return every


def _predictions(few: Problem) -> Any:
    """Predictions for a few samples, or None if they are not one row for each."""
    with torch.no_grad():
        if not few.one_by_one:
            try:
                z = few.together(few.parameters, few.x)
            except RefusedError:
                raise
            except RuntimeError:
                pass
            else:
                rows = all(t.ndim and len(t) == few.size for t in tensors(z))
                return z if rows else None
        singles = range(few.size)
        parts = [few.predict(few.parameters, rows_of(few.x, i)) for i in singles]
    columns = list(zip(*map(tensors, parts), strict=True))
    if any(part.ndim == 0 or len(part) != 1 for column in columns for part in column):
        return None
    return split(parts[0])[1]([torch.cat(column) for column in columns])


def check_gradient(loss: Loss, prediction: Any, targets: tuple[Any, ...]) -> None:
    """Asks the doctor of a loss that gives no gradient: it may be cut off.

    A gradient of 0 is an answer, as of a hinge beyond its margin. It is no answer if
    the loss is cut off from the predictions, or made of steps.
    """
    leaves, joined = split(prediction)
    if len(leaves) != 1 or check.readable_values(leaves[0]) is None:
        return

    def of_leaf(z: Tensor, *rest: Any) -> Tensor:
        return loss(joined([z]), *rest)

    # The doctor reads the lines of the loss itself.
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


_SILENT = {"PRED_IGNORED", "TARGET_IGNORED", "NAN_SINGULAR"}


def ask_the_doctor(
    loss: Loss, prediction: Any, targets: tuple[Any, ...], connected: bool = False
) -> None:
    """Raises with the doctor's report, if the loss is broken.

    Of a loss that is `connected`, only for a cause that lies in its own lines: that
    nothing comes of these predictions and targets may be right.
    """
    # Imported where it is needed, which is seldom.
    from ..doctor import diagnose

    if len(targets) > 1:
        report = diagnose(lambda z, t: loss(z, *t), prediction, targets)
    else:
        report = diagnose(loss, prediction, targets[0] if targets else None)
    own = [f for f in report.findings if f.severity != "information"]
    if not connected or any(f.cause not in _SILENT for f in own):
        report.raise_if_broken()


def _check_sum(few: Problem, z: Any) -> None:
    with torch.no_grad():
        value = few.loss(z, *few.targets)
        check.tensor("loss", value)
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
    seen, single = (
        check.readable_values(value),
        check.readable_values(torch.stack(singles)),
    )
    if seen is None or single is None:
        return
    if adds_up(few.loss, seen, single, plain(few.y)):
        return
    raise ValueError(
        "loss must be the mean or the sum of the losses of the samples, got "
        f"{seen.item():.6g} for {few.size} samples together and, alone, "
        f"{[round(v, 4) for v in single.tolist()]}; if it is a loss of the batch, as "
        "F1 and MCC are, use costfn.per_sample.contributions; if it is a weighted "
        "mean, return one loss per sample (reduction='none')"
    )

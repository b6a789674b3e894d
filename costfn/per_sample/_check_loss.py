"""Checks on a few samples that a loss is one of each sample, and has a gradient."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.func import grad

from .._foundation import check
from ._check_gradient import check_gradient
from ._check_model import spread
from ._gradient_problem import GradientProblem
from ._options import Loss
from ._trees import flatten, map_tensors, rows_of, tensors, unmarked
from ._vmap import RefusedError

# How many samples to check, from all over the batch, and from how many classes to add
# one sample: a weighted mean shows only if classes of different weight are there.
_CHECKED = 8


def maps_over_samples(problem: GradientProblem) -> bool:
    """Whether `vmap` can run the loss and its gradient, on a few samples."""
    few = _few(problem, spread(problem.size, _CHECKED))
    try:
        with torch.no_grad(), torch.random.fork_rng(problem.accelerators):
            z = _predictions(few)
            if z is not None:
                rows = map_tensors(lambda t: t.unsqueeze(1), z)
                few.map_samples(lambda a, b: _gradient(few, a, b), rows, few.y)
    except RuntimeError:
        return False
    return True


def _gradient(few: GradientProblem, z: Any, y: Any) -> tuple[Tensor, ...]:
    """The gradient of one sample's loss by its prediction."""
    leaves, joined = flatten(z)
    places = [i for i, leaf in enumerate(leaves) if leaf.is_floating_point()]

    def value(*given: Tensor) -> Tensor:
        filled = list(leaves)
        for place, leaf in zip(places, given, strict=True):
            filled[place] = leaf
        return few.sample_loss(joined(filled), y)

    found: tuple[Tensor, ...] = grad(value, tuple(range(len(places))))(
        *[leaves[i] for i in places]
    )
    return found


def _few(problem: GradientProblem, rows: Tensor) -> GradientProblem:
    """The problem for some of the samples."""
    return problem.part(rows_of(problem.x, rows), rows_of(problem.y, rows))


def check_loss(problem: GradientProblem) -> None:
    """Checks that a loss is one of each sample, and that it has a gradient."""
    few = _few(problem, _rows_to_check(problem))
    with torch.random.fork_rng(problem.accelerators):
        z = _predictions(few)
        if z is None:
            return
        _check_sum(few, z)
        check_gradient(few.loss, z, few.targets)


def _rows_to_check(problem: GradientProblem) -> Tensor:
    """Samples from all over the batch, and one sample of each of a few classes."""
    rows = spread(problem.size, _CHECKED)
    first = next(tensors(problem.y), None)
    seen = None if first is None else check.readable_values(first)
    if seen is None or seen.ndim != 1 or seen.is_floating_point() or seen.is_complex():
        return rows
    _, places = np.unique(seen.numpy(), return_index=True)
    chosen = torch.from_numpy(places)[spread(len(places), _CHECKED)]
    every: Tensor = torch.unique(torch.cat([rows, chosen]))
    return every


def _predictions(few: GradientProblem) -> Any:
    """Predictions for a few samples, or None if a sample does not have one row."""
    with torch.no_grad():
        if not few.one_by_one:
            try:
                z = few.predict_batch(few.parameters, few.x)
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
    return flatten(parts[0])[1]([torch.cat(column) for column in columns])


def _check_sum(few: GradientProblem, z: Any) -> None:
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
            few.sample_loss(rows_of(z, slice(i, i + 1)), rows_of(few.y, i))
            for i in range(few.size)
        ]
    seen, single = (
        check.readable_values(value),
        check.readable_values(torch.stack(singles)),
    )
    if seen is None or single is None:
        return
    if _adds_up(few.loss, seen, single, unmarked(few.y)):
        return
    raise ValueError(
        "loss must be the mean or the sum of the losses of the samples, got "
        f"{seen.item():.6g} for {few.size} samples together, and for each alone "
        f"{[round(v, 4) for v in single.tolist()]}; if it is a loss of the batch, such "
        "as F1 or MCC, use costfn.per_sample.contributions; if it is a weighted "
        "mean, return one loss per sample (reduction='none')"
    )


def _adds_up(loss: Loss, together: Tensor, singles: Tensor, y: Any) -> bool:
    """Whether a loss is the sum or mean of the samples' losses.

    It may also be their mean over all entries, such as tokens, that are not ignored.
    """
    if not together.isfinite():
        return True
    value, parts = together.double(), singles.double()
    # A sample whose entries are all ignored has a mean of nothing, which is NaN.
    finite = parts[parts.isfinite()]
    if not len(finite):
        return False
    near = 1000 * torch.finfo(together.dtype).eps * finite.abs().amax()

    def fits(found: Tensor) -> bool:
        return bool((value - found).abs() <= near)

    if fits(finite.mean()) or fits(finite.sum()):
        return True
    zeroed = torch.where(parts.isfinite(), parts, 0.0)
    return any(
        len(counts) == len(parts)
        and bool(counts.sum() > 0)
        and fits((zeroed * counts).sum() / counts.sum())
        for counts in _possible_counts(loss, y)
    )


def _possible_counts(loss: Loss, y: Any) -> Iterator[Tensor]:
    """How many entries of each sample may count, by ignored labels and by masks.

    A mean over all tokens that are not ignored weighs each sample by its number of such
    tokens. Which tokens are ignored is not known, so the usual conventions are tried.
    Class weights are not tried: with them a loss is refused.
    """
    ignored = {-100, -1, 0, getattr(loss, "ignore_index", -100)}
    for target in tensors(y):
        seen = check.readable_values(target)
        if seen is None or seen.ndim < 2 or seen.is_complex():
            continue
        # If a loss predicts the next token, there is no prediction of the first.
        for places in (seen, seen[:, 1:]):
            if seen.is_floating_point() or seen.dtype == torch.bool:
                yield places.double().flatten(1).sum(1)
            else:
                for label in ignored:
                    yield (places != label).double().flatten(1).sum(1)

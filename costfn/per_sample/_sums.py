"""Sums of parts: of losses of single samples, and of a loss to first order."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from .._foundation import check
from ._functional import Loss
from ._trees import tensors


def adds_up(loss: Loss, together: Tensor, singles: Tensor, y: Any) -> bool:
    """Whether it is their sum, their mean, or their mean over what is not ignored."""
    if not together.isfinite():
        return True
    value, parts = together.double(), singles.double()
    # A sample that is ignored has the mean of no losses, NaN, to itself.
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
        for counts in _counts(loss, y)
    )


def _counts(loss: Loss, y: Any) -> Iterator[Tensor]:
    """How many places of each sample count, by what may tell: ignored labels, masks.

    The mean over all tokens that are not ignored weighs samples by their number, and
    is a mean of its own for one sample. Class weights are no such numbers.
    """
    ignored = {-100, -1, 0, getattr(loss, "ignore_index", -100)}
    for target in tensors(y):
        seen = check.readable_values(target)
        if seen is None or seen.ndim < 2 or seen.is_complex():
            continue
        # Of the next token, the first has no prediction.
        for places in (seen, seen[:, 1:]):
            if seen.is_floating_point() or seen.dtype == torch.bool:
                yield places.double().flatten(1).sum(1)
            else:
                for label in ignored:
                    yield (places != label).double().flatten(1).sum(1)


def inner(prediction: Any, *cotangents: Tensor) -> Tensor:
    """The part of a batch's loss, to first order, that one sample's prediction has."""
    varying = [t for t in tensors(prediction) if varies(t)]
    parts = [_product(z, c) for z, c in zip(varying, cotangents, strict=True)]
    return torch.stack(parts).sum() if len(parts) > 1 else parts[0]


def varies(value: Tensor) -> bool:
    """Whether it can have a gradient."""
    return value.is_floating_point() or value.is_complex()


def _product(value: Tensor, cotangent: Tensor) -> Tensor:
    if value.is_complex():
        return (value * cotangent.conj()).sum().real
    return (value * cotangent).sum()

"""Values that could not be seen, and so not refused: they become NaN.

On an accelerator, under `torch.compile` or while tracing, reading a value would wait or
fail. There a bad one makes the result NaN, in value and in gradient, and never a number
that looks right.
"""

import torch
from torch import Tensor

from . import check
from .math import cast_back, floating


def bad_target(target: Tensor, classes: int) -> Tensor | None:
    """Which examples `(*batch,)` have no valid target; None where they were checked."""
    if check.readable_values(target) is not None:
        return None
    if target.is_floating_point():
        return ~check.are_probs(target)
    labels = target.long()
    return (labels < 0) | (labels >= classes)


def bad_label_sets(target: Tensor) -> Tensor | None:
    """Which entries are not 0, 1 or between; None where they were checked."""
    if check.readable_values(target) is not None:
        return None
    wide = check.as_int64(target)
    return ~((wide >= 0) & (wide <= 1))


def poisoned(values: Tensor, invalid: Tensor | None) -> Tensor:
    """The values, NaN where invalid, in value and in gradient.

    A gradient that is exactly 0 on arrival stays 0, so that `where=` of a reduction
    leaves bad examples out. `torch.where` would hide them, and one product with NaN
    would make NaN of 0. Here a gradient overflows to infinity, and infinity times 0 is
    NaN, while 0 stays 0 all the way; the order is the same forwards and backwards.
    """
    if invalid is None:
        return values
    ones = torch.ones_like(values)
    huge = ones.masked_fill(invalid, torch.finfo(values.dtype).max)
    none = ones.masked_fill(invalid, 0.0)
    nan = (ones - 1).masked_fill(invalid, torch.nan)
    return values * huge * huge * none * huge * huge + nan


def spoilt(values: Tensor, invalid: Tensor | None) -> Tensor:
    """As `poisoned`, where what is masked has been made valid already.

    One product: it is NaN whatever gradient arrives, also 0 of a kink or of a sum.
    """
    if invalid is None:
        return values
    return values * torch.ones_like(values).masked_fill(invalid, torch.nan)


def finished(losses: Tensor, logits: Tensor, invalid: Tensor | None = None) -> Tensor:
    """Losses as they are returned: NaN where the target is bad, in the logits' type.

    The gradient of a bad one goes to its logits directly: a kink on the way would stop
    NaN, and make it of the 0 that a masked loss sends back.
    """
    if invalid is None:
        return cast_back(losses, logits)
    rows = logits if logits.ndim > losses.ndim else logits.unsqueeze(-1)
    bad = torch.where(invalid.unsqueeze(-1), rows, 0.0).sum(-1).to(losses.dtype)
    return cast_back(losses + poisoned(bad, invalid), logits)


def checked_costs(
    cost: Tensor, dtype: torch.dtype, *, non_negative: bool = False
) -> Tensor:
    """The costs, NaN where one that could not be seen is not finite, or negative."""
    wide = floating(cost).to(dtype)
    if check.readable_values(cost) is not None:
        return wide
    bad = ~wide.isfinite()
    return wide.masked_fill(bad | (wide < 0) if non_negative else bad, torch.nan)


def own_costs(
    vectors: Tensor, cost: Tensor, invalid: Tensor | None
) -> tuple[Tensor, Tensor | None]:
    """Cost vectors without NaN, and which examples are bad: also by their own costs.

    What is masked must not reach the gradient, and a NaN would.
    """
    if check.readable_values(cost) is not None:
        return vectors, invalid
    bad = vectors.isnan().any(-1)
    found = bad if invalid is None else bad | invalid
    return vectors.masked_fill(bad.unsqueeze(-1), 0.0), found


def checked_weights(weight: Tensor, dtype: torch.dtype) -> Tensor:
    """The weights, NaN where one that could not be seen is negative or not finite."""
    return checked_costs(weight, dtype, non_negative=True)

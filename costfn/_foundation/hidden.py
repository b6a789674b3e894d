"""Bad values that could not be read, and so were not refused, make the result NaN.

On an accelerator, under `torch.compile` or while tracing, reading a value would wait or
fail. There a bad value makes the result NaN, in value and in gradient, and never a
number that looks right.
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

    An incoming gradient of exactly 0 stays 0, so that `where=` of a reduction excludes
    bad examples. `torch.where` would hide them, and a product with NaN would turn 0
    into NaN. Here any other gradient first overflows to infinity, and infinity times 0
    is NaN, while 0 stays 0. The factors are in the same order forwards and backwards.
    """
    if invalid is None:
        return values
    ones = torch.ones_like(values)
    huge = ones.masked_fill(invalid, torch.finfo(values.dtype).max)
    none = ones.masked_fill(invalid, 0.0)
    nan = (ones - 1).masked_fill(invalid, torch.nan)
    return values * huge * huge * none * huge * huge + nan


def spoilt(values: Tensor, invalid: Tensor | None) -> Tensor:
    """As `poisoned`, for values whose masked entries were already made valid.

    One product with NaN: the gradient is NaN even if the incoming one is 0.
    """
    if invalid is None:
        return values
    return values * torch.ones_like(values).masked_fill(invalid, torch.nan)


def finished(losses: Tensor, logits: Tensor, invalid: Tensor | None = None) -> Tensor:
    """The losses to return: NaN where the target is bad, in the dtype of the logits.

    The NaN gradient goes to the logits directly. On its way through the loss, a kink
    could stop it, or make NaN of the 0 that a masked loss sends back.
    """
    if invalid is None:
        return cast_back(losses, logits)
    rows = logits if logits.ndim > losses.ndim else logits.unsqueeze(-1)
    bad = torch.where(invalid.unsqueeze(-1), rows, 0.0).sum(-1).to(losses.dtype)
    return cast_back(losses + poisoned(bad, invalid), logits)


def checked_costs(
    cost: Tensor, dtype: torch.dtype, *, non_negative: bool = False
) -> Tensor:
    """The costs; one that could not be read is NaN if it is infinite or negative."""
    wide = floating(cost).to(dtype)
    if check.readable_values(cost) is not None:
        return wide
    bad = ~wide.isfinite()
    return wide.masked_fill(bad | (wide < 0) if non_negative else bad, torch.nan)


def own_costs(
    vectors: Tensor, cost: Tensor, invalid: Tensor | None
) -> tuple[Tensor, Tensor | None]:
    """Cost vectors without NaN, and which examples have a bad target or a bad cost.

    A NaN would reach the gradient even of an example that is masked.
    """
    if check.readable_values(cost) is not None:
        return vectors, invalid
    bad = vectors.isnan().any(-1)
    found = bad if invalid is None else bad | invalid
    return vectors.masked_fill(bad.unsqueeze(-1), 0.0), found


def checked_weights(weight: Tensor, dtype: torch.dtype) -> Tensor:
    """The weights; one that could not be read is NaN if it is infinite or negative."""
    return checked_costs(weight, dtype, non_negative=True)

"""From one loss per example to one number: the only place that reduces."""

from typing import Literal, get_args

import torch
from torch import Tensor

from . import check
from .hidden import checked_weights
from .math import cast_back, floating, sum_type, upcast

Reduction = Literal["none", "mean", "sum"]


def reduce(
    losses: Tensor,
    *,
    weight: Tensor | None = None,
    where: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """Weigh, mask and average losses.

    `mean` is `sum(weight * loss) / sum(weight)` over the examples that `where` keeps;
    if nothing is left, 0 with gradient 0. A loss that is masked out contributes neither
    value nor gradient, even if it is NaN or infinite. (If the *logits* of a masked
    example are not finite, mask them before the loss: the gradient of `softmax` there
    is 0 times NaN.)

    Args:
        losses: One loss per example, any shape, floating point.
        weight: Weight of each example, at least 0, the shape of `losses`. Default: 1.
        where: True for the examples to keep, boolean, the shape of `losses`.
        reduction: `"mean"`, `"sum"`, or `"none"`, which keeps the shape.

    Returns:
        A scalar, or the shape of `losses` for `"none"` (masked entries are 0); summed
        in float64 where the device has it, in the dtype of `losses` (under autocast
        float32, as the losses of torch).

    Raises:
        TypeError: If `losses` is not floating point or `where` not boolean.
        ValueError: If shapes differ, a weight is negative or not finite, or `reduction`
            is unknown.

    Example:
        >>> import torch, costfn
        >>> losses = torch.tensor([1.0, 3.0, float("nan")])
        >>> costfn.reduce(losses, where=torch.tensor([True, True, False]))
        tensor(2.)
        >>> costfn.reduce(losses[:2], weight=torch.tensor([3.0, 1.0]))
        tensor(1.5000)

    Source:
        The weighted mean of `torch.nn.CrossEntropyLoss(weight=...)` for labels, here
        the same for every kind of target (pytorch issue 107680).
    """
    check.floating_point("losses", losses)
    check.one_of("reduction", reduction, get_args(Reduction))
    values = upcast(losses)
    weights = torch.ones_like(values)
    if where is not None:
        check.mask(where, losses.shape)
        values = values.masked_fill(~where, 0.0)
        weights = weights.masked_fill(~where, 0.0)
    if weight is not None:
        check.weights("weight", weight, losses.shape, where)
        if where is not None:
            weight = weight.masked_fill(~where, 0)
        # In the wider type of the two: 1e39 is no number of float32.
        wide = torch.promote_types(values.dtype, floating(weight).dtype)
        weights = checked_weights(weight, wide)
        if reduction == "mean" and weights.numel():
            # A mean does not change with the weights' scale, but 1e-40 would underflow.
            largest = weights.detach().amax()
            weights = weights / torch.where(largest > 0, largest, 1.0)
    weighted = weights * values
    if reduction == "none":
        return cast_back(weighted, losses)
    total = weighted.sum(dtype=sum_type(values))
    if reduction == "sum":
        return cast_back(total, losses)
    amount = weights.sum(dtype=sum_type(values))
    some = amount != 0
    mean = torch.where(some, total / torch.where(some, amount, 1.0), 0.0)
    return cast_back(mean, losses)

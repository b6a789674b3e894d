"""From one loss per image to one loss: the only place that defines empty images.

An image counts if it has any weight left and its metric is defined (with
`zero_division=nan` a metric can be undefined). If no image counts, the loss is 0 with
gradient 0. So adding or removing ignored pixels or images changes nothing.
"""

import torch
from torch import Tensor

from . import check
from .counting import Scope
from .counts import Counts
from .hidden import checked_weights
from .math import sum_type
from .reduce import Reduction

Table = Counts | Tensor


def weight_of_images(
    sample_weight: Tensor | None,
    where: Tensor | None,
    batch: tuple[int, ...],
    scope: Scope,
) -> tuple[Tensor | None, Tensor | None]:
    """The weights of images, `(images,)`, and those of pixels: one of them or none."""
    if sample_weight is None or scope == "batch":
        return None, sample_weight
    check.numbers("sample_weight", sample_weight)
    if sample_weight.ndim != 1:
        return None, sample_weight
    check.same_shape("sample_weight", sample_weight, batch[:1])
    if where is not None:
        # An image of which all pixels are masked may have any weight.
        kept = where.flatten(1).any(-1)
        sample_weight = torch.where(kept, sample_weight, 0)
    check.weights("sample_weight", sample_weight, batch[:1])
    return checked_weights(sample_weight, sum_type(sample_weight)), None


def mean_over_images(
    losses: Tensor,
    total: Tensor,
    known: Tensor,
    weight: Tensor | None,
    scope: Scope,
    reduction: Reduction,
) -> Tensor:
    """The loss of the batch, or the mean over the images that have a loss.

    Args:
        losses: Of the batch `()` or of each image `(images,)`, with an axis of classes
            if there is a loss per class.
        total: The weight of each.
        known: True where NaN means an undefined metric; False where an input was NaN.
        weight: Weights of the images in the mean.
        scope: Whether there are images.
        reduction: Over them.
    """
    classes = losses.ndim - total.ndim
    some = _beside(~(total <= 0), classes)
    keep = some & ~(losses.isnan() & _beside(known, classes))
    losses = torch.where(keep, losses, 0.0)
    if scope == "batch":
        return losses
    each = torch.ones_like(losses)
    if weight is not None:
        each = each * _beside(weight.to(each.dtype), classes)
    each = torch.where(keep, each, 0.0)
    weighted = each * losses
    if reduction == "none":
        return weighted
    if reduction == "sum":
        return weighted.sum(0)
    amount = each.sum(0)
    empty = amount == 0
    return torch.where(empty, 0.0, weighted.sum(0) / torch.where(empty, 1.0, amount))


def weight_of(table: Table) -> tuple[Tensor, Tensor]:
    """The weight of each table, and whether all its numbers are finite."""
    if isinstance(table, Tensor):
        total = table.sum((-2, -1))
        return total, total.isfinite()
    several = not table.one_label
    total = table.total.sum(-1) if several else table.total
    cells = (table.true_positive, table.predicted, table.actual)
    sums = [total, *(x.sum(-1) for x in cells)]
    return total, torch.stack(sums).sum(0).isfinite()


def _beside(values: Tensor, axes: int) -> Tensor:
    """The values with more axes at the end, to multiply values per class."""
    return values.reshape(values.shape + (1,) * axes)

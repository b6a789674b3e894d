"""From one loss per image to one, in JAX: what "nothing" is, said only here.

An image counts if any weight is left in it and, where undefined ones are left out
(`zero_division=nan`), if its metric is defined. Of no image at all the loss is 0 with
gradient 0. So what is ignored, added or taken away, changes nothing.
"""

import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from . import check
from .counting import Scope
from .counts import Counts
from .hidden import checked_weights
from .math import floating, sum_over, upcast
from .reduce import Reduction

Table = Counts | Array


def weight_of_images(
    sample_weight: Array | None,
    where: Array | None,
    batch: tuple[int, ...],
    scope: Scope,
) -> tuple[Array | None, Array | None]:
    """The weights of images, `(images,)`, and those of pixels: one of them or none."""
    if sample_weight is None or scope == "batch":
        return None, sample_weight
    check.numbers("sample_weight", sample_weight)
    if sample_weight.ndim != 1:
        return None, sample_weight
    check.same_shape("sample_weight", sample_weight, batch[:1])
    if where is not None:
        # An image of which all pixels are masked may have any weight.
        kept = where.any(tuple(range(1, where.ndim)))
        sample_weight = jnp.where(kept, sample_weight, 0)
    check.weights("sample_weight", sample_weight, batch[:1])
    return checked_weights(sample_weight, upcast(floating(sample_weight)).dtype), None


def mean_over_images(
    losses: Array,
    total: Array,
    known: Array,
    weight: Array | None,
    scope: Scope,
    reduction: Reduction,
) -> Array:
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
    keep = some & ~(jnp.isnan(losses) & _beside(known, classes))
    losses = jnp.where(keep, losses, 0.0)
    if scope == "batch":
        return losses
    each = jnp.ones_like(losses)
    if weight is not None:
        # In the wider type of the two, as `reduce`.
        wide = jnp.promote_types(losses.dtype, weight.dtype)
        losses = losses.astype(wide)
        each = jnp.broadcast_to(_beside(weight.astype(wide), classes), losses.shape)
        if reduction == "mean" and weight.size:
            largest = stop_gradient(weight).max().astype(wide)
            each = each / jnp.where(largest > 0, largest, 1.0)
    each = jnp.where(keep, each, 0.0)
    weighted = each * losses
    if reduction == "none":
        return weighted
    total_loss = sum_over(weighted, (0,))
    if reduction == "sum":
        return total_loss
    amount = sum_over(each, (0,))
    empty = amount == 0
    return jnp.where(empty, 0.0, total_loss / jnp.where(empty, 1.0, amount))


def weight_of(table: Table) -> tuple[Array, Array]:
    """The weight of each table, and whether all its numbers are finite."""
    if isinstance(table, Array):
        total = table.sum((-2, -1))
        return total, jnp.isfinite(total)
    several = not table.one_label
    total = table.total.sum(-1) if several else table.total
    cells = (table.true_positive, table.predicted, table.actual)
    sums = [total, *(x.sum(-1) for x in cells)]
    return total, jnp.isfinite(jnp.stack(sums).sum(0))


def _beside(values: Array, axes: int) -> Array:
    """The values with more axes at the end, to multiply values per class."""
    return values.reshape(values.shape + (1,) * axes)

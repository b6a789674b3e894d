"""Losses per example behind the habits of `torch.nn.CrossEntropyLoss`."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

import costfn
from costfn import Reduction
from costfn.front_end import check_tensor

from .class_axis import Prepared
from .classes import prepare_classes
from .habits import Ignored


def per_example(
    loss: Callable[..., Tensor],
    options: Mapping[str, Any],
    logits: Tensor,
    target: Tensor,
    *,
    sample_weight: Tensor | None,
    where: Tensor | None,
    weight: Tensor | None,
    ignore_index: Ignored,
    label_smoothing: float,
    reduction: Reduction,
) -> Tensor:
    """The losses of labels or class probabilities, reduced.

    The mean is `sum(w * loss) / sum(w)`, with `w` the weight of the label, or
    `q @ weight` for probabilities, times `sample_weight`: one rule, so that labels and
    their one-hot form agree (torch divides by the number of examples for
    probabilities). A cost matrix has a row for each true class.
    """
    batch = prepare_classes(
        logits,
        target,
        sample_weight=sample_weight,
        where=where,
        weight=weight,
        ignored=ignore_index,
        smoothing=label_smoothing,
        classes=options["cost"].shape[0] if "cost" in options else None,
    )
    return _reduced(loss, options, batch, reduction)


def per_example_of_probs(
    loss: Callable[..., Tensor],
    options: Mapping[str, Any],
    logits: Tensor,
    target: Tensor,
    *,
    sample_weight: Tensor | None,
    where: Tensor | None,
    weight: Tensor | None,
    reduction: Reduction,
) -> Tensor:
    """The losses of class probabilities, reduced."""
    check_tensor("target", target)
    if not target.is_floating_point():
        raise TypeError(
            "target must be class probabilities, one row of them per example, got "
            f"{target.dtype}; torch.nn.functional.one_hot makes them of labels"
        )
    batch = prepare_classes(
        logits, target, sample_weight=sample_weight, where=where, weight=weight
    )
    return _reduced(loss, options, batch, reduction)


def _reduced(
    loss: Callable[..., Tensor],
    options: Mapping[str, Any],
    batch: Prepared,
    reduction: Reduction,
) -> Tensor:
    losses = loss(batch.logits, batch.target, **options)
    return costfn.reduce(
        losses, weight=batch.weight, where=batch.where, reduction=reduction
    )

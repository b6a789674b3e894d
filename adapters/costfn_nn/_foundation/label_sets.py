"""Labels that are there or not: entries on their own, with weights for each label."""

import torch
from torch import Tensor

from costfn.front_end import (
    check_floating_point,
    check_label_sets,
    check_numbers,
    check_tensor,
    check_weights,
    smoothed_label_sets,
)

from .class_axis import (
    Prepared,
    batch_shape,
    kept,
    masks_together,
    moved_last,
    over_axes,
    weights_together,
)
from .habits import Ignored


def prepare_labels(
    logits: Tensor,
    target: Tensor,
    *,
    sample_weight: Tensor | None,
    where: Tensor | None,
    weight: Tensor | None = None,
    pos_weight: float | Tensor | None = None,
    ignored: Ignored,
    smoothing: float = 0.0,
    labels: bool = True,
) -> Prepared:
    """Moves the labels from axis 1 to the last, clears what is masked, and weighs.

    Or takes entries of any shape, where `labels` is false and there is no such axis.
    """
    check_floating_point("logits", logits)
    check_tensor("target", target)
    if target.shape != logits.shape:
        raise ValueError(
            f"target must have the shape {tuple(logits.shape)} of the logits, one "
            f"entry for each label, got {tuple(target.shape)}"
        )
    keep = masks_together(kept(target, ignored), _mask(where, logits, labels))
    # Marks as int64: torch cannot mask the wider unsigned types.
    if not (
        target.is_floating_point() or target.is_complex() or target.dtype == torch.bool
    ):
        target = target.long()
    if labels:
        logits, target = moved_last(logits), moved_last(target)
        keep = keep if keep is None else moved_last(keep)
    if keep is not None:
        logits, target = (x.masked_fill(~keep, 0) for x in (logits, target))
    check_label_sets(target, logits.shape, None)
    of_label = weights_together(
        _of_labels(weight, logits), _of_positives(pos_weight, target)
    )
    given = _weight(sample_weight, logits, keep, labels)
    if of_label is not None and given is not None and given.ndim < of_label.ndim:
        given = given.unsqueeze(-1)
    target = smoothed_label_sets(target, smoothing, logits)
    return Prepared(logits, target, weights_together(of_label, given), keep)


def _of_labels(weight: Tensor | None, logits: Tensor) -> Tensor | None:
    if weight is None:
        return None
    if weight.shape != logits.shape[-1:]:
        raise ValueError(
            f"weight must be one number per label, {tuple(logits.shape[-1:])} for "
            f"these logits, got {tuple(weight.shape)}"
        )
    return weight.expand(logits.shape)


def _of_positives(weight: float | Tensor | None, target: Tensor) -> Tensor | None:
    """1 for a label that is not there, the weight for one that is."""
    if weight is None:
        return None
    if isinstance(weight, Tensor) and weight.shape not in ((), (1,), target.shape[-1:]):
        raise ValueError(
            f"pos_weight must be one number, or one per label, "
            f"{tuple(target.shape[-1:])} for these logits, got {tuple(weight.shape)}"
        )
    dtype = torch.get_default_dtype()
    if isinstance(weight, Tensor) and weight.is_floating_point():
        dtype = weight.dtype
    elif target.is_floating_point():
        dtype = target.dtype
    y = target.to(dtype)
    return (1 - y) + y * weight


def _mask(where: Tensor | None, logits: Tensor, labels: bool) -> Tensor | None:
    if where is None:
        return None
    check_tensor("where", where)
    if where.dtype != torch.bool:
        raise TypeError(f"where must be boolean, got {where.dtype}")
    return _over_labels("where", where, logits, labels)


def _over_labels(name: str, value: Tensor, logits: Tensor, labels: bool) -> Tensor:
    """One entry per label, per example, or for each entry of axis 0, for all labels."""
    shape, batch = logits.shape, batch_shape(logits)
    if value.shape == shape:
        return value
    if labels and value.shape == batch:
        return (value.unsqueeze(1) if batch else value).expand(shape)
    if value.shape == shape[:1]:
        return over_axes(value, shape)
    raise _wrong_shape(name, value, [shape, batch, shape[:1]] if labels else [shape])


def _weight(
    value: Tensor | None, logits: Tensor, keep: Tensor | None, labels: bool
) -> Tensor | None:
    """A weight per entry, or per example, with the labels last."""
    if value is None:
        return None
    check_numbers("sample_weight", value)
    shape = logits.shape  # labels are last here
    batch = shape[:-1] if labels else shape
    before = (
        torch.Size((*shape[:1], *shape[-1:], *shape[1:-1])) if len(shape) > 1 else shape
    )
    if value.shape == batch:
        weight = value
    elif labels and value.shape == before:
        weight = moved_last(value)
    elif value.shape == shape[:1] and len(batch) > 1:
        weight = over_axes(value, batch)
    else:
        raise _wrong_shape("sample_weight", value, [before, batch, shape[:1]])
    if keep is not None:
        each = keep if weight.shape == shape else keep.any(-1)
        weight = weight.masked_fill(~each, 0)
    check_weights("sample_weight", weight, weight.shape)
    return weight


def _wrong_shape(name: str, value: Tensor, shapes: list[torch.Size]) -> ValueError:
    listed = dict.fromkeys(str(tuple(shape)) for shape in shapes)
    return ValueError(
        f"{name} must have the shape {' or '.join(listed)}, of labels, examples or "
        f"entries of axis 0, got {tuple(value.shape)}"
    )

"""Counting soft or hard decisions against targets: the work behind `confusion`."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from . import check
from .counts import Counts
from .hidden import bad_label_sets, bad_target, checked_weights, poisoned, spoilt
from .math import (
    class_probs,
    floating,
    flushed,
    one_hot,
    product,
    safe_labels,
    sum_type,
)

Task = Literal["multiclass", "multilabel", "binary"]
Scope = Literal["batch", "example"]


class Examples(NamedTuple):
    """Checked examples. Masked ones have harmless values and weight 0.

    Attributes:
        decisions: Memberships `(*batch, classes)`, for `"binary"` `(*batch,)`.
        target: Labels, probabilities or label sets.
        weight: What multiplies memberships, `(*batch, 1)` or of their shape, and NaN
            where the target is bad; None for 1 throughout.
    """

    decisions: Tensor
    target: Tensor
    weight: Tensor | None


def examples(
    decisions: Tensor,
    target: Tensor,
    task: Task,
    classes: int,
    sample_weight: Tensor | None,
    where: Tensor | None,
    *,
    trusted: bool = False,
) -> Examples:
    """Checks targets, weights and mask, and clears what is masked.

    Memberships are checked too, unless they come from a relaxation of this library.
    """
    a = decisions
    batch = tuple(a.shape if task == "binary" else a.shape[:-1])
    keep = _over_classes("where", where, batch, a.shape, task)
    if task == "multiclass":
        check.target(target, batch, classes, where)
        target = check.as_int64(target)
        bad = bad_target(target if where is None else _cleared(target, where), classes)
        bad = None if bad is None else bad.unsqueeze(-1)
    else:
        check.label_sets(target, a.shape, keep)
        target = check.as_int64(target)
        bad = bad_label_sets(target if keep is None else target.masked_fill(~keep, 0))
    if keep is not None and where is not None:
        # A masked entry may be NaN, and 0 times NaN would reach the gradient.
        a = torch.where(keep, a, 0.0)
        one_label = task == "multiclass"
        target = _cleared(target, where) if one_label else target.masked_fill(~keep, 0)
    if not trusted:
        check.memberships(a)
        hidden = check.readable_values(a) is None
        a = spoilt(a, check.are_outside(a)) if hidden else a
    weight = _weight(a, sample_weight, keep, batch, task)
    if bad is not None:
        columns = a.sum(-1, keepdim=True) if task == "multiclass" else a
        weight = columns * 0 + (1.0 if weight is None else weight)
        # The NaN goes through the memberships, since a count can consist of constants.
        weight = poisoned(weight, bad)
    return Examples(a, target, weight)


def _cleared(target: Tensor, where: Tensor) -> Tensor:
    if target.is_floating_point():
        return torch.where(where.unsqueeze(-1), target, 1 / target.shape[-1])
    return target.masked_fill(~where, 0)


def _over_classes(
    name: str,
    value: Tensor | None,
    batch: tuple[int, ...],
    shape: torch.Size,
    task: Task,
) -> Tensor | None:
    """One entry per example or label, with the axes of the memberships."""
    if value is None:
        return None
    check.tensor(name, value)
    each = task == "multilabel" and value.shape == shape
    if name == "where":
        check.mask(value, shape if each else batch)
    check.same_shape(name, value, shape if each else batch)
    return value if each or task == "binary" else value.unsqueeze(-1)


def _weight(
    a: Tensor,
    sample_weight: Tensor | None,
    keep: Tensor | None,
    batch: tuple[int, ...],
    task: Task,
) -> Tensor | None:
    weight = _over_classes("sample_weight", sample_weight, batch, a.shape, task)
    if weight is None:
        return None if keep is None else keep.to(a.dtype)
    check.numbers("sample_weight", weight)
    if keep is not None:
        weight = torch.where(keep, weight, 0)
    check.weights("sample_weight", weight, weight.shape)
    wide = torch.promote_types(a.dtype, floating(weight).dtype)
    return checked_weights(weight, wide)


Add = Callable[[Tensor], Tensor]


def tables(found: Examples, task: Task, scope: Scope) -> Counts:
    """The counts of checked examples."""
    a, target, weight = found
    axes = tuple(range(int(scope == "example"), a.ndim - (task != "binary")))

    def add(values: Tensor) -> Tensor:
        weighted = values if weight is None else weight * values
        if not axes:
            return weighted.to(sum_type(weighted))
        return weighted.sum(axes, dtype=sum_type(weighted))

    bad = None
    if weight is not None and check.readable_values(weight) is None:
        bad = torch.where(weight.isnan(), a, 0.0)
    if task == "binary":
        sums = _two_classes(a, target.to(a.dtype), add, bad)
        return _without_dust(sums, a.dtype)
    if task == "multilabel":
        total = add(torch.ones_like(a))
    else:
        total = add(torch.ones_like(a[..., :1])).squeeze(-1)
    if task == "multiclass" and not target.is_floating_point():
        sums = _of_labels(a, target, weight, add, total, scope)
    else:
        sums = _of_probs(a, target.to(a.dtype), add, total, bad)
    return _without_dust(sums, a.dtype)


def _smaller(
    inside: Tensor, one: Tensor | float, other: Tensor | float, bad: Tensor | None
) -> Tensor:
    """Either `one` or `other`, plus the bad memberships.

    Bad ones have weight NaN. Where the minimum is the target, the NaN would not reach
    the gradient of the membership; the sum with it makes sure that it does.
    """
    taken = torch.where(inside, one, other)
    return taken if bad is None else taken + bad


def _without_dust(found: Counts, dtype: torch.dtype) -> Counts:
    total = found.total.unsqueeze(-1) if found.one_label else found.total
    hit, taken, *rest = (
        flushed(x, total, dtype) for x in (*found[:2], *found.other_cells())
    )
    return Counts(hit, taken, found.actual, found.total, *rest)


def _of_probs(
    a: Tensor, y: Tensor, add: Add, total: Tensor, bad: Tensor | None
) -> Counts:
    """With min(a, y) as overlap, and min(1 - a, 1 - y) outside."""
    # Where a and y are equal the derivative is that of `a y`. A NaN in a is kept.
    inside = ~(a > y) & (y > 0)
    hit = add(_smaller(inside, a, y, bad))
    alarm = add(_smaller(inside, 0.0, a - y, bad))
    return Counts(
        true_positive=hit,
        predicted=hit + alarm,
        actual=add(y),
        total=total,
        false_positive=alarm,
        false_negative=add(_smaller(inside, y - a, 0.0, bad)),
        true_negative=add(_smaller(inside, 1 - y, 1 - a, bad)),
    )


def _two_classes(a: Tensor, y: Tensor, add: Add, bad: Tensor | None) -> Counts:
    """Memberships of one class, counted as two classes, the negative one first."""
    inside = ~(a > y) & (y > 0)
    hit = add(_smaller(inside, a, y, bad))
    rest = add(_smaller(inside, 1 - y, 1 - a, bad))
    missed = add(_smaller(inside, y - a, 0.0, bad))
    alarm = add(_smaller(inside, 0.0, a - y, bad))
    return Counts(
        true_positive=torch.stack([rest, hit], -1),
        predicted=torch.stack([add(1 - a), add(a)], -1),
        actual=torch.stack([add(1 - y), add(y)], -1),
        total=add(torch.ones_like(a)),
        false_positive=torch.stack([missed, alarm], -1),
        false_negative=torch.stack([alarm, missed], -1),
        true_negative=torch.stack([hit, rest], -1),
    )


def _of_labels(
    a: Tensor,
    labels: Tensor,
    weight: Tensor | None,
    add: Add,
    total: Tensor,
    scope: Scope,
) -> Counts:
    index = safe_labels(labels, a.shape[-1])
    column = index.unsqueeze(-1)
    own = a.gather(-1, column).squeeze(-1)
    each = torch.ones_like(own) if weight is None else weight.squeeze(-1)

    def of_label(values: Tensor) -> Tensor:
        return _by_label(values, index, a.shape[-1], scope)

    hit, alarm = of_label(each * own), add(a.scatter(-1, column, 0.0))
    return Counts(
        true_positive=hit,
        predicted=hit + alarm,
        actual=of_label(each),
        total=total,
        false_positive=alarm,
        false_negative=of_label(each * (1 - own)),
        true_negative=add((1 - a).scatter(-1, column, 0.0)),
    )


def _by_label(values: Tensor, index: Tensor, classes: int, scope: Scope) -> Tensor:
    """Sums over the examples of each label."""
    per_image = scope == "example"
    wide = values.to(sum_type(values))
    flat = wide.flatten(1) if per_image else wide.reshape(1, -1)
    where = index.flatten(1) if per_image else index.reshape(1, -1)
    if values.device.type == "cpu":
        empty = flat.new_zeros(flat.shape[0], classes)
        sums = empty.scatter_add(-1, where, flat)
    else:
        # On accelerators scatter_add adds in no fixed order, so results would vary.
        sums = (flat.unsqueeze(-1) * one_hot(where, classes, flat.dtype)).sum(-2)
    return sums if per_image else sums.squeeze(0)


def matrices(found: Examples, classes: int, scope: Scope) -> Tensor:
    """`matrix[i, j] = sum w y_i a_j` of the batch, or of each image."""
    a, target, weight = found
    weighted = a if weight is None else weight * a
    rows = weighted.to(sum_type(weighted))
    per_image = scope == "example"
    rows = rows.flatten(1, -2) if per_image else rows.reshape(1, -1, a.shape[-1])
    if target.is_floating_point() or a.device.type != "cpu":
        q = class_probs(target, classes, rows.dtype)
        q = q.flatten(1, -2) if per_image else q.reshape(1, -1, classes)
        sums = product(q.mT, rows)
    else:
        index = safe_labels(target, classes)
        index = index.flatten(1) if per_image else index.reshape(1, -1)
        empty = rows.new_zeros(rows.shape[0], classes, rows.shape[-1])
        sums = empty.scatter_add(1, index.unsqueeze(-1).expand(rows.shape), rows)
    return sums if per_image else sums.squeeze(0)


def in_two_columns(found: Examples) -> Examples:
    """Binary examples as those of two classes."""
    a, target, weight = found
    if target.is_floating_point():
        target = torch.stack([1 - target, target], -1)
    else:
        target = target.long()
    columns = torch.stack([1 - a, a], -1)
    return Examples(columns, target, None if weight is None else weight.unsqueeze(-1))


def check_scope(scope: Scope, batch: torch.Size) -> None:
    """Checks that `scope="example"` has an axis of images and axes of pixels."""
    if scope == "example" and len(batch) < 2:
        raise ValueError(
            "scope must be 'batch' unless there is a batch axis of images and axes of "
            f"pixels, got {len(batch)} batch axes"
        )

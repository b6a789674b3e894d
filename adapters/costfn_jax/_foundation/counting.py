"""Counting soft or hard decisions against targets, in JAX: behind `confusion`."""

from collections.abc import Callable
from math import prod
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.sharding import NamedSharding, PartitionSpec

from . import check
from .counts import Counts
from .hidden import bad_label_sets, bad_target, checked_weights
from .math import (
    class_probs,
    floating,
    flushed,
    in_blocks,
    is_floating,
    is_label,
    sum_over,
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
        spoilt: 0, and NaN where the weight is, by way of the memberships: a count
            may hold none of them, but constants. For all counts at once, since XLA
            would go through the weights again for each.
    """

    decisions: Array
    target: Array
    weight: Array | None
    spoilt: Array | None


def examples(
    decisions: Array,
    target: Array,
    task: Task,
    classes: int,
    sample_weight: Array | None,
    where: Array | None,
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
    else:
        check.label_sets(target, a.shape, keep)
    weight = _weight(a, sample_weight, keep, batch, task)
    if keep is not None and where is not None:
        # A masked entry may be NaN, and 0 times NaN would reach the gradient.
        a = jnp.where(keep, a, 0.0)
        target = cleared(target, where if task == "multiclass" else keep)
    if not trusted:
        check.memberships(a)
        if check.readable_values(a) is None:
            # Not `poisoned`: what one count adds to a gradient another may take away.
            a = a * jnp.where(check.are_outside(a), jnp.nan, jnp.ones_like(a))
    bad = (
        bad_target(target, classes) if task == "multiclass" else bad_label_sets(target)
    )
    if bad is not None:
        nan = jnp.where(bad, jnp.nan, 0.0).astype(a.dtype)
        nan = nan[..., None] if task == "multiclass" else nan
        weight = nan + (1 if weight is None else weight)
    if weight is None or check.readable_values(weight) is not None:
        return Examples(a, target, weight, None)
    none = (0 * weight).astype(a.dtype)  # NaN where the weight is
    spoilt = a.sum(-1) * none.squeeze(-1) if task == "multiclass" else a * none
    return Examples(a, target, weight, spoilt)


def cleared(target: Array, keep: Array) -> Array:
    """The target with something harmless in place of what is masked."""
    if target.ndim > keep.ndim:
        return jnp.where(keep[..., None], target, 1 / target.shape[-1])
    return jnp.where(keep, target, jnp.zeros_like(target))


def _over_classes(
    name: str,
    value: Array | None,
    batch: tuple[int, ...],
    shape: tuple[int, ...],
    task: Task,
) -> Array | None:
    """One entry per example or label, with the axes of the memberships."""
    if value is None:
        return None
    check.array(name, value)
    each = task == "multilabel" and value.shape == shape
    if name == "where":
        check.mask(value, shape if each else batch)
    check.same_shape(name, value, shape if each else batch)
    return value if each or task == "binary" else value[..., None]


def _weight(
    a: Array,
    sample_weight: Array | None,
    keep: Array | None,
    batch: tuple[int, ...],
    task: Task,
) -> Array | None:
    weight = _over_classes("sample_weight", sample_weight, batch, a.shape, task)
    if weight is None:
        return None if keep is None else keep.astype(a.dtype)
    if keep is not None:
        check.numbers("sample_weight", weight)
        shape = jnp.broadcast_shapes(keep.shape, weight.shape)
        weight, keep = (jnp.broadcast_to(x, shape) for x in (weight, keep))
    check.weights("sample_weight", weight, weight.shape, keep)
    weight = weight if keep is None else jnp.where(keep, weight, 0)
    wide = jnp.promote_types(a.dtype, floating(weight).dtype)
    return checked_weights(weight, wide)


Add = Callable[[Array], Array]


def tables(found: Examples, task: Task, scope: Scope) -> Counts:
    """The counts of checked examples."""
    a, target, weight, spoilt = found
    axes = tuple(range(int(scope == "example"), a.ndim - (task != "binary")))
    if weight is not None:
        a = a.astype(weight.dtype)

    def add(values: Array) -> Array:
        return sum_over(values if weight is None else weight * values, axes)

    if task == "binary":
        sums = _two_classes(a, target.astype(a.dtype), add)
    elif task == "multilabel":
        sums = _of_probs(a, target.astype(a.dtype), add, add(jnp.ones_like(a)))
    else:
        total = add(jnp.ones_like(a[..., :1])).squeeze(-1)
        if is_floating(target):
            q = class_probs(target, a.shape[-1], a.dtype)
            sums = _of_probs(a, q, add, total)
        else:
            sums = _of_labels(a, target, add, total)
    sums = _without_dust(sums)
    if spoilt is None:
        return sums
    nan = sum_over(spoilt, axes)
    of_class = nan[..., None] if sums.one_label else nan
    cells = (x + of_class for x in (*sums[:3], *sums.other_cells()))
    hit, taken, actual, *rest = cells
    return Counts(hit, taken, actual, sums.total + nan, *rest)


def _without_dust(found: Counts) -> Counts:
    total = found.total[..., None] if found.one_label else found.total
    hit, taken, *rest = (flushed(x, total) for x in (*found[:2], *found.other_cells()))
    return Counts(hit, taken, found.actual, found.total, *rest)


def _of_probs(a: Array, y: Array, add: Add, total: Array) -> Counts:
    """With min(a, y) as overlap, and min(1 - a, 1 - y) outside."""
    # Where a and y are equal the derivative is that of `a y`. A NaN in a is kept.
    inside = ~(a > y) & (y > 0)
    hit, alarm = add(jnp.where(inside, a, y)), add(jnp.where(inside, 0.0, a - y))
    return Counts(
        true_positive=hit,
        predicted=hit + alarm,
        actual=add(y),
        total=total,
        false_positive=alarm,
        false_negative=add(jnp.where(inside, y - a, 0.0)),
        true_negative=add(jnp.where(inside, 1 - y, 1 - a)),
    )


def _two_classes(a: Array, y: Array, add: Add) -> Counts:
    """Memberships of one class, counted as two classes, the negative one first."""
    inside = ~(a > y) & (y > 0)
    hit, rest = add(jnp.where(inside, a, y)), add(jnp.where(inside, 1 - y, 1 - a))
    missed = add(jnp.where(inside, y - a, 0.0))
    alarm = add(jnp.where(inside, 0.0, a - y))
    return Counts(
        true_positive=jnp.stack([rest, hit], -1),
        predicted=jnp.stack([add(1 - a), add(a)], -1),
        actual=jnp.stack([add(1 - y), add(y)], -1),
        total=add(jnp.ones_like(a)),
        false_positive=jnp.stack([missed, alarm], -1),
        false_negative=jnp.stack([alarm, missed], -1),
        true_negative=jnp.stack([hit, rest], -1),
    )


def _of_labels(a: Array, labels: Array, add: Add, total: Array) -> Counts:
    hot = is_label(labels, a.shape[-1])
    hit, alarm = add(jnp.where(hot, a, 0.0)), add(jnp.where(hot, 0.0, a))
    return Counts(
        true_positive=hit,
        predicted=hit + alarm,
        actual=add(hot.astype(a.dtype)),
        total=total,
        false_positive=alarm,
        false_negative=add(jnp.where(hot, 1 - a, 0.0)),
        true_negative=add(jnp.where(hot, 0.0, 1 - a)),
    )


def matrices(found: Examples, classes: int, scope: Scope) -> Array:
    """`matrix[i, j] = sum w y_i a_j` of the batch, or of each image."""
    a, target, weight, spoilt = found
    weighted = a if weight is None else weight * a.astype(weight.dtype)
    q = class_probs(target, classes, weighted.dtype)
    sums = _contracted(q, weighted, scope)
    if spoilt is None:
        return sums
    nan = sum_over(spoilt, tuple(range(int(scope == "example"), spoilt.ndim)))
    return sums + nan.astype(sums.dtype)[..., None, None]


def in_two_columns(found: Examples) -> Examples:
    """Binary examples as those of two classes."""
    a, target, weight, spoilt = found
    if is_floating(target):
        target = jnp.stack([1 - target, target], -1)
    else:
        target = target.astype(jnp.int32)
    columns = jnp.stack([1 - a, a], -1)
    weight = None if weight is None else weight[..., None]
    return Examples(columns, target, weight, spoilt)


def _contracted(left: Array, right: Array, scope: Scope) -> Array:
    """The sum over examples, or over each image's pixels, of products of the rest.

    By blocks, and then of the blocks' sums, as `sum_over`.
    """
    # No scatter, which on accelerators adds in no fixed order.
    apart = tuple(range(int(scope == "example")))
    summed = range(len(apart), right.ndim - 1)
    placed = jax.typeof(right).sharding
    if summed and all(placed.spec[axis] is None for axis in summed):
        left, right = (
            in_blocks(_flat(x, len(apart)), len(apart)) for x in (left, right)
        )
        blocks, axis = (*apart, len(apart)), len(apart)
        return sum_over(_product(left, right, (axis + 1,), blocks), (axis,))
    # Where a mesh is explicit, an axis over devices is in blocks as it is.
    return _product(left, right, tuple(summed), apart)


def _flat(values: Array, axis: int) -> Array:
    """With the pixels, from this axis on, in one."""
    shape = values.shape
    return values.reshape(*shape[:axis], prod(shape[axis:-1]), shape[-1])


def _product(
    left: Array, right: Array, summed: tuple[int, ...], apart: tuple[int, ...]
) -> Array:
    # Where a mesh is explicit, JAX asks how to place a sum over devices.
    placed = jax.typeof(right).sharding
    each = (placed.spec[axis] for axis in apart)
    out = NamedSharding(placed.mesh, PartitionSpec(*each, None, None))
    axes = (summed, summed), (apart, apart)
    found: Array = jax.lax.dot_general(left, right, axes, "highest", out_sharding=out)
    return found


def check_scope(scope: Scope, batch: tuple[int, ...]) -> None:
    """Checks that `scope="example"` has an axis of images and axes of pixels."""
    if scope == "example" and len(batch) < 2:
        raise ValueError(
            "scope must be 'batch' unless there is a batch axis of images and axes of "
            f"pixels, got {len(batch)} batch axes"
        )

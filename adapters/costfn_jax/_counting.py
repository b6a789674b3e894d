"""Counting soft or hard decisions against targets, in JAX: behind `confusion`."""

from collections.abc import Callable
from math import prod
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.sharding import NamedSharding, PartitionSpec

from . import _check
from ._counts import Counts
from ._hidden import bad_label_sets, bad_target, checked_weights, poisoned
from ._math import (
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
    """Checked examples, whose masked ones are harmless and have weight 0.

    Attributes:
        decisions: Memberships `(*batch, classes)`, for `"binary"` `(*batch,)`.
        target: Labels, probabilities or label sets.
        weight: What multiplies memberships, `(*batch, 1)` or of their shape, and NaN
            where the target is bad; None for 1 throughout.
    """

    decisions: Array
    target: Array
    weight: Array | None


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
        _check.target(target, batch, classes, where)
    else:
        _check.label_sets(target, a.shape, keep)
    weight = _weight(a, sample_weight, keep, batch, task)
    if keep is not None and where is not None:
        # What a masked place holds must not reach the gradient as 0 times NaN.
        a = jnp.where(keep, a, 0.0)
        target = cleared(target, where if task == "multiclass" else keep)
    if not trusted:
        _check.memberships(a)
        if _check.visible(a) is None:
            # Not `poisoned`: what one count adds to a gradient another may take away.
            a = a * jnp.where(_check.are_outside(a), jnp.nan, jnp.ones_like(a))
    bad = (
        bad_target(target, classes) if task == "multiclass" else bad_label_sets(target)
    )
    if bad is not None:
        bad = bad[..., None] if task == "multiclass" else bad
        columns = a.sum(-1, keepdims=True) if task == "multiclass" else a
        weight = columns * 0 + (1.0 if weight is None else weight)
        # NaN by way of the memberships: a cell may hold none of them, but constants.
        weight = poisoned(weight, bad)
    return Examples(a, target, weight)


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
    _check.array(name, value)
    each = task == "multilabel" and value.shape == shape
    if name == "where":
        _check.mask(value, shape if each else batch)
    _check.same_shape(name, value, shape if each else batch)
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
        _check.numbers("sample_weight", weight)
        shape = jnp.broadcast_shapes(keep.shape, weight.shape)
        weight, keep = (jnp.broadcast_to(x, shape) for x in (weight, keep))
    _check.weights("sample_weight", weight, weight.shape, keep)
    weight = weight if keep is None else jnp.where(keep, weight, 0)
    wide = jnp.promote_types(a.dtype, floating(weight).dtype)
    return checked_weights(weight, wide)


Add = Callable[[Array], Array]


def tables(found: Examples, task: Task, scope: Scope) -> Counts:
    """The counts of checked examples."""
    a, target, weight = found
    axes = tuple(range(int(scope == "example"), a.ndim - (task != "binary")))
    if weight is not None:
        a = a.astype(weight.dtype)

    def add(values: Array) -> Array:
        return sum_over(values if weight is None else weight * values, axes)

    bad = None
    if weight is not None and _check.visible(weight) is None:
        bad = jnp.where(jnp.isnan(weight), a, 0.0)
    if task == "binary":
        return _without_dust(_two_classes(a, target.astype(a.dtype), add, bad))
    if task == "multilabel":
        total = add(jnp.ones_like(a))
    else:
        total = add(jnp.ones_like(a[..., :1])).squeeze(-1)
    if task == "multiclass" and not is_floating(target):
        return _without_dust(_of_labels(a, target, add, total))
    soft = task == "multiclass"
    y = class_probs(target, a.shape[-1], a.dtype) if soft else target.astype(a.dtype)
    return _without_dust(_of_probs(a, y, add, total, bad))


def _smaller(
    inside: Array, one: Array | float, other: Array | float, bad: Array | None
) -> Array:
    """One of the two; and the bad memberships, which it may not have taken.

    Their weight is NaN, but where a minimum takes the target, none of it would reach
    their gradient.
    """
    taken = jnp.where(inside, one, other)
    return taken if bad is None else taken + bad


def _without_dust(found: Counts) -> Counts:
    total = found.total[..., None] if found.one_label else found.total
    hit, taken, missed, rest = (
        flushed(x, total) for x in (*found[:2], *found.negatives())
    )
    return Counts(hit, taken, found.actual, found.total, missed, rest)


def _of_probs(a: Array, y: Array, add: Add, total: Array, bad: Array | None) -> Counts:
    """With min(a, y) as overlap, and min(1 - a, 1 - y) outside."""
    # With the derivative of a y where the two meet at 0 or 1; NaN is taken, and stays.
    inside = ~(a > y) & (y > 0)
    return Counts(
        true_positive=add(_smaller(inside, a, y, bad)),
        predicted=add(a),
        actual=add(y),
        total=total,
        false_negative=add(_smaller(inside, y - a, 0.0, bad)),
        true_negative=add(_smaller(inside, 1 - y, 1 - a, bad)),
    )


def _two_classes(a: Array, y: Array, add: Add, bad: Array | None) -> Counts:
    """A score of one class against its absence, as two classes, the negative first."""
    inside = ~(a > y) & (y > 0)
    hit, rest = add(_smaller(inside, a, y, bad)), add(jnp.where(inside, 1 - y, 1 - a))
    missed = add(jnp.where(inside, y - a, 0.0))
    alarm = add(jnp.where(inside, 0.0, a - y))
    return Counts(
        true_positive=jnp.stack([rest, hit], -1),
        predicted=jnp.stack([add(1 - a), add(a)], -1),
        actual=jnp.stack([add(1 - y), add(y)], -1),
        total=add(jnp.ones_like(a)),
        false_negative=jnp.stack([alarm, missed], -1),
        true_negative=jnp.stack([hit, rest], -1),
    )


def _of_labels(a: Array, labels: Array, add: Add, total: Array) -> Counts:
    hot = is_label(labels, a.shape[-1])
    return Counts(
        true_positive=add(jnp.where(hot, a, 0.0)),
        predicted=add(a),
        actual=add(hot.astype(a.dtype)),
        total=total,
        false_negative=add(jnp.where(hot, 1 - a, 0.0)),
        true_negative=add(jnp.where(hot, 0.0, 1 - a)),
    )


def matrices(found: Examples, classes: int, scope: Scope) -> Array:
    """`matrix[i, j] = sum w y_i a_j` of the batch, or of each image."""
    a, target, weight = found
    weighted = a if weight is None else weight * a.astype(weight.dtype)
    q = class_probs(target, classes, weighted.dtype)
    return _contracted(q, weighted, scope)


def in_two_columns(found: Examples) -> Examples:
    """Binary examples as those of two classes."""
    a, target, weight = found
    if is_floating(target):
        target = jnp.stack([1 - target, target], -1)
    else:
        target = target.astype(jnp.int32)
    columns = jnp.stack([1 - a, a], -1)
    return Examples(columns, target, None if weight is None else weight[..., None])


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
    """Checks that there are images with pixels where each is counted by itself."""
    if scope == "example" and len(batch) < 2:
        raise ValueError(
            "scope must be 'batch' unless there is a batch axis of images and axes of "
            f"pixels, got {len(batch)} batch axes"
        )

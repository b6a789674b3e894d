"""Counting, in JAX: soft or hard decisions against targets, into a small table."""

from collections.abc import Callable
from typing import Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import NamedSharding, PartitionSpec

from . import _check
from ._math import (
    class_probs,
    floating,
    is_class,
    is_floating,
    non_negative,
    one_hot,
    poisoned,
    safe_labels,
    upcast,
)
from ._types import AnyTarget, ConfusionMatrix, Decisions, Target

__all__ = ["Counts", "Scope", "Task", "confusion_matrix", "counts", "one_vs_rest"]

Task = Literal["multiclass", "multilabel", "binary"]
Scope = Literal["batch", "example"]


class Counts(NamedTuple):
    """Mirror of `costfn.confusion.Counts`; a pytree, which `jax.lax.psum` adds up."""

    true_positive: Array
    predicted: Array
    actual: Array
    total: Array

    def __add__(self, other: object) -> "Counts":
        if not isinstance(other, Counts):
            return NotImplemented
        return Counts(*(a + b for a, b in zip(self, other, strict=True)))

    def __radd__(self, other: object) -> "Counts":
        # sum() starts from 0.
        return self if other == 0 else NotImplemented

    @property
    def one_label(self) -> bool:
        """Whether each example has exactly one class, and not a set of labels."""
        return self.total.ndim < self.actual.ndim


SumCounts = Callable[[Counts], Counts]


def counts(
    decisions: Decisions,
    target: AnyTarget,
    *,
    task: Task = "multiclass",
    classes: int | None = None,
    scope: Scope = "batch",
    sample_weight: Array | None = None,
    where: Array | None = None,
) -> Counts:
    """Mirror of `costfn.counts`: the same arguments, values and errors.

    Hard decisions are counted in JAX's default floating-point dtype.
    """
    _check.one_of("task", task, get_args(Task))
    _check.one_of("scope", scope, get_args(Scope))
    hard = classes if task == "multiclass" else None
    a = _memberships("decisions", decisions, hard, elementwise=task != "multiclass")
    _check.array("target", target)
    if where is not None:
        _check.array("where", where)
    if task == "binary":
        a, target = a[..., None], target[..., None]
        where = None if where is None else where[..., None]
    batch = a.shape[:-1]
    check_scope(scope, batch)
    weight = _weight(a, sample_weight, where, labels=task != "multiclass")
    if where is not None and weight is not None:
        # A masked NaN must not reach the gradient as 0 times NaN.
        a = jnp.where(weight == 0, 0.0, a)

    def add(values: Array) -> Array:
        weighted = values if weight is None else weight * values
        # By a product with ones: XLA's own sum of columns is slow on the CPU.
        return _contracted(jnp.ones_like(weighted[..., 0]), weighted, scope)

    if task == "multiclass":
        _check.target(target, batch, a.shape[-1])
    else:
        _check_label_sets(target, a.shape)
    if task == "multiclass" and not is_floating(target):
        index, invalid = safe_labels(target, a.shape[-1])
        hot = is_class(index, a.shape[-1])
        one = poisoned(jnp.ones_like(a[..., :1]), _last_axis(invalid))
        true_positive = add(jnp.where(hot, one * a, 0.0))
        actual = add(jnp.where(hot, one, 0.0))
    else:
        soft = task == "multiclass"
        y = (
            class_probs(target, a.shape[-1], a.dtype)
            if soft
            else _label_sets(target, a)
        )
        # min(a, y), with the derivative of a y where the two meet at 0 or 1.
        true_positive = add(jnp.where((a <= y) & (y > 0), a, y))
        actual = add(y)
    total = add(jnp.ones_like(a if task == "multilabel" else a[..., :1]))
    found = Counts(true_positive, add(a), actual, total)
    if task == "multilabel":
        return found
    one_table = found._replace(total=total.squeeze(-1))
    return _two_classes(one_table) if task == "binary" else one_table


def confusion_matrix(
    decisions: Decisions,
    target: Target,
    *,
    classes: int | None = None,
    sample_weight: Array | None = None,
    where: Array | None = None,
) -> ConfusionMatrix:
    """Mirror of `costfn.confusion_matrix`: the same arguments, values and errors.

    Hard decisions are counted in JAX's default floating-point dtype.
    """
    return matrices(decisions, target, classes, "batch", sample_weight, where)


def matrices(
    decisions: Array,
    target: Array,
    classes: int | None,
    scope: Scope,
    sample_weight: Array | None,
    where: Array | None,
) -> Array:
    """`confusion_matrix` of the batch, or one for each entry of its first axis."""
    a = _memberships("decisions", decisions, classes)
    width, batch = classes or a.shape[-1], a.shape[:-1]
    check_scope(scope, batch)
    _check.target(target, batch, width)
    weight = _weight(a, sample_weight, where)
    if weight is not None:
        a = (a if where is None else jnp.where(weight == 0, 0.0, a)) * weight
    return _contracted(class_probs(target, width, a.dtype), a, scope)


def _contracted(left: Array, right: Array, scope: Scope) -> Array:
    """The sum over examples, or over each image's pixels, of products of the rest."""
    # No scatter, which on accelerators adds in no fixed order.
    apart = tuple(range(int(scope == "example")))
    summed = tuple(range(len(apart), right.ndim - 1))
    # Where a mesh is explicit, JAX asks how to place a sum over devices.
    placed = jax.typeof(right).sharding
    each = (placed.spec[axis] for axis in apart)
    rest = [None] * (left.ndim - right.ndim + 2)
    out = NamedSharding(placed.mesh, PartitionSpec(*each, *rest))
    axes = (summed, summed), (apart, apart)
    found: Array = jax.lax.dot_general(left, right, axes, "highest", out_sharding=out)
    return found


def one_vs_rest(matrix: ConfusionMatrix) -> Counts:
    """Mirror of `costfn.confusion.one_vs_rest`: the same arguments, values and errors.

    Integers become JAX's default floating-point dtype.
    """
    _check.numbers("matrix", matrix)
    if matrix.ndim < 2 or matrix.shape[-1] != matrix.shape[-2]:
        raise ValueError(
            "matrix must be square, a row per true class and a column per decision, "
            f"got shape {matrix.shape}"
        )
    m = floating(matrix)
    return Counts(
        true_positive=m.diagonal(axis1=-2, axis2=-1),
        predicted=m.sum(-2),
        actual=m.sum(-1),
        total=m.sum((-2, -1)),
    )


def _memberships(
    name: str, decisions: Array, classes: int | None, *, elementwise: bool = False
) -> Array:
    _check.array(name, decisions)
    if is_floating(decisions):
        return upcast(decisions)
    if elementwise:
        return floating(decisions)
    if classes is None:
        raise ValueError(
            f"classes must be given where {name} are labels, got None; it is the "
            "number of classes, which labels alone do not tell"
        )
    _check.labels(name, decisions, decisions.shape, classes)
    return one_hot(decisions, classes, jnp.result_type(float))


def _check_label_sets(target: Array, shape: tuple[int, ...]) -> None:
    _check.array("target", target)
    if target.shape != shape:
        raise ValueError(
            f"target must have the shape {shape} of the decisions, got {target.shape}"
        )
    seen = _check.visible(target)
    if seen is None:
        return
    # NaN first: NumPy warns where it compares one in bfloat16.
    if np.isnan(seen).any() or not ((seen >= 0) & (seen <= 1)).all():
        raise ValueError(
            "target must be 0, 1 or a probability for each label, got values from "
            f"{seen.min().item()} to {seen.max().item()}"
        )


def _label_sets(target: Array, decisions: Array) -> Array:
    y = target.astype(decisions.dtype)
    if _check.visible(target) is not None:
        return y
    return poisoned(y, ~((y >= 0) & (y <= 1)))


def check_scope(scope: Scope, batch: tuple[int, ...]) -> None:
    """Checks that there are images with pixels where each is counted by itself."""
    if scope == "example" and len(batch) < 2:
        raise ValueError(
            "scope must be 'batch' unless there is a batch axis of images and axes of "
            f"pixels, got {len(batch)} batch axes"
        )


def _weight(
    a: Array,
    sample_weight: Array | None,
    where: Array | None,
    *,
    labels: bool = False,
) -> Array | None:
    """The weights as `(*batch, 1)`, or `(*batch, labels)` for a mask of that shape."""
    if sample_weight is None and where is None:
        return None
    each_label = labels and where is not None and where.shape == a.shape
    ones = jnp.ones_like(a if each_label else a[..., :1])
    if sample_weight is not None:
        _check.weights("sample_weight", sample_weight, a.shape[:-1])
        ones = ones * non_negative(sample_weight).astype(a.dtype)[..., None]
    if where is None:
        return ones
    _check.mask(where, a.shape if each_label else a.shape[:-1])
    return jnp.where(where if each_label else where[..., None], ones, 0.0)


def _last_axis(values: Array | None) -> Array | None:
    return None if values is None else values[..., None]


def _two_classes(one: Counts) -> Counts:
    """The counts of a positive class as those of two classes, the negative first."""
    total = one.total[..., None]
    rest = total - one.predicted - one.actual + one.true_positive
    return Counts(
        true_positive=jnp.concatenate([rest, one.true_positive], -1),
        predicted=jnp.concatenate([total - one.predicted, one.predicted], -1),
        actual=jnp.concatenate([total - one.actual, one.actual], -1),
        total=one.total,
    )

"""Counting: soft or hard decisions against targets, into a small table.

`Counts` are three numbers per class and the total: enough for nearly every metric.
`confusion_matrix` has all `matrix[i, j]`: truth `i`, decision `j`, as in scikit-learn.
Both add up over batches, devices and time.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from . import _check
from ._math import (
    class_probs,
    non_negative,
    one_hot,
    poisoned,
    safe_labels,
    times,
    upcast,
)
from ._types import AnyTarget, ConfusionMatrix, Decisions, Target

__all__ = ["Counts", "Scope", "Task", "confusion_matrix", "counts", "one_vs_rest"]

Task = Literal["multiclass", "multilabel", "binary"]
Scope = Literal["batch", "example"]


class Counts(NamedTuple):
    """What a metric needs to know, for one table or, with axes before, for many.

    `+` adds two tables, and `sum` any number.

    Attributes:
        true_positive: Weight of the examples of a class decided for it, `(*, classes)`.
        predicted: Weight decided for each class, `(*, classes)`.
        actual: Weight of each class in the target, `(*, classes)`.
        total: Weight of all examples, `(*,)`; for several labels per example, where
            each is a problem of its own, `(*, labels)`.
    """

    true_positive: Tensor
    predicted: Tensor
    actual: Tensor
    total: Tensor

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
    sample_weight: Tensor | None = None,
    where: Tensor | None = None,
) -> Counts:
    """Count decisions against targets, class by class.

    With memberships `a`, targets `y` and weights `w`: `sum w min(a, y)`, `sum w a`,
    `sum w y` and `sum w`. For labels the minimum is the product `a y`; for soft targets
    it is, other than the product, largest where `a = y`.

    Args:
        decisions: Memberships in [0, 1], from a relaxation: `(*batch, classes)`, for
            `"multilabel"` `(*batch, labels)`, for `"binary"` `(*batch,)`. Or hard ones:
            labels `(*batch,)` for `"multiclass"`, else 0 and 1 (or booleans).
        target: Labels `(*batch,)` or probabilities `(*batch, classes)`; for
            `"multilabel"` 0, 1 or probabilities `(*batch, labels)`; for `"binary"` the
            same, `(*batch,)`.
        task: `"multiclass"`, one class for each example; `"multilabel"`, any number of
            labels; `"binary"`, counted as the two classes 0 and 1.
        classes: Number of classes, needed where decisions and target are both labels.
        scope: `"batch"` sums over all batch axes; `"example"` over all but the first.
        sample_weight: Weight of each example, at least 0, `(*batch,)`.
        where: True for the examples to keep, `(*batch,)`; for `"multilabel"` also
            `(*batch, labels)`.

    Returns:
        The counts: in float64 for hard decisions, else in the decisions' dtype, float32
        at least.

    Raises:
        TypeError: If an argument has the wrong dtype.
        ValueError: If shapes do not match, a label is out of range, rows of `target`
            are no probabilities, a weight is negative, or an option is unknown.

    Example:
        >>> import torch, costfn
        >>> decisions, target = torch.tensor([0, 1, 1]), torch.tensor([0, 1, 0])
        >>> found = costfn.counts(decisions, target, classes=2)
        >>> found.predicted, found.actual
        (tensor([1., 2.], dtype=torch.float64), tensor([2., 1.], dtype=torch.float64))

    Source:
        Soft counts: Marchetti et al., "Score-Oriented Loss (SOL) Functions", 2022,
        https://arxiv.org/abs/2103.15522; the minimum for soft targets: Wang et al.,
        "Dice Semimetric Losses", 2023, https://arxiv.org/abs/2303.16296.
    """
    _check.one_of("task", task, get_args(Task))
    _check.one_of("scope", scope, get_args(Scope))
    hard = classes if task == "multiclass" else None
    a = _memberships("decisions", decisions, hard, elementwise=task != "multiclass")
    if task == "binary":
        a, target = a.unsqueeze(-1), target.unsqueeze(-1)
        where = None if where is None else where.unsqueeze(-1)
    batch = a.shape[:-1]
    check_scope(scope, batch)
    weight = _weight(a, sample_weight, where, labels=task != "multiclass")
    if where is not None and weight is not None:
        # A masked NaN must not reach the gradient as 0 times NaN.
        a = a.masked_fill(weight == 0, 0.0)

    def add(values: Tensor) -> Tensor:
        axes = tuple(range(int(scope == "example"), len(batch)))
        weighted = values if weight is None else weight * values
        return weighted.sum(axes) if axes else weighted

    if task == "multiclass":
        _check.target(target, batch, a.shape[-1])
    else:
        _check_label_sets(target, a.shape)
    if task == "multiclass" and not target.is_floating_point():
        per_label = None if weight is None else weight.squeeze(-1)
        true_positive, actual = _by_label(a, target, per_label, scope)
    else:
        soft = task == "multiclass"
        y = class_probs(target, a.shape[-1], a.dtype) if soft else target.to(a.dtype)
        # min(a, y), with the derivative of a y where the two meet at 0 or 1.
        true_positive = add(torch.where((a <= y) & (y > 0), a, y))
        actual = add(y)
    total = add(torch.ones_like(a if task == "multilabel" else a[..., :1]))
    found = Counts(true_positive, add(a), actual, total)
    if task == "multilabel":
        return found
    one = found._replace(total=total.squeeze(-1))
    return _two_classes(one) if task == "binary" else one


def confusion_matrix(
    decisions: Decisions,
    target: Target,
    *,
    classes: int | None = None,
    sample_weight: Tensor | None = None,
    where: Tensor | None = None,
) -> ConfusionMatrix:
    """Count truths against decisions: `matrix[i, j] = sum w y_i a_j`.

    Args:
        decisions: Memberships from a relaxation, `(*batch, decisions)`, or labels
            `(*batch,)`.
        target: Labels `(*batch,)` or probabilities `(*batch, classes)`.
        classes: Number of classes, needed where decisions and target are both labels;
            where they differ, of the target.
        sample_weight: Weight of each example, at least 0, `(*batch,)`.
        where: True for the examples to keep, `(*batch,)`.

    Returns:
        `(classes, decisions)`: a row per true class, a column per decision, as
        `sklearn.metrics.confusion_matrix`; in float64 for hard decisions, else in the
        decisions' dtype, float32 at least.

    Raises:
        TypeError: If an argument has the wrong dtype.
        ValueError: If shapes do not match, a label is out of range, rows of `target`
            are no probabilities, or a weight is negative.

    Example:
        >>> import torch, costfn
        >>> decisions, target = torch.tensor([0, 1, 1]), torch.tensor([0, 1, 0])
        >>> costfn.confusion_matrix(decisions, target, classes=2)
        tensor([[1., 1.],
                [0., 1.]], dtype=torch.float64)

    Source:
        Marchetti et al., "Score-Oriented Loss (SOL) Functions", Pattern Recognition
        132, 2022. https://arxiv.org/abs/2103.15522
    """
    a = _memberships("decisions", decisions, classes)
    width = classes or a.shape[-1]
    _check.target(target, a.shape[:-1], width)
    weight = _weight(a, sample_weight, where)
    if weight is not None:
        a = (a if where is None else a.masked_fill(weight == 0, 0.0)) * weight
    rows = a.reshape(-1, a.shape[-1])
    if target.is_floating_point() or a.device.type != "cpu":
        # On accelerators scatter_add is a contest of atomics, in no fixed order.
        q = class_probs(target, width, a.dtype)
        return times(q.reshape(-1, width).mT, rows)
    index, invalid = safe_labels(target.reshape(-1), width)
    rows = poisoned(rows, None if invalid is None else invalid.unsqueeze(-1))
    empty = rows.new_zeros(width, rows.shape[-1])
    return empty.scatter_add(0, index.unsqueeze(-1).expand(rows.shape), rows)


def one_vs_rest(matrix: ConfusionMatrix) -> Counts:
    """The counts in a confusion matrix, each class against the rest.

    Args:
        matrix: `(*, classes, classes)`, a row per true class; for instance
            `torch.from_numpy(sklearn.metrics.confusion_matrix(...))`.

    Returns:
        The counts, in the dtype of `matrix`, of integers in float64.

    Raises:
        TypeError: If `matrix` is no tensor of numbers.
        ValueError: If it is not square.

    Example:
        >>> import torch, costfn
        >>> costfn.confusion.one_vs_rest(torch.tensor([[3.0, 1.0], [2.0, 4.0]])).actual
        tensor([4., 6.])

    Source:
        `sklearn.metrics.multilabel_confusion_matrix` holds the same numbers.
    """
    _check.numbers("matrix", matrix)
    if matrix.ndim < 2 or matrix.shape[-1] != matrix.shape[-2]:
        raise ValueError(
            "matrix must be square, a row per true class and a column per decision, "
            f"got shape {tuple(matrix.shape)}"
        )
    m = matrix if matrix.is_floating_point() else matrix.double()
    return Counts(
        true_positive=m.diagonal(dim1=-2, dim2=-1),
        predicted=m.sum(-2),
        actual=m.sum(-1),
        total=m.sum((-2, -1)),
    )


def _memberships(
    name: str, decisions: Tensor, classes: int | None, *, elementwise: bool = False
) -> Tensor:
    _check.tensor(name, decisions)
    if decisions.is_floating_point():
        return upcast(decisions)
    if elementwise:
        return decisions.double()
    if classes is None:
        raise ValueError(
            f"classes must be given where {name} are labels, got None; it is the "
            "number of classes, which labels alone do not tell"
        )
    _check.labels(name, decisions, decisions.shape, classes)
    return one_hot(decisions, classes, torch.float64)


def _check_label_sets(target: Tensor, shape: torch.Size) -> None:
    _check.tensor("target", target)
    if target.shape != shape:
        raise ValueError(
            f"target must have the shape {tuple(shape)} of the decisions, "
            f"got {tuple(target.shape)}"
        )
    seen = _check.visible(target)
    if seen is not None and not ((seen >= 0) & (seen <= 1)).all():
        raise ValueError(
            "target must be 0, 1 or a probability for each label, got values from "
            f"{seen.min().item()} to {seen.max().item()}"
        )


def check_scope(scope: Scope, batch: torch.Size) -> None:
    """Checks that there are images with pixels where each is counted by itself."""
    if scope == "example" and len(batch) < 2:
        raise ValueError(
            "scope must be 'batch' unless there is a batch axis of images and axes of "
            f"pixels, got {len(batch)} batch axes"
        )


def _weight(
    a: Tensor,
    sample_weight: Tensor | None,
    where: Tensor | None,
    *,
    labels: bool = False,
) -> Tensor | None:
    """The weights as `(*batch, 1)`, or `(*batch, labels)` for a mask of that shape."""
    if sample_weight is None and where is None:
        return None
    each_label = labels and where is not None and where.shape == a.shape
    ones = torch.ones_like(a if each_label else a[..., :1])
    if sample_weight is not None:
        _check.weights("sample_weight", sample_weight, a.shape[:-1])
        ones = ones * non_negative(sample_weight).to(a.dtype).unsqueeze(-1)
    if where is None:
        return ones
    _check.mask(where, a.shape if each_label else a.shape[:-1])
    keep = where if each_label else where.unsqueeze(-1)
    return ones.masked_fill(~keep, 0.0)


def _by_label(
    a: Tensor, labels: Tensor, weight: Tensor | None, scope: Scope
) -> tuple[Tensor, Tensor]:
    """Sums over the examples of each label: of their own membership, and of 1."""
    classes = a.shape[-1]
    index, invalid = safe_labels(labels, classes)
    hit = a.gather(-1, index.unsqueeze(-1)).squeeze(-1)
    one = poisoned(torch.ones_like(hit), invalid)
    one = one if weight is None else weight * one

    def add(values: Tensor) -> Tensor:
        groups = values.shape[0] if scope == "example" else 1
        flat, where = values.reshape(groups, -1), index.reshape(groups, -1)
        if a.device.type == "cpu":
            # In float64: scatter_add adds one by one, and float32 stops at 2**24.
            empty = flat.new_zeros(groups, classes, dtype=torch.float64)
            sums = empty.scatter_add(-1, where, flat.double()).to(a.dtype)
        else:
            hot = one_hot(where, classes, a.dtype)
            sums = (flat.unsqueeze(-1) * hot).sum(-2)
        return sums if scope == "example" else sums.squeeze(0)

    return add(one * hit), add(one)


def _two_classes(one: Counts) -> Counts:
    """The counts of a positive class as those of two classes, the negative first."""
    total = one.total.unsqueeze(-1)
    rest = total - one.predicted - one.actual + one.true_positive
    return Counts(
        true_positive=torch.cat([rest, one.true_positive], -1),
        predicted=torch.cat([total - one.predicted, one.predicted], -1),
        actual=torch.cat([total - one.actual, one.actual], -1),
        total=one.total,
    )

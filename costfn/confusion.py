"""Counting: soft or hard decisions against targets, into a small table.

`Counts` are three numbers per class and the total: enough for nearly every metric.
`confusion_matrix` has all `matrix[i, j]`: truth `i`, decision `j`, as in scikit-learn.
Both add up over batches, devices and time. Arguments may be array-likes (NumPy arrays,
lists, data frames); gradients need tensors.
"""

from typing import get_args

import torch
from torch import Tensor

from ._foundation import check
from ._foundation.arrays import ArrayLike, as_tensors
from ._foundation.counting import Scope, Task, check_scope, examples, matrices, tables
from ._foundation.counts import Counts, one_vs_rest
from ._foundation.hidden import bad_target
from ._foundation.math import one_hot, upcast
from ._foundation.types import AnyTarget, ConfusionMatrix, Decisions, Target

__all__ = ["Counts", "Scope", "Task", "confusion_matrix", "counts", "one_vs_rest"]


def counts(
    decisions: Decisions | ArrayLike,
    target: AnyTarget | ArrayLike,
    *,
    task: Task = "multiclass",
    classes: int | None = None,
    scope: Scope = "batch",
    sample_weight: Tensor | ArrayLike | None = None,
    where: Tensor | ArrayLike | None = None,
) -> Counts:
    """Count decisions against targets, class by class.

    With memberships `a`, targets `y` and weights `w`: `sum w min(a, y)`, `sum w a`,
    `sum w y`, `sum w`, `sum w (y - min(a, y))` and `sum w (1 - max(a, y))`. For labels
    the minimum is the product `a y`; for soft targets it is, other than the product,
    largest where `a = y`.

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
        sample_weight: Weight of each example, at least 0, `(*batch,)`; for
            `"multilabel"` also `(*batch, labels)`.
        where: True for the examples to keep, `(*batch,)`; for `"multilabel"` also
            `(*batch, labels)`. A masked example may hold any values.

    Returns:
        The counts, in float64 where the device has it.

    Raises:
        TypeError: If an argument has the wrong dtype.
        ValueError: If shapes do not match, decisions are no memberships, a label is out
            of range, rows of `target` are no probabilities, a weight is negative, or an
            option is unknown.

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
    check.one_of("task", task, get_args(Task))
    check.one_of("scope", scope, get_args(Scope))
    decided, y, weight, keep = as_tensors(
        decisions=decisions, target=target, sample_weight=sample_weight, where=where
    )
    a = _memberships(decided, task, classes, keep)
    check_scope(scope, a.shape if task == "binary" else a.shape[:-1])
    found = examples(a, y, task, a.shape[-1] if a.ndim else 1, weight, keep)
    return tables(found, task, scope)


def confusion_matrix(
    decisions: Decisions | ArrayLike,
    target: Target | ArrayLike,
    *,
    classes: int | None = None,
    sample_weight: Tensor | ArrayLike | None = None,
    where: Tensor | ArrayLike | None = None,
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
        `sklearn.metrics.confusion_matrix`; in float64 where the device has it.

    Raises:
        TypeError: If an argument has the wrong dtype.
        ValueError: If shapes do not match, decisions are no memberships, a label is out
            of range, rows of `target` are no probabilities, or a weight is negative.

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
    decided, y, weight, keep = as_tensors(
        decisions=decisions, target=target, sample_weight=sample_weight, where=where
    )
    a = _memberships(decided, "multiclass", classes, keep)
    width = classes or a.shape[-1]
    found = examples(a, y, "multiclass", width, weight, keep)
    return matrices(found, width, "batch")


def _memberships(
    decisions: Tensor, task: Task, classes: int | None, where: Tensor | None
) -> Tensor:
    check.tensor("decisions", decisions)
    if decisions.is_floating_point():
        return upcast(decisions)
    if task != "multiclass":
        return decisions.double()
    if classes is None:
        raise ValueError(
            "classes must be given where decisions are labels, got None; it is the "
            "number of classes, which labels alone do not tell"
        )
    if where is not None:
        check.mask(where, decisions.shape)
        decisions = decisions.masked_fill(~where, 0)
    check.labels("decisions", decisions, decisions.shape, classes)
    hot = one_hot(decisions, classes, torch.float64)
    bad = bad_target(decisions, classes)
    return hot if bad is None else hot.masked_fill(bad.unsqueeze(-1), torch.nan)

"""Any metric of the confusion matrix as a loss: relax, count, measure."""

from collections.abc import Callable
from functools import partial
from typing import Literal, TypedDict, Unpack, get_args

import torch
from torch import Tensor

from . import _check, relaxations
from ._averaging import Average
from ._math import upcast
from .confusion import Counts, Scope, Task, check_scope, confusion_matrix, counts
from .relaxations import Relaxation

Of = Literal["counts", "matrix"]
Table = Counts | Tensor
Metric = Callable[..., Tensor]
MetricLoss = Callable[..., Tensor]


class Counting(TypedDict, total=False):
    """How a batch loss counts; see `metric_loss`."""

    relaxation: Relaxation | None
    task: Task
    scope: Scope
    sample_weight: Tensor | None
    where: Tensor | None
    sum_counts: Callable[..., Counts | Tensor] | None


def metric_loss(metric: Metric, *, of: Of = "counts") -> MetricLoss:
    """A loss, `1 - metric`, out of any function of the counts.

    The loss relaxes the logits to soft decisions, counts them against the targets over
    the whole batch, and measures. `costfn` has one for each of `costfn.metrics`; this
    makes them for metrics of your own.

    Args:
        metric: Differentiable function of `Counts`, or of a confusion matrix `(classes,
            classes)`, to a scalar or one value per class; larger is better.
        of: What the metric takes: `"counts"`, or the `"matrix"`, which costs `classes`
            times as much.

    Returns:
        A function of `logits`, `target` and, keyword-only:

        - `relaxation`: From logits to memberships, `costfn.relaxations`; default
          `softmax()`.
        - `task`: `"multiclass"`: logits `(*batch, classes)` and labels `(*batch,)` or
          probabilities `(*batch, classes)`. `"multilabel"`: logits and 0/1 targets
          `(*batch, labels)`. `"binary"`: logits and 0/1 targets `(*batch,)`.
        - `scope`: `"batch"` counts over all batch axes; `"example"` for each entry of
          the first one (an image) and takes the mean of the losses.
        - `sample_weight`, `where`: weights and mask of the examples, `(*batch,)`; what
          is masked reaches neither value nor gradient.
        - `sum_counts`: function of the counts to their sum over all devices.

        It returns a scalar, or a value per class where the metric does, in the dtype of
        the logits; 0 with gradient 0 where the metric is undefined (NaN).

    Raises:
        ValueError: If `of` is unknown.

    Example:
        >>> import torch, costfn
        >>> def critical_success_index(c):
        ...     hits = c.true_positive[1]
        ...     return hits / (c.predicted[1] + c.actual[1] - hits)
        >>> loss = costfn.metric_loss(critical_success_index)
        >>> logits = torch.tensor([2.0, -2.0, 2.0])
        >>> loss(logits, torch.tensor([1, 0, 0]), task="binary")
        tensor(0.5596)

    Source:
        Marchetti et al., "Score-Oriented Loss (SOL) Functions", Pattern Recognition
        132, 2022. https://arxiv.org/abs/2103.15522
    """
    _check.one_of("of", of, get_args(Of))

    def loss(logits: Tensor, target: Tensor, **counting: Unpack[Counting]) -> Tensor:
        return one_less(metric, of, logits, target, **counting)

    return loss


def one_less(
    metric: Metric,
    of: Of,
    logits: Tensor,
    target: Tensor,
    **counting: Unpack[Counting],
) -> Tensor:
    """`1 - metric` of the batch, 0 where the metric is undefined."""
    return batch_loss(lambda table: 1 - metric(table), of, logits, target, **counting)


def averaged_loss(
    metric: Metric,
    average: Average | None,
    logits: Tensor,
    target: Tensor,
    **counting: Unpack[Counting],
) -> Tensor:
    """`1 - metric` with an average over the classes, where that makes sense."""
    several = counting.get("task", "multiclass") == "multilabel"
    if average == "micro" and not several:
        raise ValueError(
            "average must be 'macro', 'weighted', 'binary' or None where each example "
            "has one label, got 'micro': every mistake is then one false positive and "
            "one false negative, so that the metric is accuracy or a function of it "
            "and weights of the two cancel; use accuracy_loss"
        )
    if average != "samples":
        return one_less(
            partial(metric, average=average), "counts", logits, target, **counting
        )
    if not several or logits.ndim != 2:
        raise ValueError(
            "average must not be 'samples' unless task is 'multilabel' and logits are "
            f"(examples, labels), got logits of shape {tuple(logits.shape)}"
        )
    # Each example is a table of its own: examples take the place of the labels.
    weight, where = counting.pop("sample_weight", None), counting.get("where")
    if weight is not None:
        _check.weights("sample_weight", weight, logits.shape[:-1])
    if where is not None:
        each = _keep(where, logits, "multilabel").expand_as(logits)
        counting["where"] = each.mT

    def weighed(table: Counts) -> Tensor:
        if weight is not None:
            table = Counts(*(weight.to(x.dtype) * x for x in table))
        return metric(table, average="samples")

    return one_less(weighed, "counts", logits.mT, target.mT, **counting)


def batch_loss(
    measure: Metric,
    of: Of,
    logits: Tensor,
    target: Tensor,
    *,
    relaxation: Relaxation | None = None,
    task: Task = "multiclass",
    scope: Scope = "batch",
    sample_weight: Tensor | None = None,
    where: Tensor | None = None,
    sum_counts: Callable[..., Counts | Tensor] | None = None,
) -> Tensor:
    """A measure of the batch's counts, 0 where it is undefined; smaller is better."""
    _check.one_of("task", task, get_args(Task))
    _check.one_of("scope", scope, get_args(Scope))
    decisions = _decisions(logits, task, where, relaxation)
    table: Table
    if of == "counts":
        table = counts(
            decisions,
            target,
            task=task,
            scope=scope,
            sample_weight=sample_weight,
            where=where,
        )
    else:
        table = _matrix(decisions, target, task, scope, sample_weight, where)
    table = table if sum_counts is None else sum_counts(table)
    loss = measure(table)
    # Undefined is 0; but NaN that came in with the logits must go out again.
    sums = [x.sum() for x in (table if isinstance(table, Counts) else [table])]
    known = torch.stack(sums).sum().isfinite()
    loss = torch.where(loss.isnan() & known, 0.0, loss)
    return (loss.mean(0) if scope == "example" else loss).to(logits.dtype)


def _decisions(
    logits: Tensor, task: Task, where: Tensor | None, relaxation: Relaxation | None
) -> Tensor:
    _check.tensor("logits", logits)
    if task == "multiclass":
        _check.scores("logits", logits)
    elif not logits.is_floating_point():
        raise TypeError(f"logits must be floating point, got {logits.dtype}")
    z = upcast(logits)
    if where is not None:
        # Before the relaxation, whose gradient of a masked NaN would be NaN.
        z = torch.where(_keep(where, z, task), z, 0.0)
    relax = relaxations.softmax() if relaxation is None else relaxation
    if task == "multiclass":
        return relax(z)
    return relax(torch.stack([torch.zeros_like(z), z], -1))[..., 1]


def _keep(where: Tensor, logits: Tensor, task: Task) -> Tensor:
    """The mask of the examples, or of their labels, with as many axes as the logits."""
    _check.tensor("where", where)
    each = task == "binary" or (task == "multilabel" and where.ndim == logits.ndim)
    _check.mask(where, logits.shape if each else logits.shape[:-1])
    return where if each else where.unsqueeze(-1)


def _matrix(
    decisions: Tensor,
    target: Tensor,
    task: Task,
    scope: Scope,
    sample_weight: Tensor | None,
    where: Tensor | None,
) -> Tensor:
    if task == "multilabel":
        raise ValueError(
            "task must be 'multiclass' or 'binary' for a metric of the confusion "
            "matrix, got 'multilabel', where an example has no one class"
        )
    if task == "binary":
        decisions = torch.stack([1 - decisions, decisions], -1)
        if target.is_floating_point():
            target = torch.stack([1 - target, target], -1)
        else:
            target = target.long()

    def of_one(
        a: Tensor, y: Tensor, *, w: Tensor | None, keep: Tensor | None
    ) -> Tensor:
        return confusion_matrix(a, y, sample_weight=w, where=keep)

    check_scope(scope, decisions.shape[:-1])
    if scope == "batch":
        return of_one(decisions, target, w=sample_weight, keep=where)
    given = {"w": sample_weight, "keep": where}
    tensors = {name: x for name, x in given.items() if x is not None}
    missing = {name: None for name, x in given.items() if x is None}
    over_images = torch.func.vmap(lambda a, y, t: of_one(a, y, **t, **missing))
    matrices: Tensor = over_images(decisions, target, tensors)
    return matrices

"""Any metric of the confusion matrix as a loss: relax, count, measure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypedDict, Unpack, get_args

import torch
from torch import Tensor

from .._foundation import check
from .._foundation.counting import (
    Scope,
    Task,
    check_scope,
    examples,
    in_two_columns,
    matrices,
    tables,
)
from .._foundation.counts import Counts
from .._foundation.groups import mean_over_images, weight_of, weight_of_images
from .._foundation.hidden import checked_weights
from .._foundation.math import cast_back, sum_type, upcast
from .._foundation.reduce import Reduction
from .._foundation.soft_decisions import Relaxation, SoftDecision, Softmax
from .averaging import Average

Of = Literal["counts", "matrix"]
Table = Counts | Tensor
Metric = Callable[..., Tensor]


class Counting(TypedDict, total=False):
    """How a batch loss counts; see `metric_loss`."""

    relaxation: Relaxation | None
    task: Task
    scope: Scope
    sample_weight: Tensor | None
    where: Tensor | None
    sum_counts: Callable[..., Counts | Tensor] | None
    reduction: Reduction


@dataclass(frozen=True)
class MetricLoss:
    """A loss made by `costfn.metric_loss`; can be pickled where its metric can."""

    metric: Metric
    of: Of = "counts"

    def __call__(
        self, logits: Tensor, target: Tensor, **counting: Unpack[Counting]
    ) -> Tensor:
        """`1 - metric` of the batch."""
        return one_less(self.metric, self.of, logits, target, ours=False, **counting)


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
          the first one (an image) and takes the mean of the losses over the images
          that have any weight and for which the metric is defined (not NaN).
        - `sample_weight`, `where`: weights and mask of the examples, `(*batch,)`, for
          `"multilabel"` also `(*batch, labels)`; what is masked may hold anything and
          changes neither value nor gradient. With `scope="example"` weights of the
          shape `(images,)` weigh the images in the mean. (A weight that is the same for
          all pixels of an image cancels out of the image's counts.)
        - `sum_counts`: function of the counts to their sum over all devices.
        - `reduction`: `"mean"`, `"sum"` or `"none"` over the images of
          `scope="example"`; with `scope="batch"` there is one loss to reduce.

        It returns a scalar (one per image for `"none"`), or a value per class where the
        metric does, in the dtype of the logits; 0 with gradient 0 where the metric is
        undefined (NaN), or where nothing is left to judge.

    Raises:
        TypeError: If `metric` is no function.
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
    if not callable(metric):
        raise TypeError(f"metric must be a function, got {type(metric).__name__}")
    check.one_of("of", of, get_args(Of))
    return MetricLoss(metric, of)


def one_less(
    metric: Metric,
    of: Of,
    logits: Tensor,
    target: Tensor,
    *,
    ours: bool = True,
    **counting: Unpack[Counting],
) -> Tensor:
    """`1 - metric` of the batch, 0 where the metric is undefined."""
    return batch_loss(
        lambda table: 1 - metric(table),
        of,
        logits,
        target,
        may_be_nan=ours and _takes_tensors(metric),
        **counting,
    )


def _takes_tensors(metric: Metric) -> bool:
    """Whether an option is a tensor, which is NaN if a bad value cannot be seen."""
    if torch.compiler.is_compiling():
        return True  # while tracing, a partial is no partial to look into
    options = metric.keywords.values() if isinstance(metric, partial) else ()
    return any(isinstance(value, Tensor) for value in options)


def averaged_loss(
    metric: Metric,
    average: Average | None,
    classes: Sequence[int] | None,
    logits: Tensor,
    target: Tensor,
    **counting: Unpack[Counting],
) -> Tensor:
    """`1 - metric` with an average over the classes, where that makes sense."""
    several = counting.get("task", "multiclass") == "multilabel"
    if average == "micro" and not several:
        check.tensor("logits", logits)
        number = 2 if counting.get("task") == "binary" else logits.shape[-1]
        if classes is None or len(set(classes)) >= number:
            raise ValueError(
                "average must be 'macro', 'weighted', 'binary' or None where each "
                "example has one label, got 'micro' over all classes: every mistake is "
                "then one false positive and one false negative, so that the metric is "
                "accuracy or a function of it and weights of the two cancel; use "
                "accuracy_loss, or leave classes out by classes=[...]"
            )
    if average != "samples":
        measure = partial(metric, average=average, classes=classes)
        return one_less(measure, "counts", logits, target, **counting)
    if not several or logits.ndim != 2:
        raise ValueError(
            "average must not be 'samples' unless task is 'multilabel' and logits are "
            f"(examples, labels), got logits of shape {tuple(logits.shape)}"
        )
    return _of_samples(metric, classes, logits, target, **counting)


def _of_samples(
    metric: Metric,
    classes: Sequence[int] | None,
    logits: Tensor,
    target: Tensor,
    **counting: Unpack[Counting],
) -> Tensor:
    """Each example is a table of its own: examples take the place of the labels."""
    weight, where = counting.pop("sample_weight", None), counting.get("where")
    if where is not None:
        check.mask(where, logits.shape if where.ndim == 2 else logits.shape[:-1])
        where = where.reshape(len(where), -1).expand_as(logits)
        counting["where"] = where.mT
    of_example: Tensor | None = None
    if weight is not None and weight.shape == logits.shape[:-1]:
        left = weight if where is None else torch.where(where.any(-1), weight, 0)
        check.weights("sample_weight", left, left.shape)
        of_example = checked_weights(left, sum_type(left))
        # In the mean alone, and not in the counts, beside which `smooth` stands; but 0
        # takes an example out, and NaN goes on.
        ones = torch.where(of_example > 0, 1.0, of_example)
        weight = ones.unsqueeze(-1).expand_as(logits)
    if weight is not None:
        check.same_shape("sample_weight", weight, logits.shape)
        counting["sample_weight"] = weight.mT

    def weighed(table: Counts) -> Tensor:
        own = metric.keywords if isinstance(metric, partial) else {}
        refused = own.get("class_weight") is not None
        if of_example is None or len(of_example) < 2 or refused:
            return metric(table, average="samples")
        each = of_example * table.total
        return metric(table, average="macro", class_weight=each)

    if classes is not None:
        index = check.classes(classes, logits.shape[-1], logits.device)
        logits, target = logits[..., index], target[..., index]
        if (of_label := counting.get("where")) is not None:
            counting["where"] = of_label[index]
        if (of_label := counting.get("sample_weight")) is not None:
            counting["sample_weight"] = of_label[index]
    return batch_loss(
        lambda table: 1 - weighed(table),
        "counts",
        logits.mT,
        target.mT,
        may_be_nan=_takes_tensors(metric),
        **counting,
    )


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
    reduction: Reduction = "mean",
    undefined_is_nan: bool = True,
    may_be_nan: bool = False,
) -> Tensor:
    """A measure of the batch's counts; smaller is better, NaN is undefined.

    Unless the measure has inputs of its own, from which NaN may come: a cost, or an
    option out of range that could not be seen (`may_be_nan`).
    """
    check.one_of("task", task, get_args(Task))
    check.one_of("scope", scope, get_args(Scope))
    check.one_of("reduction", reduction, get_args(Reduction))
    for name, value in (("relaxation", relaxation), ("sum_counts", sum_counts)):
        if value is not None and not callable(value):
            raise TypeError(
                f"{name} must be a function or None, got {type(value).__name__}"
            )
    decisions = _decisions(logits, task, where, relaxation)
    batch = decisions.shape if task == "binary" else decisions.shape[:-1]
    check_scope(scope, batch)
    of_image, sample_weight = weight_of_images(sample_weight, where, batch, scope)
    classes = decisions.shape[-1] if decisions.ndim else 1
    trusted = relaxation is None or isinstance(relaxation, SoftDecision)
    found = examples(
        decisions, target, task, classes, sample_weight, where, trusted=trusted
    )
    table: Table
    if of == "counts":
        table = tables(found, task, scope)
    elif task == "multilabel":
        raise ValueError(
            "task must be 'multiclass' or 'binary' for a metric of the confusion "
            "matrix, got 'multilabel', where an example has no one class"
        )
    else:
        pairs = found if task == "multiclass" else in_two_columns(found)
        table = matrices(pairs, pairs.decisions.shape[-1], scope)
    table = table if sum_counts is None else sum_counts(table)
    total, known = weight_of(table)
    known = known & undefined_is_nan
    if may_be_nan:
        known = known & ~measure(_even(table)).isnan().any()
    losses = mean_over_images(measure(table), total, known, of_image, scope, reduction)
    return cast_back(losses, logits)


def _even(table: Table) -> Table:
    """One like it where nothing is 0/0: NaN of that is of an option out of range."""
    if isinstance(table, Tensor):
        return torch.ones_like(table)
    one = torch.ones_like(table.actual)
    total = 2 * one.sum(-1) if table.one_label else 4 * one
    whole = total.unsqueeze(-1) if table.one_label else total
    return Counts(one, 2 * one, 2 * one, total, one, one, whole * one - 3)


def _decisions(
    logits: Tensor, task: Task, where: Tensor | None, relaxation: Relaxation | None
) -> Tensor:
    if task == "multiclass":
        check.scores("logits", logits)
    else:
        check.floating_point("logits", logits)
    z = upcast(logits)
    if where is not None:
        # Before the relaxation, whose gradient of a masked NaN would be NaN.
        check.tensor("where", where)
        each = task == "binary" or (task == "multilabel" and where.ndim == z.ndim)
        check.mask(where, z.shape if each else z.shape[:-1])
        z = torch.where(where if each else where.unsqueeze(-1), z, 0.0)
    relax = Softmax() if relaxation is None else relaxation
    if task == "multiclass":
        return relax(z)
    return relax(torch.stack([torch.zeros_like(z), z], -1))[..., 1]

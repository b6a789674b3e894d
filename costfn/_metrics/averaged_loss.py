"""Losses of an average over the classes, where such an average makes sense."""

import torch
from torch import Tensor

from .._foundation import check
from .._foundation.counts import Counts
from .._foundation.hidden import checked_weights
from .._foundation.math import sum_type
from .averaging import Averaging, Formula, averaged
from .batch_loss import Counting, any_tensor, batch_loss


def averaged_loss(
    logits: Tensor,
    target: Tensor,
    counting: Counting,
    averaging: Averaging,
    formula: Formula,
    *options: float | Tensor,
) -> Tensor:
    """1 minus the average of a formula of the cells of each class."""
    several = counting.get("task", "multiclass") == "multilabel"
    if averaging.average == "micro" and not several:
        _check_micro(logits, counting, averaging)
    if averaging.average == "samples":
        if not several or logits.ndim != 2:
            raise ValueError(
                "average must not be 'samples' unless task is 'multilabel' and logits "
                f"are (examples, labels), got logits of shape {tuple(logits.shape)}"
            )
        return _over_samples(logits, target, counting, averaging, formula, *options)
    return batch_loss(
        lambda table: 1 - averaged(table, averaging, formula, *options),
        "counts",
        logits,
        target,
        may_be_nan=any_tensor(*options, *averaging),
        **counting,
    )


def _check_micro(logits: Tensor, counting: Counting, averaging: Averaging) -> None:
    check.tensor("logits", logits)
    number = 2 if counting.get("task") == "binary" else logits.shape[-1]
    if averaging.classes is None or len(set(averaging.classes)) >= number:
        raise ValueError(
            "average must be 'macro', 'weighted', 'binary' or None where each "
            "example has one label, got 'micro' over all classes: every mistake is "
            "then one false positive and one false negative, so that the metric is "
            "accuracy or a function of it and weights of the two cancel; use "
            "accuracy_loss, or leave classes out by classes=[...]"
        )


def _over_samples(
    logits: Tensor,
    target: Tensor,
    counting: Counting,
    averaging: Averaging,
    formula: Formula,
    *options: float | Tensor,
) -> Tensor:
    """The mean over examples: each takes the place of a class, with its own counts.

    So logits, target, weights and mask are transposed. The labels are then the axis
    that is summed over, and the choice of `classes` is made here.
    """
    counting = counting.copy()
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
        # A weight of an example enters the mean only. In the counts it would change
        # what `smooth` is worth. But 0 takes an example out, and NaN is passed on.
        ones = torch.where(of_example > 0, 1.0, of_example)
        weight = ones.unsqueeze(-1).expand_as(logits)
    if weight is not None:
        check.same_shape("sample_weight", weight, logits.shape)
        counting["sample_weight"] = weight.mT
    if averaging.classes is not None:
        index = check.classes(averaging.classes, logits.shape[-1], logits.device)
        logits, target = logits[..., index], target[..., index]
        if (of_label := counting.get("where")) is not None:
            counting["where"] = of_label[index]
        if (of_label := counting.get("sample_weight")) is not None:
            counting["sample_weight"] = of_label[index]
    averaging = averaging._replace(classes=None)

    def measure(table: Counts) -> Tensor:
        mean = averaging
        # `averaged` refuses weights of classes in an average over samples.
        if of_example is not None and len(of_example) > 1 and mean.class_weight is None:
            each = of_example * table.total
            mean = mean._replace(average="macro", class_weight=each)
        return 1 - averaged(table, mean, formula, *options)

    return batch_loss(
        measure,
        "counts",
        logits.mT,
        target.mT,
        may_be_nan=any_tensor(*options, *averaging),
        **counting,
    )

"""What modules are given, checked when they are made."""

from collections.abc import Callable, Sequence
from operator import index as as_int
from typing import Any, get_args

import numpy as np
from torch import Tensor

from costfn import Counts, Reduction
from costfn.confusion import Scope, Task
from costfn.front_end import (
    ArrayLike,
    as_tensor,
    check_cost_matrix,
    check_cost_values,
    check_numbers,
    check_one_of,
)
from costfn.metrics import Absent, Average
from costfn.relaxations import Relaxation

IgnoreIndex = int | Sequence[int] | None
"""A label that takes its example out, several, or none."""
Ignored = int | tuple[int, ...] | None
PosWeight = float | Tensor | ArrayLike | None
SumCounts = Callable[..., Counts | Tensor]


def checked_cost(value: Tensor | ArrayLike) -> Tensor:
    """A cost matrix, checked."""
    cost = as_tensor("cost", value)
    check_cost_matrix("cost", cost)
    return cost


def checked_ignore_index(ignore_index: IgnoreIndex) -> Ignored:
    """The labels to ignore, checked, as integers of Python."""
    if ignore_index is None:
        return None
    several = isinstance(ignore_index, Sequence | np.ndarray | Tensor)
    given: Any = ignore_index if several else [ignore_index]
    try:
        labels = tuple(as_int(label) for label in given)
    except TypeError:
        labels = ()
    if isinstance(ignore_index, bool | str) or (not labels and len(given)):
        raise TypeError(
            "ignore_index must be an integer, several of them or None, got "
            f"{ignore_index!r}"
        )
    return labels if several else labels[0]


def checked_weight(
    value: Tensor | ArrayLike | None, *, labels: bool = False
) -> Tensor | None:
    """One weight for each of two or more classes, or for each label; checked."""
    if value is None:
        return None
    weight = as_tensor("weight", value)
    check_numbers("weight", weight)
    if weight.ndim != 1 or len(weight) < (1 if labels else 2):
        what = "label, shape (labels,)" if labels else "class, shape (classes,)"
        raise ValueError(
            f"weight must be one number per {what}, got {tuple(weight.shape)}"
        )
    check_cost_values("weight", weight, non_negative=True)
    return weight


def checked_pos_weight(value: PosWeight) -> float | Tensor | None:
    """The weight of labels that are there: a number, or one for each label; checked."""
    if value is None:
        return None
    weight = as_tensor("pos_weight", value)
    check_numbers("pos_weight", weight)
    if weight.ndim > 1:
        raise ValueError(
            "pos_weight must be one number, or one for each label, got shape "
            f"{tuple(weight.shape)}"
        )
    check_cost_values("pos_weight", weight, non_negative=True)
    return float(value) if isinstance(value, int | float) else weight


def checked_smoothing(label_smoothing: float) -> float:
    """The share of the target that smoothing moves, checked."""
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing must be in [0, 1], got {label_smoothing}")
    return label_smoothing


def checked_reduction(reduction: Reduction) -> Reduction:
    """The reduction of losses per example, checked."""
    check_one_of("reduction", reduction, get_args(Reduction))
    return reduction


def habits_of_examples(
    weight: Tensor | ArrayLike | None,
    ignore_index: IgnoreIndex,
    label_smoothing: float,
    reduction: Reduction,
) -> dict[str, object]:
    """Of a loss per example: those of `torch.nn.CrossEntropyLoss`, checked."""
    return {
        "weight": checked_weight(weight),
        "ignore_index": checked_ignore_index(ignore_index),
        "label_smoothing": checked_smoothing(label_smoothing),
        "reduction": checked_reduction(reduction),
    }


def habits_of_counts(
    task: Task,
    weight: Tensor | ArrayLike | None,
    pos_weight: PosWeight,
    ignore_index: IgnoreIndex,
    label_smoothing: float,
) -> dict[str, object]:
    """Of a loss of the batch, checked, also against the task."""
    check_one_of("task", task, get_args(Task))
    if task == "binary" and weight is not None:
        raise ValueError(
            "weight must be None for task 'binary', where there is one label, got "
            "weights; pos_weight weighs the positive examples"
        )
    if task == "multiclass" and pos_weight is not None:
        raise ValueError(
            "pos_weight must be None for task 'multiclass', got "
            f"{pos_weight!r}; weight has one number per class"
        )
    return {
        "weight": checked_weight(weight, labels=task == "multilabel"),
        "pos_weight": checked_pos_weight(pos_weight),
        "ignore_index": checked_ignore_index(ignore_index),
        "label_smoothing": checked_smoothing(label_smoothing),
    }


def checked_class_weight(class_weight: Tensor | ArrayLike | None) -> Tensor | None:
    """Weights of the classes in a mean over them."""
    return None if class_weight is None else as_tensor("class_weight", class_weight)


def averaging(
    average: Average | None,
    zero_division: float,
    absent: Absent,
    classes: Sequence[int] | None,
    class_weight: Tensor | ArrayLike | None,
) -> dict[str, object]:
    """The options of an average over the classes, by name."""
    return {
        "average": average,
        "zero_division": zero_division,
        "absent": absent,
        "classes": classes,
        "class_weight": checked_class_weight(class_weight),
    }


def counting(
    relaxation: Relaxation | None,
    task: Task,
    scope: Scope,
    sum_counts: SumCounts | None,
    reduction: Reduction,
) -> dict[str, object]:
    """The options of counting, by name; see `costfn.metric_loss`."""
    return {
        "relaxation": relaxation,
        "task": task,
        "scope": scope,
        "sum_counts": sum_counts,
        "reduction": reduction,
    }

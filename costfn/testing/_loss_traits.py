"""Traits of a loss that trials show before any clause is checked.

They are: whether it returns one loss per example, which dtype it computes in, and
whether its labels name groups instead of classes.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from ._dtypes import working_dtype_of
from ._learning import same_for
from ._trial import Trial

Found = TypeVar("Found")


def with_loss_traits(trials: Sequence[Trial], per_sample: bool | None) -> Trial:
    """The first trial with the traits of the loss; the largest batch comes first."""
    first = trials[0]
    if per_sample is None:
        per_sample = _or_default(lambda: first.losses().ndim > 0, True)
    return replace(
        first,
        per_sample=per_sample,
        working_dtype=_or_default(lambda: working_dtype_of(first), "float64"),
        labels_are_groups=_or_default(lambda: _labels_are_groups(trials), False),
    )


def _or_default(look: Callable[[], Found], default: Found) -> Found:
    try:
        return look()
    except Exception:
        return default  # a clause will raise the same error and report it


def _labels_are_groups(trials: Sequence[Trial]) -> bool:
    """Whether labels only say which examples belong together.

    In losses of pairs and triplets any integer may name a group, so that renaming the
    labels changes neither loss nor gradient.
    """
    several = [trial for trial in trials if _holds_several_labels(trial)]
    return bool(several) and all(
        same_for(trial.nudged(), _renamed(trial.arguments[1])) for trial in several
    )


def _holds_several_labels(trial: Trial) -> bool:
    if trial.task != "multiclass" or not trial.arguments[1:]:
        return False
    target = trial.arguments[1]
    return target.dtype.kind in "iu" and len(np.unique(target)) > 1


def _renamed(labels: np.typing.NDArray[np.int64]) -> np.typing.NDArray[np.int64]:
    names, index = np.unique(labels, return_inverse=True)
    other: np.typing.NDArray[np.int64] = np.roll(names, 1)[index.reshape(labels.shape)]
    return other

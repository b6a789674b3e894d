"""What kind of loss it is, found by trying before any clause is checked."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from ._dtypes import arithmetic_of
from ._learning import same_for
from ._trial import Trial

Found = TypeVar("Found")


def examined(trials: Sequence[Trial], per_sample: bool | None) -> Trial:
    """The first trial, with what they show of the loss; the largest comes first."""
    first = trials[0]
    if per_sample is None:
        per_sample = _or_if_it_fails(lambda: first.losses().ndim > 0, True)
    return replace(
        first,
        per_sample=per_sample,
        arithmetic=_or_if_it_fails(lambda: arithmetic_of(first), "float64"),
        groups=_or_if_it_fails(lambda: _names_groups(trials), False),
    )


def _or_if_it_fails(look: Callable[[], Found], usual: Found) -> Found:
    try:
        return look()
    except Exception:
        return usual  # a clause will say what is wrong


def _names_groups(trials: Sequence[Trial]) -> bool:
    """Whether labels only say who belongs together: in other names they say the same.

    So it is in losses of pairs and triplets, where any integer will do.
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

"""Checks of the classes and options before any training."""

from typing import Any, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ._costs import NamedCost
from ._errors import InputError, listed
from ._experiment import Settings
from ._training import Model


def check_settings(
    model: Model, folds: int, repeats: int, seed: int, metric: str
) -> Settings:
    """The settings of a comparison.

    Raises:
        InputError: If one is out of its range.
    """
    if model not in get_args(Model):
        raise InputError(f"model must be of {listed(get_args(Model))}, got {model!r}")
    for option, value, least in (
        ("folds", folds, 2),
        ("repeats", repeats, 1),
        ("seed", seed, 0),
    ):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise InputError(f"{option} must be {least} or more, got {value!r}")
    return Settings(model, folds, repeats, seed, metric)


def check_labels(y: Any) -> list[str]:
    """The class of each example as text.

    Raises:
        InputError: If an example does not have exactly one class.
    """
    labels = pd.Series(np.asarray(y).tolist() if np.ndim(y) == 1 else [None])
    if np.ndim(y) != 1 or labels.empty:
        raise InputError(
            f"y must hold a class for each example, got shape {np.shape(y)}"
        )
    if labels.isna().any():
        raise InputError(
            f"y must hold a class for every example, got {int(labels.isna().sum())} "
            "missing"
        )
    if labels.dtype.kind == "f" and (labels % 1 == 0).all():
        labels = labels.astype(int)
    return [str(label).strip() for label in labels]


def in_order(classes: set[str]) -> list[str]:
    """The classes sorted as numbers if all are numbers, else as text."""
    try:
        return sorted(classes, key=float)
    except ValueError:
        return sorted(classes)


def check_counts(labels: NDArray[np.int64], cost: NamedCost, folds: int) -> None:
    """Refuses a class that some fold would lack.

    Raises:
        InputError: If a class has fewer examples than there are folds.
    """
    counts = np.bincount(labels, minlength=len(cost.classes))
    few = [
        f"{name!r} ({count})"
        for name, count in zip(cost.classes, counts, strict=True)
        if count < folds
    ]
    if few:
        shown = ", ".join(few[:10]) + (f", ... ({len(few)} in all)" if few[10:] else "")
        raise InputError(
            f"classes must have at least {folds} examples each, one per fold, got "
            f"{shown}: use fewer folds, or merge or remove the rare classes"
        )


def unreasonable(cost: NamedCost) -> list[str]:
    """A note for each class whose correct decision is not the cheapest."""
    square = cost.matrix[:, : len(cost.classes)]
    return [
        f"If the truth is {name!r}, another decision is cheaper than {name!r}: check "
        "the cost matrix."
        for index, name in enumerate(cost.classes)
        if square[index, index] > square[index].min()
    ]

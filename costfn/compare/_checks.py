"""Checks of the classes and options before any training."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ._costs import NamedCost
from ._data import Classes, read_labels
from ._errors import InputError
from ._experiment import Settings


def check_settings(
    model: str, folds: int, repeats: int, seed: int, metric: str
) -> Settings:
    """The settings of a comparison.

    Raises:
        InputError: If one is out of its range.
    """
    for option, value, least in (
        ("folds", folds, 2),
        ("repeats", repeats, 1),
        ("seed", seed, 0),
    ):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise InputError(f"{option} must be {least} or more, got {value!r}")
    return Settings(model, folds, repeats, seed, metric)


def check_labels(y: Any) -> Classes:
    """The class of each example as text, in one spelling each.

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
    return read_labels(str(label) for label in labels)


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

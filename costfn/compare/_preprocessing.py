"""From a table of numbers, text and missing values to a matrix of numbers."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from ._errors import InputError, listed

MOST_CATEGORIES = 30


def check_features(features: object) -> pd.DataFrame:
    """The features as a table of float64 columns, and text columns with NaN for gaps.

    Constant columns are left out.

    Args:
        features: A table or array, one row per example.

    Returns:
        The table, with text for column names and rows numbered from 0.

    Raises:
        InputError: If the features are not a table, have two columns of the same name
            or an infinite number, or all columns are constant.
    """
    table = (
        features.reset_index(drop=True)
        if isinstance(features, pd.DataFrame)
        else pd.DataFrame(_two_axes(features))
    )
    names = [str(name) for name in table.columns]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InputError(f"X must name each column once, got {listed(repeated)} twice")
    columns = {}
    for name, (_, column) in zip(names, table.items(), strict=True):
        clean = _clean(column)
        if clean.dtype != object and np.isinf(clean).any():
            raise InputError(
                f"features must be finite, got infinity in column {name!r}"
            )
        # A missing value counts as a value: it has an indicator column.
        if clean.nunique(dropna=False) > 1:
            columns[name] = clean
    if not columns:
        raise InputError(
            f"features must have a column that varies, got {len(names)} that do not"
        )
    return pd.DataFrame(columns)


def _two_axes(features: object) -> NDArray[Any]:
    array = np.asarray(features)
    if array.ndim != 2:
        raise InputError(
            f"X must be of shape (examples, columns), got shape {array.shape}"
        )
    return array


def _clean(column: "pd.Series[Any]") -> "pd.Series[Any]":
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_complex_dtype(
        column
    ):
        return column.astype(np.float64)
    if column.dtype == object:
        try:
            return column.astype(np.float64)
        except (TypeError, ValueError):
            pass
    text = column.astype(object)
    missing = column.isna()
    return text.astype(str).astype(object).where(~missing, np.nan)


def preprocessor(features: pd.DataFrame) -> ColumnTransformer:
    """The steps before the model, to be fitted on a training fold only.

    Numbers: a missing value becomes the median and gets an indicator column; then the
    column is scaled to mean 0 and variance 1. Text: each category gets a column, and so
    do missing values. Beyond 30 categories the rarest share a column. A category that
    is not in the training fold goes to that column, or has none.

    Args:
        features: A table from `check_features`.

    Returns:
        The steps, not fitted; their output is a dense array.
    """
    numeric = [name for name in features if features[name].dtype != object]
    categorical = [name for name in features if features[name].dtype == object]
    impute = SimpleImputer(
        strategy="median", add_indicator=True, keep_empty_features=True
    )
    encode = OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        max_categories=MOST_CATEGORIES,
        sparse_output=False,
    )
    return ColumnTransformer(
        [
            ("numeric", make_pipeline(impute, StandardScaler()), numeric),
            ("categorical", encode, categorical),
        ],
        sparse_threshold=0.0,
    )

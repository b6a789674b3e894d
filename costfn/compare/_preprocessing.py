"""From a table of numbers, text and missing values to a matrix of numbers."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from ._data import Column, read_columns
from ._data.columns import MOST_CATEGORIES
from ._errors import InputError


def check_features(features: object) -> tuple[pd.DataFrame, list[Column]]:
    """The features as a table of float64 columns and of categories.

    Constant columns are left out.

    Args:
        features: A table or array, one row per example.

    Returns:
        The table, with text for column names and rows numbered from 0; and how each
        column was read.

    Raises:
        InputError: If the features are not a table, have two columns of the same name
            or an infinite number, or no column is left.
    """
    table = features
    if not isinstance(features, pd.DataFrame):
        table = pd.DataFrame(_two_axes(features))
    return read_columns(table)


def as_text(features: pd.DataFrame) -> pd.DataFrame:
    """The features with text, NaN for gaps, in place of categories."""
    text = features.select_dtypes("category")
    return features.astype(dict.fromkeys(text, object))


def _two_axes(features: object) -> NDArray[Any]:
    array = np.asarray(features)
    if array.ndim != 2:
        raise InputError(
            f"X must be of shape (examples, columns), got shape {array.shape}"
        )
    return array


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

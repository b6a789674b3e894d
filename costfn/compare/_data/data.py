"""What has been read: examples, classes, and what else is known of each example."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .columns import Column


@dataclass(frozen=True)
class Data:
    """Examples with their classes and, if they come with one, their cost matrix.

    Attributes:
        name: Name of the data in tables and plots.
        features: One row per example. Columns are float64 or categories.
        labels: The class of each example, shape `(examples,)`.
        cost: Costs `C[true, decision]` with class names on both axes, or None.
        source: Where the data and their costs come from.
        columns: How each column was read.
        notes: What else was changed in reading, in sentences.
        weight: How much each example counts, shape `(examples,)`, or None.
        groups: What must not be divided between training and test, or None.
        time: What orders the examples in time, as numbers, or None.
        amounts: Columns that a cost file may name, each `(examples,)`.
    """

    name: str
    features: pd.DataFrame
    labels: "pd.Series[str]"
    cost: pd.DataFrame | None
    source: str
    columns: list[Column] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    weight: NDArray[np.float64] | None = None
    groups: NDArray[np.int64] | None = None
    time: NDArray[np.float64] | None = None
    amounts: dict[str, NDArray[np.float64]] = field(default_factory=dict)

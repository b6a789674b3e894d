"""Reading the data: a table of text, how each column is read, the classes."""

from .built_in import BUILT_IN
from .cells import read_cells
from .columns import Column, read_columns
from .data import Data
from .features import read_features
from .labels import Classes, read_labels
from .load import load_data

__all__ = [
    "BUILT_IN",
    "Classes",
    "Column",
    "Data",
    "load_data",
    "read_cells",
    "read_columns",
    "read_features",
    "read_labels",
]

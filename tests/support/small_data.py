"""Data small enough to train on in a test."""

import numpy as np
import pandas as pd

COST = pd.DataFrame([[0, 1], [5, 0]], index=["good", "bad"], columns=["good", "bad"])


def overlapping(examples=90, seed=0):
    """Two overlapping classes with means 1 apart, and a text column of noise."""
    generator = np.random.default_rng(seed)
    bad = np.arange(examples) % 3 == 0
    table = pd.DataFrame(
        {
            "income": generator.normal(size=examples) - bad,
            "noise": generator.choice(["a", "b"], size=examples),
        }
    )
    return table, np.where(bad, "bad", "good")


def row_of(found, loss, decision):
    """The row of a loss and a decision in a comparison."""
    return next(
        row for row in found.summary if (row.loss, row.decision) == (loss, decision)
    )

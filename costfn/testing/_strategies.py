"""Hypothesis strategies for scores and labels, as NumPy arrays.

Few shapes, since each is a compilation in JAX and `torch.compile`; numbers that
float16 holds exactly, so that every dtype of a test sees the same ones.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from hypothesis.strategies import SearchStrategy
from numpy.typing import NDArray

Array = NDArray[Any]
Arrays = SearchStrategy[Array]
OneOf = int | Sequence[int]

CLASSES = (2, 4)
SIZES = (1, 5)
LARGEST = 20.0
PARTS = 64  # of which soft labels are made: k / 64 is exact in every dtype


def one_of(name: str, choices: OneOf, least: int) -> SearchStrategy[int]:
    """One of a few sizes."""
    several = (choices,) if isinstance(choices, int) else tuple(choices)
    if not several or min(several) < least:
        raise ValueError(f"{name} must be at least {least}, got {choices}")
    return st.sampled_from(several)


def shapes(sizes: OneOf, classes: OneOf, least: int) -> SearchStrategy[tuple[int, int]]:
    """Shapes of a batch, of this many classes at least."""
    return st.tuples(one_of("sizes", sizes, 0), one_of("classes", classes, least))


def numbers(shape: tuple[int, ...], low: float, high: float) -> Arrays:
    """Numbers that float16 holds, and that shrink to 0."""
    if not -65504 <= low < high <= 65504:
        raise ValueError(
            f"numbers must lie between two of float16, got {low} to {high}"
        )
    low, high = float(np.float16(low)), float(np.float16(high))
    elements = st.floats(low, high, width=16, allow_subnormal=False)
    # Without a fill each number shrinks by itself.
    return arrays(np.float64, shape, elements=elements, fill=st.nothing())


def logits(
    *, classes: OneOf = CLASSES, sizes: OneOf = SIZES, largest: float = LARGEST
) -> Arrays:
    """Scores of the classes for a batch.

    Args:
        classes: Number of classes, or several to choose from; at least 1.
        sizes: Number of examples, or several to choose from; 0 is an empty batch.
        largest: Bound on their magnitude, at most 65504.

    Returns:
        A strategy for float64 arrays `(size, classes)`.

    Raises:
        ValueError: If a number is out of its range.

    Example:
        >>> from hypothesis import given
        >>> from costfn.testing import logits
        >>> @given(logits(classes=3, sizes=(1, 4)))
        ... def test(z):
        ...     assert z.shape in [(1, 3), (4, 3)] and abs(z).max() <= 20
        >>> test()
    """
    return shapes(sizes, classes, 1).flatmap(
        lambda shape: numbers(shape, -largest, largest)
    )


def labels(*, classes: OneOf = CLASSES, sizes: OneOf = SIZES) -> Arrays:
    """Class indices for a batch.

    Args:
        classes: Number of classes, or several to choose from; at least 1.
        sizes: Number of examples, or several to choose from; 0 is an empty batch.

    Returns:
        A strategy for int64 arrays `(size,)`, with entries in `[0, classes)`.

    Raises:
        ValueError: If a number is out of its range.

    Example:
        >>> from hypothesis import given
        >>> from costfn.testing import labels
        >>> @given(labels(classes=3, sizes=4))
        ... def test(y):
        ...     assert y.shape == (4,) and set(y) <= {0, 1, 2}
        >>> test()
    """
    return shapes(sizes, classes, 1).flatmap(
        lambda shape: arrays(np.int64, shape[0], elements=st.integers(0, shape[1] - 1))
    )


def soft_labels(*, classes: OneOf = CLASSES, sizes: OneOf = SIZES) -> Arrays:
    """Class probabilities for a batch: one-hot rows, rows with zeros, and others.

    They are whole 64ths: every dtype holds them exactly, and they sum to exactly 1.

    Args:
        classes: Number of classes, or several to choose from; from 2 to 64.
        sizes: Number of examples, or several to choose from; 0 is an empty batch.

    Returns:
        A strategy for float64 arrays `(size, classes)`.

    Raises:
        ValueError: If a number is out of its range.

    Example:
        >>> from hypothesis import given
        >>> from costfn.testing import soft_labels
        >>> @given(soft_labels())
        ... def test(q):
        ...     assert (q >= 0).all() and (q.sum(-1) == 1).all()
        >>> test()
    """
    return shapes(sizes, classes, 2).flatmap(lambda shape: probabilities(*shape))


def probabilities(size: int, classes: int) -> Arrays:
    """Rows cut at random out of 64 parts."""
    cuts = arrays(np.int64, (size, classes - 1), elements=st.integers(0, PARTS))

    def between(cut: Array) -> Array:
        return np.diff(np.sort(cut), prepend=0, append=PARTS) / PARTS

    return cuts.map(between)

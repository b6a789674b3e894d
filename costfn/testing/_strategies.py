"""Hypothesis strategies for scores and labels, as NumPy arrays.

There are few shapes, because JAX and `torch.compile` compile for each. Float16 and
bfloat16 hold all numbers exactly, so that every dtype of a test sees the same ones.
"""

import math
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
DIGITS = 8  # binary digits of bfloat16; float16 has 11
# The smallest and largest normal numbers of float16 with at most 8 digits.
SMALL, GREAT = 2.0**-14, 65280.0
PARTS = 64  # soft labels are k / 64, which every dtype holds exactly


def one_of(name: str, choices: OneOf, least: int) -> SearchStrategy[int]:
    """Draws one of a few sizes."""
    several = (choices,) if isinstance(choices, int) else tuple(choices)
    if not several or min(several) < least:
        raise ValueError(f"{name} must be at least {least}, got {choices}")
    return st.sampled_from(several)


def shapes(sizes: OneOf, classes: OneOf, least: int) -> SearchStrategy[tuple[int, int]]:
    """Draws the shape of a batch, with at least this many classes."""
    return st.tuples(one_of("sizes", sizes, 0), one_of("classes", classes, least))


def numbers(shape: tuple[int, ...], low: float, high: float) -> Arrays:
    """Arrays of numbers that float16 and bfloat16 hold exactly; they shrink to 0."""
    if not -65504 <= low < high <= 65504:
        raise ValueError(
            f"numbers must lie between two of float16, got {low} to {high}"
        )
    low, high = -_within_both_halves(-low), _within_both_halves(high)
    if not low < high:
        raise ValueError(
            f"numbers must lie between two of bfloat16, got only {high} to {low}"
        )
    halves = st.floats(low, high, width=16, allow_subnormal=False)
    return drawn_each(np.float64, shape, halves.map(_cut_to_bfloat16))


def drawn_each(dtype: Any, shape: int | tuple[int, ...], elements: Any) -> Arrays:
    """An array whose entries are drawn, and shrink, one by one.

    Otherwise Hypothesis fills most of an array with one drawn entry: half of all
    batches had a single label.
    """
    return arrays(dtype, shape, elements=elements, fill=st.nothing())


def _cut_to_bfloat16(number: float) -> float:
    """The number rounded towards 0 to the 8 binary digits of bfloat16."""
    fraction, exponent = math.frexp(number)
    return math.ldexp(math.trunc(fraction * 2**DIGITS), exponent - DIGITS)


def _within_both_halves(number: float) -> float:
    """The largest number up to this one that both bfloat16 and float16 hold."""
    cut = _cut_to_bfloat16(number)
    if cut > number:  # it is negative, and was rounded towards 0
        cut = _cut_to_bfloat16(number * (1 + 2.0 ** (1 - DIGITS)))
    if abs(cut) < SMALL:
        return 0.0 if number >= 0 else -SMALL
    return max(-GREAT, min(cut, GREAT))


def logits(
    *, classes: OneOf = CLASSES, sizes: OneOf = SIZES, largest: float = LARGEST
) -> Arrays:
    """Scores of the classes for a batch.

    Args:
        classes: Number of classes, or several to choose from; at least 1.
        sizes: Number of examples, or several to choose from; 0 is an empty batch.
        largest: Bound on the magnitude of the scores, at most 65504.

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
        lambda shape: class_indices(shape[0], shape[1])
    )


def class_indices(size: int, classes: int) -> Arrays:
    """Labels of a batch, each class equally likely.

    Hypothesis draws 0 and repeated numbers more often than others. So a drawn number is
    an offset from the classes in turn, 0, 1, 2 and so on, and not the label itself.
    """
    turns = np.arange(size) % classes
    steps = drawn_each(np.int64, size, st.integers(0, classes - 1))
    return steps.map(lambda step: (turns + step) % classes)


def zeros_and_ones(shape: tuple[int, ...]) -> Arrays:
    """Zeros and ones in float64, both equally likely."""
    turns = np.indices(shape).sum(0) % 2
    steps = drawn_each(np.int64, shape, st.integers(0, 1))
    return steps.map(lambda step: ((turns + step) % 2).astype(np.float64))


def soft_labels(*, classes: OneOf = CLASSES, sizes: OneOf = SIZES) -> Arrays:
    """Class probabilities for a batch: one-hot rows, rows with zeros, and others.

    They are multiples of 1/64: every dtype holds them exactly, and each row sums to
    exactly 1.

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
    """Rows of probabilities: 64 parts, divided at random between the classes."""
    cuts = drawn_each(np.int64, (size, classes - 1), st.integers(0, PARTS))

    turns = (np.arange(classes) + np.arange(size)[:, None]) % classes

    def between(cut: Array) -> Array:
        rows: Array = np.diff(np.sort(cut), prepend=0, append=PARTS) / PARTS
        return np.take_along_axis(rows, turns, 1)

    return cuts.map(between)

"""Hypothesis strategies for scores and labels, as NumPy arrays.

Few shapes, since each is a compilation in JAX and `torch.compile`; numbers that
float16 and bfloat16 hold exactly, so that every dtype of a test sees the same ones.
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
DIGITS = 8  # of bfloat16; float16 has 11
SMALL, GREAT = 2.0**-14, 65280.0  # the normal numbers of so many digits in float16
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
    """Numbers that float16 and bfloat16 hold, and that shrink to 0."""
    if not -65504 <= low < high <= 65504:
        raise ValueError(
            f"numbers must lie between two of float16, got {low} to {high}"
        )
    low, high = -_short(-low), _short(high)
    if not low < high:
        raise ValueError(
            f"numbers must lie between two of bfloat16, got only {high} to {low}"
        )
    elements = st.floats(low, high, width=16, allow_subnormal=False).map(_cut)
    return drawn_each(np.float64, shape, elements)


def drawn_each(dtype: Any, shape: int | tuple[int, ...], elements: Any) -> Arrays:
    """An array whose entries are drawn, and shrink, one by one.

    Hypothesis would else draw one entry to fill most of the array with: half of all
    batches had a single label.
    """
    return arrays(dtype, shape, elements=elements, fill=st.nothing())


def _cut(number: float) -> float:
    """The number with the 8 binary digits of bfloat16 at most, cut off towards 0."""
    fraction, exponent = math.frexp(number)
    return math.ldexp(math.trunc(fraction * 2**DIGITS), exponent - DIGITS)


def _short(number: float) -> float:
    """The largest number up to this one that bfloat16 holds, if float16 does too."""
    cut = _cut(number)
    if cut > number:  # a negative one, cut towards 0
        cut = _cut(number * (1 + 2.0 ** (1 - DIGITS)))
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
        lambda shape: class_indices(shape[0], shape[1])
    )


def class_indices(size: int, classes: int) -> Arrays:
    """Labels of a batch, each class as likely as another.

    Hypothesis likes 0, and the same number again: so 0 stands for a class in turn.
    """
    turns = np.arange(size) % classes
    steps = drawn_each(np.int64, size, st.integers(0, classes - 1))
    return steps.map(lambda step: (turns + step) % classes)


def zeros_and_ones(shape: tuple[int, ...]) -> Arrays:
    """Memberships in float64, both as likely."""
    turns = np.indices(shape).sum(0) % 2
    steps = drawn_each(np.int64, shape, st.integers(0, 1))
    return steps.map(lambda step: ((turns + step) % 2).astype(np.float64))


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
    cuts = drawn_each(np.int64, (size, classes - 1), st.integers(0, PARTS))

    turns = (np.arange(classes) + np.arange(size)[:, None]) % classes

    def between(cut: Array) -> Array:
        rows: Array = np.diff(np.sort(cut), prepend=0, append=PARTS) / PARTS
        return np.take_along_axis(rows, turns, 1)

    return cuts.map(between)

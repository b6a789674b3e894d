"""Strategies that draw all arguments of a loss together, with matching shapes."""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ._cost_matrices import CostKind, cost_matrices
from ._strategies import (
    CLASSES,
    LARGEST,
    SIZES,
    Array,
    Arrays,
    OneOf,
    class_indices,
    drawn_each,
    numbers,
    one_of,
    probabilities,
    shapes,
    zeros_and_ones,
)

Batches = SearchStrategy[tuple[Array, ...]]
TargetKind = Literal["labels", "probs"]
Edge = Literal["one sample", "absent class", "saturated", "tied", "empty"]
EDGES: tuple[str, ...] = get_args(Edge)
SATURATED = (30.0, 88.0, 1e4)


def batches(
    *,
    target: TargetKind = "labels",
    cost: CostKind | None = None,
    abstain: bool = False,
    classes: OneOf = CLASSES,
    sizes: OneOf = SIZES,
    largest: float = LARGEST,
) -> Batches:
    """Arguments of a loss of one class per example.

    Args:
        target: `"labels"` for class indices, `"probs"` for class probabilities.
        cost: Kind of a cost matrix to add as third argument, one of `COST_KINDS`.
        abstain: Add one decision beyond the classes, in the matrix and the logits.
        classes: Number of classes, or several to choose from; at least 2.
        sizes: Number of examples, or several to choose from; 0 is an empty batch.
        largest: Bound on the magnitude of the logits.

    Returns:
        A strategy for `(logits, target)` or `(logits, target, cost)`.

    Raises:
        ValueError: If an option is unknown or out of its range, or `abstain` is given
            without `cost`.

    Example:
        >>> from hypothesis import given
        >>> from costfn.testing import batches
        >>> @given(batches(cost="ordinal", classes=4))
        ... def test(batch):
        ...     logits, labels, cost = batch
        ...     assert logits.shape == (len(labels), 4) and cost.shape == (4, 4)
        >>> test()
    """
    if target not in get_args(TargetKind):
        raise ValueError(f"target must be 'labels' or 'probs', got {target!r}")
    if abstain and cost is None:
        raise ValueError("abstain must come with a cost, got none")

    def of_shape(shape: tuple[int, int]) -> Batches:
        size, k = shape
        parts = [numbers((size, k + abstain), -largest, largest)]
        if target == "labels":
            parts.append(class_indices(size, k))
        else:
            parts.append(probabilities(size, k))
        if cost is not None:
            parts.append(cost_matrices(cost, classes=k, abstain=abstain))
        return st.tuples(*parts)

    least = 3 if cost == "non_metric" else 2
    if least == 3 and classes == CLASSES:
        classes = CLASSES[1:]
    return shapes(sizes, classes, least).flatmap(of_shape)


def binary_batches(*, sizes: OneOf = SIZES, largest: float = LARGEST) -> Batches:
    """Arguments of a binary loss: one score and a target 0.0 or 1.0 per example.

    Args:
        sizes: Number of examples, or several to choose from; 0 is an empty batch.
        largest: Bound on the magnitude of the scores.

    Returns:
        A strategy for `(logits, target)`, both `(size,)`.

    Raises:
        ValueError: If a number is out of its range.

    Example:
        >>> from hypothesis import given
        >>> from costfn.testing import binary_batches
        >>> @given(binary_batches())
        ... def test(batch):
        ...     logits, target = batch
        ...     assert logits.shape == target.shape and set(target) <= {0.0, 1.0}
        >>> test()
    """
    return one_of("sizes", sizes, 0).flatmap(lambda size: _members((size,), largest))


def multilabel_batches(
    *, classes: OneOf = CLASSES, sizes: OneOf = SIZES, largest: float = LARGEST
) -> Batches:
    """Arguments of a multilabel loss: for each example any of the classes, or none.

    Args:
        classes: Number of classes, or several to choose from; at least 1.
        sizes: Number of examples, or several to choose from; 0 is an empty batch.
        largest: Bound on the magnitude of the scores.

    Returns:
        A strategy for `(logits, target)`, both `(size, classes)`, targets 0.0 or 1.0.

    Raises:
        ValueError: If a number is out of its range.

    Example:
        >>> from hypothesis import given
        >>> from costfn.testing import multilabel_batches
        >>> @given(multilabel_batches(classes=3))
        ... def test(batch):
        ...     logits, target = batch
        ...     assert logits.shape == target.shape and target.shape[1] == 3
        >>> test()
    """
    return shapes(sizes, classes, 1).flatmap(lambda shape: _members(shape, largest))


def _members(shape: tuple[int, ...], largest: float) -> Batches:
    return st.tuples(numbers(shape, -largest, largest), zeros_and_ones(shape))


def regression_batches(
    *, sizes: OneOf = SIZES, smallest: float = -LARGEST, largest: float = LARGEST
) -> Batches:
    """Arguments of a regression loss: a prediction and a target per example.

    Args:
        sizes: Number of examples, or several to choose from; 0 is an empty batch.
        smallest: Lower bound of both.
        largest: Upper bound of both.

    Returns:
        A strategy for `(prediction, target)`, both `(size,)`.

    Raises:
        ValueError: If a number is out of its range.

    Example:
        >>> from hypothesis import given
        >>> from costfn.testing import regression_batches
        >>> @given(regression_batches(smallest=0.5))
        ... def test(batch):
        ...     prediction, target = batch
        ...     assert prediction.shape == target.shape and (target >= 0.5).all()
        >>> test()
    """

    def of_size(size: int) -> Batches:
        each = numbers((size,), smallest, largest)
        return st.tuples(each, each)

    return one_of("sizes", sizes, 0).flatmap(of_size)


def edge_batches(
    kinds: Sequence[Edge] = ("one sample", "absent class", "saturated", "tied"),
    *,
    classes: OneOf = CLASSES,
) -> Batches:
    """Logits and labels for which losses often fail.

    - `one sample`: a batch of one example.
    - `absent class`: no example of the last class.
    - `saturated`: logits of ±30, ±88 or ±10000. The exponential overflows float32 just
      above 88.
    - `tied`: all logits of an example are equal.
    - `empty`: a batch without examples. It is drawn only on request, because torch
      gives NaN for the mean of nothing.

    Args:
        kinds: The kinds to draw.
        classes: Number of classes, or several to choose from; at least 2.

    Returns:
        A strategy for `(logits, labels)`.

    Raises:
        ValueError: If a kind is unknown or a number is out of its range.

    Example:
        >>> from hypothesis import given
        >>> from costfn.testing import edge_batches
        >>> @given(edge_batches(["absent class"], classes=3))
        ... def test(batch):
        ...     logits, labels = batch
        ...     assert 2 not in labels
        >>> test()
    """
    chosen = tuple(kinds)
    if not chosen or not set(chosen) <= set(EDGES):
        raise ValueError(f"kinds must be of {', '.join(EDGES)}, got {kinds!r}")
    sizes = one_of("classes", classes, 2)
    return st.tuples(st.sampled_from(chosen), sizes).flatmap(lambda x: _edge(*x))


def _edge(kind: Edge, classes: int) -> Batches:
    size = {"one sample": 1, "empty": 0}.get(kind, 4)
    shape = (size, classes)
    scores: Arrays = numbers(shape, -LARGEST, LARGEST)
    if kind == "saturated":
        ends = [sign * end for end in SATURATED for sign in (1, -1)]
        scores = drawn_each(np.float64, shape, st.sampled_from(ends))
    elif kind == "tied":
        column = numbers((size, 1), -LARGEST, LARGEST)
        scores = column.map(lambda z: np.repeat(z, classes, axis=1))
    top = classes - 2 if kind == "absent class" else classes - 1
    return st.tuples(scores, class_indices(size, top + 1))

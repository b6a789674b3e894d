"""Cost matrices of every kind that a loss may take for granted wrongly."""

from typing import Literal, get_args

import numpy as np
from hypothesis import strategies as st

from ._strategies import CLASSES, Array, Arrays, OneOf, drawn_each, one_of

CostKind = Literal[
    "any", "plain", "zero_one", "symmetric", "asymmetric", "ordinal", "non_metric"
]
COST_KINDS: tuple[str, ...] = get_args(CostKind)
SIGNED = st.integers(-32, 32).map(lambda n: n / 4)
QUARTERS = st.integers(0, 32).map(lambda n: n / 4)  # 0 to 8, exact in every dtype


def cost_matrices(
    kind: CostKind = "any", *, classes: OneOf = CLASSES, abstain: bool = False
) -> Arrays:
    """Cost matrices: a row for each true class, a column for each decision.

    All of them are exact in every dtype. But for `any` costs are from 0 to 24, and
    the diagonal is 0.

    - `any`: anything: gains (costs below 0, from -8), costs of being right (on the
      diagonal), or one of the kinds below.
    - `plain`: no gain and no cost of being right; nothing but 0, or one of the kinds
      below, included. What losses that refuse a negative cost take.
    - `zero_one`: 1 for every mistake.
    - `symmetric`: `cost[i, j] == cost[j, i]`.
    - `asymmetric`: not so for at least one pair: a loss that reads the matrix the wrong
      way round gives another number.
    - `ordinal`: grows with the distance `abs(i - j)` and depends on nothing else.
    - `non_metric`: somewhere the way round is cheaper than the direct one,
      `cost[i, k] > cost[i, j] + cost[j, k]`. It needs 3 classes.

    Args:
        kind: One of these.
        classes: Number of classes, or several to choose from; at least 2.
        abstain: Add a column for one more decision, with one price for every class.

    Returns:
        A strategy for float64 arrays `(classes, classes)`, or `(classes, classes + 1)`.

    Raises:
        ValueError: If `kind` is unknown, or there are too few classes for it.

    Example:
        >>> from hypothesis import given
        >>> from costfn.testing import cost_matrices
        >>> @given(cost_matrices("asymmetric", classes=3))
        ... def test(cost):
        ...     assert cost.shape == (3, 3) and (cost != cost.T).any()
        >>> test()
    """
    if kind not in COST_KINDS:
        raise ValueError(f"kind must be one of {', '.join(COST_KINDS)}, got {kind!r}")
    sizes = one_of("classes", classes, 3 if kind == "non_metric" else 2)
    return sizes.flatmap(lambda size: _matrices(kind, size, abstain))


@st.composite
def _matrices(draw: st.DrawFn, kind: str, size: int, abstain: bool) -> Array:
    if kind == "any":
        kind = draw(st.sampled_from(["signed", "plain"]))
    if kind == "plain":
        known = [each for each in COST_KINDS[2:] if each != "non_metric" or size > 2]
        kind = draw(st.sampled_from(["free", *known]))
    away = 1 - np.eye(size)
    entries = SIGNED if kind == "signed" else QUARTERS
    drawn: Array = draw(drawn_each(np.float64, (size, size), entries))
    if kind != "signed":
        drawn = away * drawn
    more = draw(st.integers(1, 32)) / 4
    first, second, *third = draw(st.permutations(range(size)))[:3]
    if kind == "zero_one":
        drawn = away
    elif kind == "symmetric":
        drawn = np.triu(drawn) + np.triu(drawn).T
    elif kind == "asymmetric":
        drawn[first, second] = drawn[second, first] + more
    elif kind == "ordinal":
        steps = draw(drawn_each(np.float64, (size - 1,), QUARTERS)) / 4
        by_distance = np.cumsum([0, *(steps + 0.25)])
        rank = np.arange(size)
        drawn = by_distance[abs(rank[:, None] - rank)]
    elif kind == "non_metric":
        through = third[0]
        drawn[first, second] = drawn[first, through] + drawn[through, second] + more
    if abstain:
        price = draw(QUARTERS)
        drawn = np.column_stack([drawn, np.full(size, price)])
    return drawn

"""Cost matrices of several kinds, each without something that a loss may assume."""

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

    Every dtype holds the numbers exactly. In all kinds but `any`, costs are from 0 to
    24 and the diagonal is 0.

    - `any`: a matrix with costs below 0 (gains, down to -8) and costs on the diagonal
      (of correct decisions), or one of the kinds below.
    - `plain`: no cost below 0 and none on the diagonal. It may be a matrix of zeros, or
      one of the kinds below. Use it for losses that refuse negative costs.
    - `zero_one`: 1 for every mistake.
    - `symmetric`: `cost[i, j] == cost[j, i]`.
    - `asymmetric`: at least one pair differs, so a loss that reads the matrix
      transposed gives another number.
    - `ordinal`: grows with the distance `abs(i - j)` and depends on nothing else.
    - `non_metric`: breaks the triangle inequality,
      `cost[i, k] > cost[i, j] + cost[j, k]`. It needs 3 classes.

    Args:
        kind: One of these.
        classes: Number of classes, or several to choose from; at least 2.
        abstain: Add a column for one more decision, with the same cost for each class.

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

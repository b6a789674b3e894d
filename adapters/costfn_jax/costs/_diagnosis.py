"""What a cost matrix is like, and what that means for the losses, in JAX."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from .._foundation import check_costs
from .._foundation.arrays import ArrayLike, as_array, as_numpy
from .._foundation.types import DecisionMatrix

Costs = NDArray[np.float64]


@dataclass(frozen=True)
class Diagnosis:
    """Mirror of `costfn.costs.Diagnosis`: the same fields and remarks."""

    classes: int
    decisions: int
    zero_diagonal: bool
    uniform: bool
    symmetric: bool
    reasonable: bool
    looks_transposed: bool
    metric: bool
    conditionally_negative_definite: bool
    largest_eigenvalue: float
    dominated: tuple[tuple[int, int], ...]
    negative: bool
    remarks: tuple[str, ...]

    def __str__(self) -> str:
        facts = [
            f"{self.classes} classes x {self.decisions} decisions",
        ]
        for name in (
            "zero_diagonal",
            "symmetric",
            "reasonable",
            "metric",
            "conditionally_negative_definite",
        ):
            words = name.replace("_", " ")
            facts.append(words if getattr(self, name) else f"not {words}")
        return "\n".join([", ".join(facts), *(f"- {r}" for r in self.remarks)])


def diagnose(cost: DecisionMatrix | ArrayLike) -> Diagnosis:
    """Mirror of `costfn.costs.diagnose`: the same arguments, values and errors.

    In float64, by NumPy; not inside `jit`, since the facts are Python's.
    """
    given = as_array("cost", cost)
    check_costs.cost_matrix("cost", given)
    if isinstance(given, jax.core.Tracer):
        raise TypeError(
            "cost must be an array with values, got a traced one; call diagnose "
            "outside of jit, vmap and the like"
        )
    # As it came: JAX may have narrowed it.
    seen = np.asarray(given) if isinstance(cost, jax.Array) else as_numpy("cost", cost)
    tolerance = _rounding(seen)
    c = seen.astype(np.float64)
    if not np.isfinite(c).all():
        raise ValueError("cost must be finite, got NaN or infinity")
    classes, decisions = c.shape
    square = classes == decisions
    symmetric = square and np.allclose(c, c.T, rtol=0, atol=tolerance)
    zero_diagonal = not (abs(c.diagonal()) > tolerance).any()
    reasonable = decisions >= classes and _right_is_cheapest(c)
    negative = bool(c.min() < -tolerance)
    largest = _largest_centred_eigenvalue(c) if symmetric else float("inf")
    facts = {
        "zero_diagonal": zero_diagonal,
        "uniform": square
        and zero_diagonal
        and bool((abs(_mistakes(c) - c[0, 1]) <= tolerance).all()),
        "symmetric": symmetric,
        "reasonable": reasonable,
        "looks_transposed": square and not reasonable and _right_is_cheapest(c.T),
        "metric": symmetric
        and zero_diagonal
        and reasonable
        and not negative
        and _no_detour_is_cheaper(c, tolerance),
        # The error of an eigenvalue is at most the norm of the matrix of errors.
        "conditionally_negative_definite": symmetric
        and largest <= tolerance * classes**0.5,
        "negative": negative,
    }
    dominated = _dominated(c)
    return Diagnosis(
        classes=classes,
        decisions=decisions,
        largest_eigenvalue=largest,
        dominated=dominated,
        remarks=tuple(_remarks(square, dominated, **facts)),
        **facts,
    )


def _rounding(cost: NDArray[Any]) -> float:
    """The difference that rounding can make between equal costs."""
    eps = float(jnp.finfo(cost.dtype).eps) if cost.dtype.kind not in "iu" else 0.0
    return max(1e-9, 8 * eps) * float(abs(cost.astype(np.float64)).max())


def _mistakes(c: Costs) -> Costs:
    """The costs off the diagonal."""
    found: Costs = c[~np.eye(*c.shape, dtype=np.bool_)]
    return found


def _no_detour_is_cheaper(c: Costs, tolerance: float) -> bool:
    # One class at a time: all at once would take classes ** 3 numbers.
    return all(
        bool((c[:, k, None] + c[k] >= c - tolerance).all()) for k in range(len(c))
    )


def _right_is_cheapest(c: Costs) -> bool:
    right = c.diagonal()[:, None]
    others = np.where(np.eye(*c.shape, dtype=np.bool_), np.inf, c)
    return bool((right < others).all())


def _largest_centred_eigenvalue(c: Costs) -> float:
    centring = np.eye(len(c)) - 1 / len(c)
    # The centring puts a 0 among the eigenvalues, for the constant vector.
    return float(np.linalg.eigvalsh(centring @ c @ centring / 2).max())


def _dominated(c: Costs) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    for j in range(c.shape[1]):
        column = c[:, j, None]
        worse = np.asarray((column >= c).all(0) & (column > c).any(0))
        found += [(j, k) for k in worse.nonzero()[0].tolist()]
    return tuple(found)


def _remarks(
    square: bool,
    dominated: tuple[tuple[int, int], ...],
    *,
    zero_diagonal: bool,
    uniform: bool,
    symmetric: bool,
    reasonable: bool,
    looks_transposed: bool,
    metric: bool,
    conditionally_negative_definite: bool,
    negative: bool,
) -> list[str]:
    remarks = []
    if looks_transposed:
        remarks.append(
            "Looks transposed: rows must be the true class, columns the decision. The "
            "right decision is always the cheapest in the transpose, but not here."
        )
    elif not reasonable:
        remarks.append(
            "Not reasonable: for some truth another decision costs no more than the "
            "right one, so no loss teaches the model to prefer the right one."
        )
    if negative:
        remarks.append(
            "Negative costs: log_cost_loss and sum_to_zero_loss refuse them; use "
            "costs.from_utility(-cost), which changes no decision."
        )
    if not zero_diagonal:
        remarks.append(
            "Nonzero diagonal: expected_cost_loss is not 0 at a perfect prediction, "
            "and log_cost_loss and energy_cost_loss change their optimum."
        )
    if not uniform:
        remarks.append(
            "Mistakes differ in cost: the likeliest class may not be the cheapest "
            "decision. Use decisions.minimum_cost_decision on probabilities, or a loss "
            "that is consistent under argmax (log_cost_loss, expected_cost_loss)."
        )
    if square and not symmetric:
        remarks.append("Not symmetric: energy_cost_loss is not proper.")
    if symmetric and reasonable and zero_diagonal and not metric:
        remarks.append(
            "Not a metric: some cost is larger than that of a path through other "
            "classes, so sinkhorn_loss is not a Wasserstein distance "
            "(costs.metric_closure makes the costs a metric)."
        )
    if symmetric and not conditionally_negative_definite:
        remarks.append(
            "Not conditionally negative definite: energy_cost_loss is not proper (the "
            "square root of the costs may be)."
        )
    for j, k in dominated:
        remarks.append(
            f"Decision {j} is dominated by {k}: it is never the cheapest, whatever the "
            "class probabilities."
        )
    return remarks

"""What a cost matrix is like, and what that means for the losses."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .._foundation import check_costs
from .._foundation.arrays import ArrayLike, as_tensor
from .._foundation.types import DecisionMatrix


@dataclass(frozen=True)
class Diagnosis:
    """Facts about a cost matrix; `print` it to read what they mean.

    Attributes:
        classes: Number of true classes, the rows.
        decisions: Number of decisions, the columns.
        zero_diagonal: The right decision costs 0.
        uniform: Every mistake costs the same, as for accuracy.
        symmetric: Mistaking i for j costs what mistaking j for i does.
        reasonable: For each truth the right decision is cheaper than any other.
        looks_transposed: Not reasonable, but its transpose is.
        metric: Symmetric, zero only on the diagonal, with the triangle inequality.
        conditionally_negative_definite: `x' C x <= 0` whenever `sum(x) = 0`.
        largest_eigenvalue: Of `J C J / 2` with `J` the centring matrix, infinite if
            `C` is not symmetric; above 0 where `C` is not conditionally negative
            definite.
        dominated: Pairs `(j, k)`: deciding `j` never costs less than `k` does.
        negative: Some cost is below 0.
        remarks: What the above means for which loss, one sentence each.
    """

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
    """Examine a cost matrix before training on it.

    Costs that differ by rounding only, in their own dtype, count as equal. The unit of
    the costs does not matter.

    Args:
        cost: Cost of deciding `j` when the truth is `i`, `(classes, decisions)`. With
            more columns than rows the last ones are actions such as "abstain".

    Returns:
        The facts, with a remark for each that concerns the choice of loss.

    Raises:
        TypeError: If `cost` holds no numbers.
        ValueError: If it is not a matrix of 2 or more rows and columns, or not finite.

    Example:
        >>> import torch, costfn
        >>> found = costfn.costs.diagnose(torch.tensor([[0.0, 1.0], [5.0, 0.0]]))
        >>> found.reasonable, found.symmetric
        (True, False)
        >>> print(found)
        2 classes x 2 decisions, zero diagonal, not symmetric, reasonable, not metric,
        not conditionally negative definite
        - Mistakes differ in cost: the likeliest class may not be the cheapest ...
        - Not symmetric: energy_cost_loss is not proper.

    Source:
        Elkan, "The Foundations of Cost-Sensitive Learning", IJCAI 2001 (reasonable,
        dominated); Schoenberg, "Metric Spaces and Positive Definite Functions", Trans.
        AMS 44, 1938 (conditionally negative definite).
    """
    cost = as_tensor("cost", cost, floats=torch.float64)
    # On the CPU, since the facts are Python values.
    c = cost.detach().cpu()
    check_costs.cost_matrix("cost", c)
    tolerance = _rounding(c)
    c = c.double()
    classes, decisions = c.shape
    square = classes == decisions
    symmetric = square and torch.allclose(c, c.T, rtol=0, atol=tolerance)
    zero_diagonal = not c.diagonal().abs().gt(tolerance).any()
    reasonable = decisions >= classes and _right_is_cheapest(c)
    negative = bool(c.min() < -tolerance)
    largest = _largest_centred_eigenvalue(c) if symmetric else float("inf")
    facts = {
        "zero_diagonal": zero_diagonal,
        "uniform": square
        and zero_diagonal
        and bool((_mistakes(c) - c[0, 1]).abs().le(tolerance).all()),
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


def _rounding(cost: Tensor) -> float:
    """The difference that rounding can make between equal costs."""
    eps = torch.finfo(cost.dtype).eps if cost.is_floating_point() else 0.0
    return max(1e-9, 8 * eps) * cost.double().abs().max().item()


def _mistakes(c: Tensor) -> Tensor:
    """The costs off the diagonal."""
    return c[~torch.eye(*c.shape, dtype=torch.bool)]


def _no_detour_is_cheaper(c: Tensor, tolerance: float) -> bool:
    # One class at a time: all at once would take classes ** 3 numbers.
    return all(
        bool((c[:, k, None] + c[k] >= c - tolerance).all()) for k in range(len(c))
    )


def _right_is_cheapest(c: Tensor) -> bool:
    right = c.diagonal().unsqueeze(1)
    others = c.masked_fill(torch.eye(*c.shape, dtype=torch.bool), torch.inf)
    return bool((right < others).all())


def _largest_centred_eigenvalue(c: Tensor) -> float:
    centring = torch.eye(len(c), dtype=c.dtype) - 1 / len(c)
    # The centring puts a 0 among the eigenvalues, for the constant vector.
    return float(torch.linalg.eigvalsh(centring @ c @ centring / 2).max())


def _dominated(c: Tensor) -> tuple[tuple[int, int], ...]:
    found = []
    for j in range(c.shape[1]):
        column = c[:, j, None]
        worse = (column >= c).all(0) & (column > c).any(0)
        found += [(j, k) for k in worse.nonzero().flatten().tolist()]
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

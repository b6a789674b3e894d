"""The primitive of every cost loss: what each decision costs an example."""

from torch import Tensor

from .._foundation import check, check_costs
from .._foundation.arrays import ArrayLike, as_tensors
from .._foundation.hidden import bad_target, checked_costs, own_costs, poisoned
from .._foundation.math import (
    class_probs,
    floating,
    rows_times_matrix,
    safe_labels,
    upcast,
)
from .._foundation.types import CostVectors, DecisionCost, Target


def cost_vector(
    target: Target | ArrayLike, cost: DecisionCost | ArrayLike
) -> CostVectors:
    """What each decision costs for each example: the row of the target.

    `cost[y]` for a label `y`, `q @ cost` for class probabilities `q`. The one form in
    which every cost loss meets its costs; differentiable in `q` and in `cost`. Both may
    be array-likes where no gradient is wanted.

    Args:
        target: Labels `(*batch,)`, or class probabilities `(*batch, classes)`.
        cost: `(classes, decisions)`, or one per example `(*batch, classes, decisions)`.

    Returns:
        Costs `(*batch, decisions)`, in the dtype of `cost` (the default one if that
        holds integers). NaN for a label out of range whose value could not be seen.

    Raises:
        TypeError: If `target` holds neither labels nor probabilities.
        ValueError: If shapes do not match, a label is out of range, or rows of `target`
            are no probabilities.

    Example:
        >>> import torch, costfn
        >>> cost = torch.tensor([[0.0, 1.0], [5.0, 0.0]])
        >>> costfn.costs.cost_vector(torch.tensor([1, 0]), cost)
        tensor([[5., 0.],
                [0., 1.]])
        >>> costfn.costs.cost_vector(torch.tensor([0.5, 0.5]), cost)
        tensor([2.5000, 0.5000])

    Source:
        Elkan, "The Foundations of Cost-Sensitive Learning", IJCAI 2001, eq. 1.
    """
    y, c = as_tensors(target=target, cost=cost)
    batch = y.shape[:-1] if y.is_floating_point() else y.shape
    check_costs.cost_matrix("cost", c, batch=batch)
    check.target(y, batch, c.shape[-2])
    rows = select_costs(y, checked_costs(c, floating(c).dtype))
    invalid = bad_target(y, c.shape[-2])
    return rows if invalid is None else poisoned(rows, invalid.unsqueeze(-1))


def select_costs(target: Tensor, cost: Tensor) -> Tensor:
    """`cost_vector` of arguments already checked; a bad label has some row."""
    if target.is_floating_point():
        return rows_times_matrix(class_probs(target, cost.shape[-2], cost.dtype), cost)
    index = safe_labels(target, cost.shape[-2])
    if cost.ndim == 2:
        rows = cost.index_select(0, index.reshape(-1))
        return rows.reshape(*index.shape, cost.shape[-1])
    pick = index[..., None, None].expand(*index.shape, 1, cost.shape[-1])
    return cost.gather(-2, pick).squeeze(-2)


def costs_of_decisions(
    logits: Tensor, target: Tensor | None, cost: Tensor, *, non_negative: bool = False
) -> tuple[Tensor, Tensor, Tensor | None]:
    """The logits upcast, a cost vector for each example, and where these are bad."""
    z = upcast(logits)
    costs = checked_costs(cost, z.dtype, non_negative=non_negative)
    if target is None:
        return z, *own_costs(costs, cost, None)
    rows, invalid = select_costs(target, costs), bad_target(target, cost.shape[-2])
    return z, *(own_costs(rows, cost, invalid) if cost.ndim > 2 else (rows, invalid))

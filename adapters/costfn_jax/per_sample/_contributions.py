"""What each sample contributes to the gradient of a loss of the whole batch."""

from typing import Any

from jax import Array

from ._gradient_problem import Loss, Model
from ._prepare import prepare_linearized


def linearize(
    model: Model,
    batch_loss: Loss,
    x: Any,
    y: Any,
    *,
    parameters: Any,
    sample_dims: int = 1,
) -> tuple[Loss, Any]:
    """Mirror of `costfn.per_sample.linearize`."""
    problem = prepare_linearized(
        model, batch_loss, x, y, parameters, sample_dims=sample_dims
    )
    target = problem.with_sample_axes(problem.y)
    return problem.loss, target if len(target) > 1 else target[0]


def contributions(
    model: Model,
    batch_loss: Loss,
    x: Any,
    y: Any,
    *,
    parameters: Any,
    chunk_size: int | None = None,
    sample_dims: int = 1,
) -> Any:
    """Mirror of `costfn.per_sample.contributions`."""
    problem = prepare_linearized(
        model, batch_loss, x, y, parameters, chunk_size, sample_dims
    )
    return problem.with_sample_axes(problem.gradients())


def contribution_norms(
    model: Model,
    batch_loss: Loss,
    x: Any,
    y: Any,
    *,
    parameters: Any,
    chunk_size: int | None = None,
    sample_dims: int = 1,
) -> Array:
    """Mirror of `costfn.per_sample.contribution_norms`, in total."""
    problem = prepare_linearized(
        model, batch_loss, x, y, parameters, chunk_size, sample_dims
    )
    found: Array = problem.with_sample_axes(problem.norms())
    return found

"""What each sample contributes to the gradient of a loss of the whole batch."""

from typing import Any

from jax import Array

from ._gradient_problem import Loss, Model
from ._prepare import prepare_linearized


def linearize(
    model: Model, batch_loss: Loss, x: Any, y: Any, *, parameters: Any
) -> tuple[Loss, Any]:
    """Mirror of `costfn.per_sample.linearize`."""
    problem = prepare_linearized(model, batch_loss, x, y, parameters)
    return problem.loss, problem.y if len(problem.y) > 1 else problem.y[0]


def contributions(
    model: Model,
    batch_loss: Loss,
    x: Any,
    y: Any,
    *,
    parameters: Any,
    chunk_size: int | None = None,
) -> Any:
    """Mirror of `costfn.per_sample.contributions`."""
    return prepare_linearized(
        model, batch_loss, x, y, parameters, chunk_size
    ).gradients()


def contribution_norms(
    model: Model,
    batch_loss: Loss,
    x: Any,
    y: Any,
    *,
    parameters: Any,
    chunk_size: int | None = None,
) -> Array:
    """Mirror of `costfn.per_sample.contribution_norms`, in total."""
    return prepare_linearized(model, batch_loss, x, y, parameters, chunk_size).norms()

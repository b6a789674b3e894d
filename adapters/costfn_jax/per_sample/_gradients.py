"""The gradient of each sample."""

from typing import Any

from ._gradient_problem import Loss, Model
from ._prepare import prepare


def gradients(
    model: Model,
    loss: Loss,
    x: Any,
    y: Any,
    *,
    parameters: Any,
    chunk_size: int | None = None,
    sample_dims: int = 1,
) -> Any:
    """Mirror of `costfn.per_sample.gradients`."""
    problem = prepare(model, loss, x, y, parameters, chunk_size, sample_dims)
    return problem.with_sample_axes(problem.gradients())

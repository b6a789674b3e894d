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
) -> Any:
    """Mirror of `costfn.per_sample.gradients`."""
    return prepare(model, loss, x, y, parameters, chunk_size).gradients()

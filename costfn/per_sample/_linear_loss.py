"""A loss that is linear in the prediction: it stands for another loss at one point.

Its gradient by the parameters is `J^T c`, with `J` the Jacobian of the prediction and
`c` the gradient of the other loss by the prediction.
"""

from typing import Any

import torch
from torch import Tensor

from ._trees import tensors


def linear_loss(prediction: Any, *cotangents: Tensor) -> Tensor:
    """The inner product of a prediction and the gradient of a loss by it."""
    leaves = [t for t in tensors(prediction) if is_differentiable(t)]
    parts = [_product(z, c) for z, c in zip(leaves, cotangents, strict=True)]
    return torch.stack(parts).sum() if len(parts) > 1 else parts[0]


def is_differentiable(value: Tensor) -> bool:
    """Whether a tensor can have a gradient."""
    return value.is_floating_point() or value.is_complex()


def _product(value: Tensor, cotangent: Tensor) -> Tensor:
    if value.is_complex():
        return (value * cotangent.conj()).sum().real
    return (value * cotangent).sum()

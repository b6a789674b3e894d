"""A loss that is linear in the prediction: it stands for another loss at one point.

Its gradient by the parameters is `J^T c`, with `J` the Jacobian of the prediction and
`c` the gradient of the other loss by the prediction.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array


def linear_loss(prediction: Any, *cotangents: Array) -> Array:
    """The inner product of a prediction and the gradient of a loss by it."""
    leaves = filter(is_differentiable, jax.tree.leaves(prediction))
    parts = [(z * c).sum().real for z, c in zip(leaves, cotangents, strict=True)]
    return jnp.sum(jnp.stack(parts))


def is_differentiable(leaf: Array) -> bool:
    """Whether an array can have a gradient."""
    return bool(jnp.issubdtype(leaf.dtype, jnp.inexact))

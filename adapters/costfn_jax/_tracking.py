"""Train on one thing, watch another, in JAX."""

from collections.abc import Callable
from typing import Any

import jax
from jax import Array
from jax.lax import stop_gradient

Tracked = Callable[..., tuple[Any, dict[str, Any]]]


def with_metrics(
    loss: Callable[..., Array], **metrics: Callable[..., Array]
) -> Tracked:
    """Mirror of `costfn.with_metrics`: the same arguments, values and errors."""
    if not metrics:
        raise ValueError("metrics must name at least one function, got none")

    def tracked(*args: Any, **options: Any) -> tuple[Array, dict[str, Array]]:
        value = loss(*args, **options)
        plain, same = _constant((args, options))
        found = {name: m(*plain, **same) for name, m in metrics.items()}
        return value, _constant(found)

    return tracked


def _constant(tree: Any) -> Any:
    def constant(leaf: Any) -> Any:
        return stop_gradient(leaf) if isinstance(leaf, Array) else leaf

    return jax.tree.map(constant, tree)

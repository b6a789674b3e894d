"""Train on one thing, watch another, in JAX."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
from jax import Array
from jax.lax import stop_gradient
from jax.tree_util import register_pytree_node_class

__all__ = ["with_metrics"]


@register_pytree_node_class
@dataclass(frozen=True, eq=False)
class Tracked:
    """Made by `costfn_jax.with_metrics`; can be pickled where its functions can."""

    loss: Callable[..., Array]
    metrics: Mapping[str, Callable[..., Array]]

    def __call__(self, *args: Any, **options: Any) -> tuple[Array, dict[str, Array]]:
        """The loss, and the metrics without gradient."""
        value = self.loss(*args, **options)
        plain, same = _constant((args, options))
        found = {name: m(*plain, **same) for name, m in self.metrics.items()}
        return value, _constant(found)

    def tree_flatten(self) -> tuple[tuple[()], Any]:
        """No arrays: its functions are constant."""
        return (), (self.loss, tuple(self.metrics.items()))

    @classmethod
    def tree_unflatten(cls, constant: Any, children: Any) -> "Tracked":
        """The inverse of `tree_flatten`."""
        loss, metrics = constant
        return cls(loss, dict(metrics))


def with_metrics(
    loss: Callable[..., Array], **metrics: Callable[..., Array]
) -> Tracked:
    """Mirror of `costfn.with_metrics`: the same arguments, values and errors."""
    if not metrics:
        raise ValueError("metrics must name at least one function, got none")
    for name, function in (("loss", loss), *metrics.items()):
        if not callable(function):
            raise TypeError(f"{name} must be a function, got {type(function).__name__}")
    return Tracked(loss, metrics)


def _constant(tree: Any) -> Any:
    def constant(leaf: Any) -> Any:
        return stop_gradient(leaf) if isinstance(leaf, Array) else leaf

    return jax.tree.map(constant, tree)

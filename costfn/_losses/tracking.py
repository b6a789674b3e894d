"""Train on one thing, watch another."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

__all__ = ["with_metrics"]


@dataclass(frozen=True, eq=False)
class Tracked:
    """Made by `costfn.with_metrics`; can be pickled where its functions can."""

    loss: Callable[..., Tensor]
    metrics: Mapping[str, Callable[..., Tensor]]

    def __call__(self, *args: Any, **options: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss, and the metrics without gradient."""
        value = self.loss(*args, **options)
        plain = [x.detach() if isinstance(x, Tensor) else x for x in args]
        with torch.no_grad():
            found = {name: m(*plain, **options) for name, m in self.metrics.items()}
        return value, found


def with_metrics(
    loss: Callable[..., Tensor], **metrics: Callable[..., Tensor]
) -> Tracked:
    """A loss that also returns metrics, which have no graph and no gradient.

    The form of `has_aux=True` in `torch.func.grad` and in JAX.

    Args:
        loss: What is trained on.
        **metrics: What is watched, by name; each takes the arguments of the loss.

    Returns:
        A function of the same arguments; it returns the loss and a dictionary of the
        metrics' values.

    Raises:
        ValueError: If there are no metrics.

    Example:
        >>> import torch, costfn
        >>> from torch.nn.functional import l1_loss, mse_loss
        >>> tracked = costfn.with_metrics(mse_loss, mae=l1_loss)
        >>> x, y = torch.tensor([1.0, 3.0]), torch.tensor([0.0, 0.0])
        >>> torch.func.grad_and_value(tracked, has_aux=True)(x, y)
        (tensor([1., 3.]), (tensor(5.), {'mae': tensor(2.)}))

    Source:
        The convention of `torch.func.grad(has_aux=True)` and `jax.grad(has_aux=True)`.
    """
    if not metrics:
        raise ValueError("metrics must name at least one function, got none")
    for name, function in (("loss", loss), *metrics.items()):
        if not callable(function):
            raise TypeError(f"{name} must be a function, got {type(function).__name__}")
    return Tracked(loss, metrics)

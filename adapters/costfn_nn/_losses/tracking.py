"""Watching metrics, as a module."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

import costfn

from .._foundation.held import as_text, held, hold, shown


class WithMetrics(nn.Module):
    """Module of `costfn.with_metrics`: returns `(loss, {name: value})`.

    What the loss holds, be it a module or made by `costfn.metric_loss`, is found by
    `parameters()` and moved and saved with it.
    """

    def __init__(
        self, loss: Callable[..., Tensor], **metrics: Callable[..., Tensor]
    ) -> None:
        super().__init__()
        costfn.with_metrics(loss, **metrics)  # checks them
        hold(self, "loss", loss)
        hold(self, "metrics", metrics)

    def forward(self, *args: Any, **options: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss, and the metrics without gradient."""
        tracked = costfn.with_metrics(held(self, "loss"), **held(self, "metrics"))
        value, found = tracked(*args, **options)
        return value, found

    def extra_repr(self) -> str:
        """The functions that are no modules."""
        return as_text(shown(self))

"""Looks at each node of the graph while the gradient passes through it."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from .._method.subject import NonFinite
from .._method.thresholds import LOST
from .._method.trace import Op
from .graph import nodes_of

Gradients = Sequence[Tensor | None]
Look = Callable[[Any, Gradients, Gradients], None]


def pass_back(loss: Tensor, leaf: Tensor, look: Look) -> Tensor | None:
    """Gradient of the loss; `look` sees what enters and leaves each node."""
    handles = [node.register_hook(_hook(node, look)) for node in nodes_of(loss)]
    try:
        return torch.autograd.grad(loss, leaf, allow_unused=True)[0]
    finally:
        for handle in handles:
            handle.remove()


def _hook(node: Any, look: Look) -> Callable[[Any, Any], None]:
    def hook(left: Gradients, entered: Gradients) -> None:
        look(node, entered, left)

    return hook


class FirstNonFinite:
    """Finds the first node that makes a gradient not finite.

    Args:
        ops: The operation that made each node.
        discarded: Tells whether results of an operation are thrown away later.
    """

    def __init__(self, ops: dict[Any, Op], discarded: Callable[[Op], bool]) -> None:
        self.ops, self.discarded = ops, discarded
        self.found: NonFinite | None = None

    def __call__(self, node: Any, entered: Gradients, left: Gradients) -> None:
        if self.found is not None or not _finite(entered) or _finite(left):
            return
        op = self.ops.get(node)
        bad = next(g for g in left if g is not None and not _finite([g]))
        into = next((g for g in entered if g is not None), None)
        # What a `where` throws away gets a gradient of 0, and 0 * inf is NaN.
        zero = False
        if into is not None and into.shape == bad.shape:
            zero = bool((into[~torch.isfinite(bad)] == 0).all())
        self.found = NonFinite(
            None if op is None else op.at,
            node.name() if op is None else op.name,
            backward=True,
            zero_gradient=zero and op is not None and self.discarded(op),
            divides_by_zero="Div" in node.name(),
            nan=bool(torch.isnan(bad).any()),
        )


def _finite(gradients: Gradients) -> bool:
    return all(g is None or bool(torch.isfinite(g).all()) for g in gradients)


class MostLost:
    """Finds the node at which most entries of the gradient vanish."""

    def __init__(self, ops: dict[Any, Op]) -> None:
        self.ops = ops
        self.op: Op | None = None
        self._most = 0.0

    def __call__(self, node: Any, entered: Gradients, left: Gradients) -> None:
        into = next((g for g in entered if g is not None), None)
        if into is None or node not in self.ops:
            return
        for out in left:
            if out is not None and out.shape == into.shape:
                lost = float(((into != 0) & (out.abs() < LOST * into.abs())).sum())
                if lost > self._most:
                    self._most, self.op = lost, self.ops[node]

"""Walks over the autograd graph."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor


def nodes_of(result: Tensor) -> Iterator[Any]:
    """Every node of the graph of a result, each once."""
    seen: set[Any] = set()
    waiting = [result.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            yield node
            waiting += [parent for parent, _ in node.next_functions]


def leaves_of(result: Tensor) -> Iterator[Tensor]:
    """The leaves that the graph of a result leads to."""
    for node in nodes_of(result):
        variable = getattr(node, "variable", None)
        if variable is not None:
            yield variable


def reaches(result: Tensor, leaf: Tensor) -> bool:
    """Whether the graph of a result leads to a leaf."""
    return any(found is leaf for found in leaves_of(result))

"""Inputs, targets and predictions as trees: nested tuples, dictionaries, dataclasses.

Tensors with an axis hold samples on axis 0. Everything else, such as None, flags, or a
tensor without an axis, is shared by the samples and passed on unchanged.
"""

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import torch
from torch import Tensor

from .._foundation import check


@dataclass(frozen=True)
class Shared:
    """Wraps a tensor that all samples share, so that no function maps over it."""

    value: Tensor


def as_tree(tree: Any) -> Any:
    """Inputs or targets as a tree: shared tensors wrapped, the outermost type plain.

    A `DataLoader` turns tuples into lists, and a tokenizer has a dictionary type of its
    own.
    """
    if isinstance(tree, Mapping):
        tree = dict(tree)
    return map_tensors(_mark, tuple(tree) if isinstance(tree, list) else tree)


def _mark(value: Tensor) -> Any:
    # A tensor from inference mode cannot be saved for a backward pass.
    value = value.clone() if value.is_inference() else value
    return value if value.ndim else Shared(value)


def unmarked(tree: Any) -> Any:
    """The tree without wrappers, as a model or a loss takes it."""
    if isinstance(tree, Shared):
        return tree.value
    return _rebuilt(tree, unmarked)


def tensors(tree: Any) -> Iterator[Tensor]:
    """The tensors of a tree, in order."""
    if isinstance(tree, Tensor):
        yield tree
    else:
        for _, entry in _entries(tree):
            yield from tensors(entry)


def named_tensors(tree: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """The tensors of a tree with their places in it, such as `['logits']` or `[0]`."""
    if isinstance(tree, Tensor):
        yield name, tree
    else:
        for key, entry in _entries(tree):
            yield from named_tensors(entry, f"{name}[{key!r}]")


def map_tensors(function: Callable[[Tensor], Any], tree: Any) -> Any:
    """The tree with the function applied to every tensor."""
    if isinstance(tree, Tensor):
        return function(tree)
    return _rebuilt(tree, lambda entry: map_tensors(function, entry))


def rows_of(tree: Any, rows: slice | int | Tensor) -> Any:
    """The tree with the same rows of every tensor."""
    return map_tensors(lambda t: t[rows], tree)


def as_batch_of_one(tree: Any) -> Any:
    """One sample as a batch of one."""
    return map_tensors(lambda t: t.unsqueeze(0), tree)


def flatten(tree: Any) -> tuple[list[Tensor], Callable[[list[Tensor]], Any]]:
    """The tensors of a tree, and a function that puts other tensors in their places."""

    def joined(values: list[Tensor]) -> Any:
        rest = iter(values)
        return map_tensors(lambda _: next(rest), tree)

    return list(tensors(tree)), joined


def sample_count(x: Any, y: Any) -> int:
    """The number of samples: the first axis of every input and target."""
    sizes = set()
    for name, tree in (("x", x), ("y", y)):
        if isinstance(tree, Shared):
            raise ValueError(f"{name} must have samples on axis 0, got a scalar")
        _check_leaves(name, tree, top=True)
        sizes |= {len(value) for value in tensors(tree)}
    if len(sizes) != 1 or 0 in sizes:
        raise ValueError(
            "x and y must hold the same number of samples, 1 or more, on axis 0, "
            f"got {sorted(sizes)}"
        )
    return sizes.pop()


def _check_leaves(name: str, tree: Any, top: bool = False) -> None:
    entries = _entries(tree)
    for _, entry in entries:
        _check_leaves(name, entry)
    # An array holds samples, so it must be a tensor.
    if not entries and (hasattr(tree, "__array__") or (top and tree is not None)):
        check.tensor(name, tree)


def _entries(tree: Any) -> list[tuple[Any, Any]]:
    if isinstance(tree, tuple | list):
        return list(enumerate(tree))
    if isinstance(tree, Mapping):
        return list(tree.items())
    if is_dataclass(tree) and not isinstance(tree, type | Shared):
        return [(field.name, getattr(tree, field.name)) for field in fields(tree)]
    return []


def _rebuilt(tree: Any, function: Callable[[Any], Any]) -> Any:
    """A tree of the same type, with the function applied to each entry."""
    if isinstance(tree, Mapping):
        made = {key: function(entry) for key, entry in tree.items()}
        if type(tree) is dict:
            return made
        # The outputs of transformers are both dictionaries and dataclasses.
        return type(tree)(**made) if is_dataclass(tree) else _like(tree, made)
    if isinstance(tree, tuple | list):
        entries = [function(entry) for entry in tree]
        return type(tree)(*entries) if hasattr(tree, "_fields") else type(tree)(entries)
    if is_dataclass(tree) and not isinstance(tree, type | Shared):
        other = copy(tree)
        for name, entry in _entries(tree):
            object.__setattr__(other, name, function(entry))
        return other
    return tree


def _like(tree: Mapping[Any, Any], made: dict[Any, Any]) -> Any:
    make: Any = type(tree)
    try:
        return make(made)
    except TypeError:
        return made


def stacked(trees: list[Any]) -> Any:
    """Predictions for single samples as one tree with samples on axis 0."""
    columns = [torch.stack(c) for c in zip(*map(tensors, trees), strict=True)]
    return flatten(trees[0])[1](columns)

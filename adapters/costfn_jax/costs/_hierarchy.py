"""A cost matrix from a tree of classes, in JAX."""

from collections.abc import Iterable, Mapping, Sequence, Set

import jax.numpy as jnp

from .._foundation.types import Matrix

Path = tuple[str, ...]


def from_hierarchy(paths: Sequence[Sequence[str]]) -> Matrix:
    """Mirror of `costfn.costs.from_hierarchy`.

    The same arguments, values and errors.
    """
    return jnp.array(heights(paths), dtype=jnp.result_type(float))


def heights(paths: Sequence[Sequence[str]]) -> list[list[float]]:
    """The height at which each pair of classes meets."""
    classes = _leaves(paths)
    height: dict[Path, int] = {}
    for path in classes:
        for depth in range(len(path)):
            node = path[:depth]
            height[node] = max(height.get(node, 0), len(path) - depth)
    return [
        [0.0 if a == b else float(height[_meeting(a, b)]) for b in classes]
        for a in classes
    ]


def _leaves(paths: Sequence[Sequence[str]]) -> list[Path]:
    """The paths, checked."""
    if isinstance(paths, str | bytes | Mapping | Set) or not isinstance(
        paths, Iterable
    ):
        raise TypeError(
            "paths must be a sequence with one path per class, got "
            f"{type(paths).__name__}"
        )
    classes = [_names(path) for path in paths]
    if len(classes) < 2:
        raise ValueError(f"paths must be those of 2 or more classes, got {classes}")
    nodes = {path[:depth] for path in classes for depth in range(len(path))}
    seen: set[Path] = set()
    for path in classes:
        if not path or path in nodes:
            raise ValueError(
                "paths must lead to leaves, each named once from the root down, got "
                f"{path} which is empty or on the way to another class"
            )
        if path in seen:
            raise ValueError(f"paths must be distinct, got {path} twice")
        seen.add(path)
    return classes


def _names(path: object) -> Path:
    # A string is also a sequence of strings: its letters would make a tree.
    if isinstance(path, str | bytes | Mapping | Set) or not isinstance(path, Iterable):
        raise TypeError(
            "paths must hold a sequence of names for each class, such as "
            f"('animal', 'dog'), got {path!r}; a class right below the root is "
            f"({path!r},)"
        )
    names = tuple(path)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(
                f"paths must hold names, got {name!r} of type {type(name).__name__} in "
                f"{names}; paths may differ in length and need no padding"
            )
        if not name:
            raise ValueError(f"paths must hold names, got an empty one in {names}")
    return names


def _meeting(a: Path, b: Path) -> Path:
    shared = 0
    while a[shared] == b[shared]:
        shared += 1
    return a[:shared]

"""Checks the options that the torch and the JAX side both take."""

from collections.abc import Collection
from typing import get_args

from .causes import CAUSES
from .inputs import Kind


def check_options(
    loss: object,
    shape: tuple[int, ...],
    *,
    batch_dim: int,
    kind: str | None,
    allow: Collection[str],
    budget_seconds: float,
) -> None:
    """Raise an error for a wrong option; `shape` is that of the prediction."""
    if not callable(loss):
        raise TypeError(f"loss must be callable, got {type(loss).__name__}")
    if 0 in shape:
        raise ValueError(f"prediction must not be empty, got shape {shape}")
    if batch_dim and not -len(shape) <= batch_dim < len(shape):
        raise ValueError(f"batch_dim must be an axis of prediction, got {batch_dim}")
    if kind not in (None, *get_args(Kind)):
        known = ", ".join(map(repr, get_args(Kind)))
        raise ValueError(f"kind must be one of {known}, got {kind!r}")
    unknown = set(allow) - set(CAUSES)
    if unknown:
        raise ValueError(
            f"allow must name causes, got {', '.join(sorted(unknown))}; there are "
            f"{', '.join(CAUSES)}"
        )
    if not budget_seconds > 0:
        raise ValueError(f"budget_seconds must be positive, got {budget_seconds}")

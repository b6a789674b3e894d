"""Checks of costs, of numbers per class, and of problems with costs, for JAX."""

from collections.abc import Sequence

import numpy as np
from jax import Array

from . import check


def cost_matrix(
    name: str,
    value: Array,
    *,
    classes: int | None = None,
    decisions: int | None = None,
    batch: Sequence[int] | None = None,
    non_negative: bool = False,
) -> None:
    """Checks a cost matrix `(classes, decisions)`, or with `batch` one per example."""
    check.numbers(name, value)
    shape = value.shape
    rows = f"{classes}" if classes else "classes"
    columns = f"{decisions}" if decisions else "decisions"
    if value.ndim < 2 or (batch is None and value.ndim > 2):
        raise ValueError(f"{name} must be a matrix ({rows}, {columns}), got {shape}")
    if batch is not None and value.ndim > 2 and shape[:-2] != tuple(batch):
        raise ValueError(
            f"{name} must be one matrix ({rows}, {columns}) or one per example, "
            f"{tuple(batch)} of them, got shape {shape}"
        )
    if (classes or shape[-2]) != shape[-2] or (decisions or shape[-1]) != shape[-1]:
        vectors = batch is not None and shape == (*batch, decisions)
        raise ValueError(
            f"{name} must have one row per true class and one column per decision, "
            f"({rows}, {columns}), got shape {shape}"
            + ("; one cost vector per example goes with target=None" * vectors)
        )
    if shape[-2] < 2 or shape[-1] < 2:
        raise ValueError(
            f"{name} must have 2 or more classes and decisions, got shape {shape}"
        )
    cost_values(name, value, non_negative=non_negative)


def cost_values(name: str, value: Array, *, non_negative: bool = False) -> None:
    """Checks that costs are finite and, where a loss needs it, not negative."""
    seen = check.readable_values(value)
    if seen is None:
        return
    if not np.isfinite(seen).all():
        where = np.argwhere(~np.isfinite(seen))[0].tolist()
        raise ValueError(
            f"{name} must be finite, got {seen[tuple(where)].item()} at {where}"
        )
    if non_negative and seen.min() < 0:
        where = np.argwhere(seen == seen.min())[0].tolist()
        raise ValueError(
            f"{name} must be at least 0, got {seen.min().item():.6g} at {where}; "
            "subtracting from each row of costs its smallest changes no decision"
        )


def zero_diagonal(name: str, value: Array) -> None:
    """Checks that the right decision is free."""
    seen = check.readable_values(value)
    if seen is None:
        return
    own = seen.diagonal(axis1=-2, axis2=-1)
    if own.any():
        raise ValueError(
            f"{name} must be 0 on its diagonal, the cost of the right decision, got "
            f"{own[own != 0][0].item():.6g}; subtracting from each row its diagonal "
            "changes no decision"
        )


def decision_problem(
    logits: Array,
    target: Array | None,
    cost: Array,
    *,
    non_negative: bool = False,
) -> None:
    """Checks scores of decisions, a target or None, and their costs."""
    check.scores("logits", logits)
    batch, decisions = logits.shape[:-1], logits.shape[-1]
    if target is None:
        check.numbers("cost", cost)
        if cost.shape != logits.shape:
            raise ValueError(
                "cost must be one cost vector per example where target is None, "
                f"shape {logits.shape}, got {cost.shape}"
            )
        cost_values("cost", cost, non_negative=non_negative)
        return
    cost_matrix(
        "cost", cost, decisions=decisions, batch=batch, non_negative=non_negative
    )
    check.target(target, batch, cost.shape[-2])


def class_problem(
    logits: Array,
    target: Array,
    cost: Array,
    *,
    square: bool = True,
    non_negative: bool = False,
    where: Array | None = None,
) -> None:
    """Checks scores of classes, a target, and costs with a row per class."""
    check.scores("logits", logits)
    batch, classes = logits.shape[:-1], logits.shape[-1]
    cost_matrix(
        "cost",
        cost,
        classes=classes,
        decisions=classes if square else None,
        batch=batch,
        non_negative=non_negative,
    )
    check.target(target, batch, classes, where)


def per_class(name: str, value: Array, classes: int | None = None) -> None:
    """Checks one number per class: of a given length, or of 2 or more."""
    check.numbers(name, value)
    if value.ndim != 1 or len(value) < 2 or (classes or len(value)) != len(value):
        raise ValueError(
            f"{name} must be one number per class, shape ({classes or 'classes'},), "
            f"got {value.shape}"
        )

"""Shapes such as (N, 1) and (N,) that broadcast to (N, N) by accident."""

import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from .._method.report import Finding, finding
from .._method.source import Source
from .._method.thresholds import BROADCAST_CHANGES


def broadcasts(
    loss: Callable[[Any, Any], Any], p: Any, t: Any, source: Source
) -> Iterator[Finding]:
    """Operands of as many entries, but unlike ranks, that make a larger result.

    JAX raises an error at such a place if it is told to, and names both shapes.

    Args:
        loss: The loss as a scalar of prediction and target.
        p: The prediction.
        t: The target.
        source: Tells the user's code from libraries.
    """
    try:
        with jax.numpy_rank_promotion("raise"):
            loss(p, t)
    except Exception as error:
        pair = _shapes_in(str(error))
        if pair is None:
            return
        a, b = pair
        joint = tuple(np.broadcast_shapes(a, b))
        if math.prod(a) != math.prod(b) or math.prod(joint) == math.prod(a):
            return
        value = float(loss(p, t))
        evidence = {"loss": value}
        if {p.shape, getattr(t, "shape", None)} == {a, b}:
            evidence["in one shape"] = float(loss(p.reshape(t.shape), t))
        change = abs(evidence.get("in one shape", value) - value)
        yield finding(
            "error" if change > BROADCAST_CHANGES * abs(value) else "warning",
            "BROADCAST",
            f"{a} against {b} becomes {joint}",
            source.of_error(error),
            evidence=evidence,
        )


def _shapes_in(message: str) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """The two shapes that an error about rank promotion names."""
    if "rank_promotion" not in message:
        return None
    named = re.findall(r"\(([\d, ]*)\)", message.partition("with")[0])
    shapes = [tuple(int(n) for n in re.findall(r"\d+", part)) for part in named]
    return (shapes[0], shapes[1]) if len(shapes) == 2 else None

"""Scores to soft decisions, in JAX: what stands in for argmax while training."""

from jax import Array

from ._foundation.options import (
    ABOVE_ZERO,
    BELOW_HALF,
    BELOW_ONE,
    FINITE,
    number_per_class,
)
from ._foundation.soft_decisions import (
    Amplified,
    PiecewiseLinear,
    RaisedCosine,
    Relaxation,
    Sigmoid,
    Softmax,
    StraightThrough,
)

__all__ = [
    "Relaxation",
    "amplified",
    "piecewise_linear",
    "raised_cosine",
    "sigmoid",
    "softmax",
    "straight_through",
]


def softmax(temperature: float | Array = 1.0) -> Relaxation:
    """Mirror of `costfn.relaxations.softmax`: the same arguments, values and errors."""
    number_per_class("temperature", temperature, ABOVE_ZERO)
    return Softmax(temperature)


def sigmoid(slope: float | Array = 1.0, threshold: float | Array = 0.0) -> Relaxation:
    """Mirror of `costfn.relaxations.sigmoid`: the same arguments, values and errors."""
    number_per_class("slope", slope, ABOVE_ZERO)
    number_per_class("threshold", threshold, FINITE)
    return Sigmoid(slope, threshold)


def amplified(slope: float | Array = 73.0) -> Relaxation:
    """Mirror of `costfn.relaxations.amplified`.

    The same arguments, values and errors.
    """
    number_per_class("slope", slope, ABOVE_ZERO)
    return Amplified(slope)


def raised_cosine(
    threshold: float | Array = 0.5, width: float | Array = 0.1
) -> Relaxation:
    """Mirror of `costfn.relaxations.raised_cosine`.

    The same arguments, values and errors.
    """
    number_per_class("threshold", threshold, FINITE)
    number_per_class("width", width, ABOVE_ZERO)
    return RaisedCosine(threshold, width)


def piecewise_linear(
    threshold: float | Array = 0.5, delta: float | Array = 0.2
) -> Relaxation:
    """Mirror of `costfn.relaxations.piecewise_linear`.

    The same arguments, values and errors.
    """
    number_per_class("threshold", threshold, BELOW_ONE)
    number_per_class("delta", delta, BELOW_HALF)
    return PiecewiseLinear(threshold, delta)


def straight_through(of: Relaxation | None = None) -> Relaxation:
    """Mirror of `costfn.relaxations.straight_through`.

    The same arguments, values and errors.
    """
    if of is not None and not callable(of):
        raise TypeError(f"of must be a relaxation or None, got {type(of).__name__}")
    return StraightThrough(Softmax() if of is None else of)

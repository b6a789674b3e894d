"""The truth: the textbook formula with 110 digits, differentiated by differences.

Forward differences with a step of 1e-27 leave some 25 right digits of every derivative
up to the third, and need no other knowledge of a loss than its definition.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from mpmath import mp, mpf

from textbook import exact

from ._problems import Array, Problem, generator

DIGITS = 110
STEP = mpf(10) ** -27
Function = Callable[[Array], Any]


class Three(NamedTuple):
    """Of a loss, of its gradient, and of its Hessian times the problem's direction."""

    value: Any
    gradient: Any
    curvature: Any


class Reference(NamedTuple):
    """What a problem should give, in float64, with the situations as first axis.

    Attributes:
        truth: Right to the last digit.
        condition: How far relative errors of 1 in the inputs would move it.
        scale: The largest of it where all logits are 0, at least 1 / examples.
    """

    truth: Three
    condition: Three
    scale: Three


@cache
def reference(problem: Problem) -> Reference:
    """By the textbook."""
    shape, direction = problem.logits.shape, problem.direction
    with mp.workdps(DIGITS):
        rows = [
            _situation(problem, arguments, v.ravel())
            for arguments, v in zip(problem.situations(), direction, strict=True)
        ]

    def gather(row: int) -> Three:
        value, gradient, curvature = (
            np.array([found[row][quantity] for found in rows]) for quantity in range(3)
        )
        return Three(value[:, 0], gradient.reshape(shape), curvature.reshape(shape))

    return Reference(gather(0), gather(1), gather(2))


def _situation(
    problem: Problem, arguments: tuple[Any, ...], v: Array
) -> tuple[list[Array], list[Array], list[Array]]:
    """Truth, condition and scale of one, each as flat arrays of three lengths."""
    real = [i for i, x in enumerate(arguments) if np.asarray(x).dtype.kind == "f"]
    ends = np.cumsum([arguments[i].size for i in real])

    def f(flat: Array) -> Any:
        rebuilt = list(arguments)
        for i, part in zip(real, np.split(flat, ends[:-1]), strict=True):
            rebuilt[i] = part.reshape(arguments[i].shape)
        return problem.formula(*rebuilt)

    x = exact(np.concatenate([arguments[i].ravel() for i in real]))
    rest = x.copy()
    rest[: len(v)] = exact(problem.rest(*arguments).ravel())
    near = x * (1 + STEP * generator(problem, "signs").choice([-1, 1], len(x)))
    here, there, at_rest = (_three(f, point, v) for point in (x, near, rest))
    moved = [abs(a - b) / STEP for a, b in zip(there, here, strict=True)]
    floor = 1 if problem.batched else 1 / len(arguments[0])
    scale = [np.full(q.shape, max(abs(q).max(), floor)) for q in at_rest]
    truth, condition, scale = (
        [q.astype(np.float64) for q in three] for three in (here, moved, scale)
    )
    return truth, condition, scale


def _three(f: Function, x: Array, v: Array) -> list[Array]:
    """Value, gradient, and curvature along `v`, by forward differences."""
    steps = np.eye(len(v), len(x), dtype=int) * STEP
    along = x + exact(v) @ steps
    value, beside = f(x), f(along)
    gradient = np.array([f(x + step) - value for step in steps]) / STEP
    there = np.array([f(along + step) - beside for step in steps]) / STEP
    return [np.array([value]), gradient, (there - gradient) / STEP]

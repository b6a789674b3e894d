"""Clauses on derivatives: right, and the same by every way to take them."""

from collections.abc import Callable
from functools import partial

import numpy as np

from ._backend import EPS, Loss, Transform
from ._strategies import Array
from ._tolerance import CURVATURE, GRADIENT, STEP, VALUE, compare, tolerance
from ._trial import BreachError, Trial, UnfitError, generic, shown, total_of

# The weights of the quotient below sum to 1.5 in magnitude.
WEIGHTS = 1.5
# Far below any change of a loss but by rounding, far above the rounding of the scores.
NOTHING = 2.0**-34


def gradient(trial: Trial) -> None:
    """The gradient is that of finite differences in float64."""
    at = trial.nudged()
    direction = generic(at.scores.shape)
    found = at.gradient()
    expected, allowed = _differences(
        lambda distance: at.moved(distance).losses().sum(),
        tolerance(at, VALUE, at.losses().sum(), _rounding(at)),
    )
    along = (found * direction).sum()
    if not abs(along - expected) <= allowed:
        raise BreachError(
            f"the derivative along {shown(direction)} is {along:.9g} by the gradient "
            f"{shown(found)}, but {expected:.9g} by finite differences, at scores of "
            f"{shown(at.scores)}"
        )


def second_derivative(trial: Trial) -> None:
    """The derivative of the gradient is that of finite differences in float64."""
    at = trial.nudged()
    found = at.curvature()
    expected, allowed = _differences(
        lambda distance: at.moved(distance).gradient(),
        tolerance(at, GRADIENT, at.gradient(), _rounding(at)),
    )
    if not (abs(found - expected) <= allowed).all():
        raise BreachError(
            f"the Hessian times {shown(generic(at.scores.shape))} is {shown(found)}, "
            f"but {shown(expected)} by finite differences of the gradient, at scores "
            f"of {shown(at.scores)}"
        )


def _rounding(trial: Trial) -> float:
    return WEIGHTS * EPS[trial.arithmetic] / STEP


def _differences(
    function: Callable[[float], Array], allowed: Array
) -> tuple[Array, Array]:
    """Derivative at 0 by central differences of fourth order, and the tolerance.

    Two steps must agree: at a kink they do not, and there is nothing to compare with.
    What they differ by, and what the function wobbles by over no distance at all, is
    added to the tolerance: the first is curvature, the second cancellation inside the
    loss, and `precision` speaks of that.
    """

    def quotient(step: float) -> Array:
        near = function(step) - function(-step)
        far = function(2 * step) - function(-2 * step)
        result: Array = (8 * near - far) / (12 * step)
        return result

    wobble = np.diff([function(i * NOTHING) for i in range(6)], n=3, axis=0)
    allowed = allowed + WEIGHTS * abs(wobble).max(0) / STEP
    first, second = quotient(STEP), quotient(STEP / 2)
    if not (abs(first - second) <= 3 * allowed).all():
        raise UnfitError(
            "finite differences do not settle (it is rounded, or has kinks everywhere)"
        )
    return second, 2 * allowed + abs(first - second)


def reverse_mode(trial: Trial) -> None:
    """The transforms that take gradients give the usual one."""
    expected = ("the usual gradient", trial.gradient())
    for name, transform in trial.backend.gradients.items():
        found = trial.call(name, partial(_of_total, trial, transform))
        compare(trial, GRADIENT, (f"the gradient by {name}", found), expected)


def forward_mode(trial: Trial) -> None:
    """Forward mode gives the derivatives that reverse mode does."""
    trial = trial.nudged()
    reverse = trial.gradient()
    for name, transform in trial.backend.forward.items():
        found = trial.call(name, partial(_of_total, trial, transform))
        compare(
            trial,
            GRADIENT,
            (f"the gradient by {name}", found),
            ("by reverse mode", reverse),
        )
    found = trial.call("jvp", lambda: trial.backend.along(trial.total(), generic))
    compare(
        trial,
        GRADIENT,
        (f"the derivative along {shown(generic(reverse.shape))} by jvp", found),
        ("by reverse mode", (reverse * generic(reverse.shape)).sum()),
    )


def hessian(trial: Trial) -> None:
    """Hessians by reverse over reverse and forward over reverse mode are the same."""
    trial = trial.nudged()
    expected = ("by two gradients", trial.curvature())
    direction = generic(trial.scores.shape)
    for name, transform in trial.backend.hessians.items():
        matrix = trial.call(name, partial(_of_total, trial, transform))
        found = np.tensordot(matrix, direction, direction.ndim)
        said = f"the Hessian times {shown(direction)} by {name}"
        compare(trial, CURVATURE, (said, found), expected)


def _of_total(trial: Trial, transform: Transform) -> Loss:
    return transform(trial.total())


def compiled(trial: Trial) -> None:
    """The loss can be compiled as one graph, and it and its gradient stay the same."""
    backend = trial.backend
    with backend.setting(trial.dtype):
        loss, graph = trial.loss(), backend.compiled(trial.loss())
        of_loss, of_graph = (backend.gradient(total_of(f)) for f in (loss, graph))
        for quantity, name, actual, expected in (
            (VALUE, "loss", graph, loss),
            (GRADIENT, "gradient", of_graph, of_loss),
        ):
            compare(
                trial,
                quantity,
                (f"the compiled {name}", backend.array(actual(*trial.tensors()))),
                (f"the {name}", backend.array(expected(*trial.tensors()))),
            )

"""Clauses on derivatives: they are correct, and every method gives the same."""

from collections.abc import Callable
from functools import partial

import numpy as np

from ._backend import EPS, Loss, Transform
from ._strategies import Array
from ._tolerance import CURVATURE, GRADIENT, STEP, VALUE, compare, tolerance
from ._trial import BreachError, Trial, UnfitError, as_text, fixed_numbers, total_of

# The magnitudes of the weights in `quotient` below sum to 1.5, so it multiplies the
# rounding of what it differentiates by 1.5 / step.
WEIGHTS = 1.5
# A distance over which a smooth loss changes by less than its rounding, and which is
# still far above the rounding of the scores.
NEARBY = 2.0**-34


def gradient(trial: Trial) -> None:
    """The gradient agrees with finite differences in float64."""
    at = trial.nudged()
    direction = fixed_numbers(at.scores.shape)
    found = at.gradient()
    expected, allowed = _differences(
        lambda distance: at.moved(distance).losses().sum(),
        tolerance(at, VALUE, at.losses().sum(), _rounding(at)),
    )
    along = (found * direction).sum()
    if not abs(along - expected) <= allowed:
        raise BreachError(
            f"the derivative along {as_text(direction)} is {along:.9g} by the gradient "
            f"{as_text(found)}, but {expected:.9g} by finite differences, at scores of "
            f"{as_text(at.scores)}"
        )


def second_derivative(trial: Trial) -> None:
    """The derivative of the gradient agrees with finite differences in float64."""
    at = trial.nudged()
    found = at.curvature()
    expected, allowed = _differences(
        lambda distance: at.moved(distance).gradient(),
        tolerance(at, GRADIENT, at.gradient(), _rounding(at)),
    )
    if not (abs(found - expected) <= allowed).all():
        raise BreachError(
            f"the Hessian times {as_text(fixed_numbers(at.scores.shape))} is "
            f"{as_text(found)}, but {as_text(expected)} by finite differences of the "
            f"gradient, at scores of {as_text(at.scores)}"
        )


def _rounding(trial: Trial) -> float:
    return WEIGHTS * EPS[trial.working_dtype] / STEP


def _differences(
    function: Callable[[float], Array], allowed: Array
) -> tuple[Array, Array]:
    """Derivative at 0 by central differences of fourth order, and the tolerance.

    Results for two step sizes must agree. At a kink they do not, and then there is
    nothing to compare with. Two errors are added to the tolerance: the difference of
    the two results, which is curvature, and the noise of the function over a tiny
    distance, which is cancellation inside the loss (the clause `precision` checks it).
    """

    def quotient(step: float) -> Array:
        near = function(step) - function(-step)
        far = function(2 * step) - function(-2 * step)
        result: Array = (8 * near - far) / (12 * step)
        return result

    # Over this distance third differences of a smooth function are 0. These are noise.
    noise = np.diff([function(i * NEARBY) for i in range(6)], n=3, axis=0)
    allowed = allowed + WEIGHTS * abs(noise).max(0) / STEP
    first, second = quotient(STEP), quotient(STEP / 2)
    if not (abs(first - second) <= 3 * allowed).all():
        raise UnfitError(
            "finite differences of two step sizes disagree, because the loss rounds "
            "its values or has kinks everywhere"
        )
    return second, 2 * allowed + abs(first - second)


def reverse_mode(trial: Trial) -> None:
    """Every transform that takes gradients gives the usual gradient."""
    expected = ("the usual gradient", trial.gradient())
    for name, transform in trial.backend.gradients.items():
        found = trial.call(name, partial(_of_total, trial, transform))
        compare(trial, GRADIENT, (f"the gradient by {name}", found), expected)


def forward_mode(trial: Trial) -> None:
    """Forward mode and reverse mode give the same derivatives."""
    trial = trial.nudged()
    reverse = trial.gradient()
    for name, transform in trial.backend.forward.items():
        found = trial.call(name, partial(_of_total, trial, transform))
        compare(
            trial,
            GRADIENT,
            (f"the gradient by {name}", found),
            ("the gradient by reverse mode", reverse),
        )
    found = trial.call(
        "jvp",
        lambda: trial.backend.directional_derivative(trial.total(), fixed_numbers),
    )
    compare(
        trial,
        GRADIENT,
        (f"the derivative along {as_text(fixed_numbers(reverse.shape))} by jvp", found),
        (
            "the derivative by reverse mode",
            (reverse * fixed_numbers(reverse.shape)).sum(),
        ),
    )


def hessian(trial: Trial) -> None:
    """Reverse over reverse and forward over reverse mode give the same Hessian."""
    trial = trial.nudged()
    expected = ("the product by two gradients", trial.curvature())
    direction = fixed_numbers(trial.scores.shape)
    for name, transform in trial.backend.hessians.items():
        matrix = trial.call(name, partial(_of_total, trial, transform))
        found = np.tensordot(matrix, direction, direction.ndim)
        label = f"the Hessian times {as_text(direction)} by {name}"
        compare(trial, CURVATURE, (label, found), expected)


def _of_total(trial: Trial, transform: Transform) -> Loss:
    return transform(trial.total())


def compiled(trial: Trial) -> None:
    """The loss compiles as one graph, which gives the same loss and gradient."""
    backend = trial.backend
    with backend.context(trial.dtype):
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

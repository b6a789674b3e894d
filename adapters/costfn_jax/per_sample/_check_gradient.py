"""Checks that a loss has a gradient, and asks the doctor if it has none."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from .._foundation import check


def check_gradient(
    loss: Callable[..., Array], prediction: Any, targets: tuple[Any, ...]
) -> None:
    """Asks the doctor about a loss without a gradient.

    A gradient of 0 may be correct, as for a hinge beyond its margin, so other
    predictions are tried. It is not if the loss is piecewise constant.
    """
    if not isinstance(prediction, Array) or check.readable_values(prediction) is None:
        return
    slope = jax.grad(lambda z: loss(z, *targets).sum())
    others = (prediction, -prediction, jnp.flip(prediction, 0))
    found = [check.readable_values(slope(z)) for z in others]
    if any(f is None or f.any() for f in found):
        return
    try:
        traced = jax.make_jaxpr(lambda z: loss(z, *targets))(prediction).jaxpr
    except Exception:  # it looks at values, so the doctor could not follow it either
        return
    taken = [v for equation in traced.eqns for v in equation.invars]
    connected = any(v is traced.invars[0] for v in taken)
    ask_the_doctor(loss, prediction, targets, connected)


# Causes that a gradient of 0 alone brings about. They do not point to a line.
_WITHOUT_A_LINE = {"PRED_IGNORED", "TARGET_IGNORED", "NAN_SINGULAR"}


def ask_the_doctor(
    loss: Callable[..., Array],
    prediction: Array,
    targets: tuple[Any, ...],
    connected: bool = False,
) -> None:
    """Raises an error with the doctor's report if the loss is broken.

    If the loss is `connected` to the predictions, only causes in its own lines count:
    its gradient may rightly be 0 for these predictions and targets.
    """
    # Imported here, because the doctor is large and rarely needed.
    from ..doctor import diagnose

    if len(targets) > 1:
        report = diagnose(lambda z, t: loss(z, *t), prediction, targets)
    else:
        report = diagnose(loss, prediction, targets[0] if targets else None)
    own = [f for f in report.findings if f.severity != "information"]
    if not connected or any(f.cause not in _WITHOUT_A_LINE for f in own):
        report.raise_if_broken()

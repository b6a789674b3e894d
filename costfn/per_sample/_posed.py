"""From the arguments of a public function to a problem, and its solution."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import torch
from torch import Tensor
from torch.func import grad

from .. import _check
from ._functional import (
    Inputs,
    Loss,
    Model,
    Randomness,
    Selection,
    Targets,
    check_options,
    count,
    pure,
)
from ._problem import Problem, rows_of
from ._trial import ask_the_doctor, check_loss, is_known, maps_over_samples

Result = TypeVar("Result")


def problem(
    model: Model,
    loss: Loss,
    x: Inputs,
    y: Targets,
    *,
    parameters: Selection | None = None,
    chunk_size: int | None = None,
    batched: bool = True,
    randomness: Randomness = "error",
) -> Problem:
    """The problem that the arguments of a public function state, checked."""
    made = _unchecked(model, loss, x, y, parameters, chunk_size, batched, randomness)
    if not is_known(loss) and not torch.compiler.is_compiling():
        check_loss(made)
    return made


def _unchecked(
    model: Model,
    loss: Loss,
    x: Inputs,
    y: Targets,
    parameters: Selection | None,
    chunk_size: int | None,
    batched: bool,
    randomness: Randomness,
) -> Problem:
    check_options(chunk_size, randomness)
    if not callable(loss):
        raise TypeError(
            "loss must be a function of prediction and target, "
            f"got {type(loss).__name__}"
        )
    size = count(x, y)
    call, params = pure(model, parameters)
    return Problem(call, loss, params, x, y, size, chunk_size, batched, randomness)


def linearized(
    model: Model,
    batch_loss: Loss,
    x: Inputs,
    y: Targets,
    *,
    parameters: Selection | None = None,
    chunk_size: int | None = None,
    batched: bool = True,
) -> Problem:
    """The problem whose gradients are the contributions to a loss of the batch."""
    made = _unchecked(model, batch_loss, x, y, parameters, chunk_size, batched, "error")

    def of_predictions(z: Tensor) -> Tensor:
        value = batch_loss(z, *made.targets)
        if value.ndim:
            raise ValueError(
                "batch_loss must return one number for the batch, got the shape "
                f"{tuple(value.shape)}; reduce it: "
                "lambda z, y: costfn.reduce(loss(z, y))"
            )
        return value

    z = made.predictions()
    cotangents = grad(of_predictions)(z)
    seen = _check.visible(cotangents)
    if seen is not None and not seen.any():
        ask_the_doctor(batch_loss, z, made.targets)
    return replace(made, loss=inner, y=cotangents)


def inner(prediction: Tensor, cotangent: Tensor) -> Tensor:
    """The part of a batch's loss, to first order, that one sample's prediction has."""
    return (prediction * cotangent).sum()


def solve(run: Callable[[Problem], Result], made: Problem) -> Result:
    """Runs it; if it is the loss that `vmap` cannot run, with the loss in a loop.

    Such as a loss that looks at its values, or an operation without a batching rule.
    The loss is small beside the model, so a loop over the samples will do.
    """
    try:
        return run(made)
    except RuntimeError:
        if made.randomness != "error" or maps_over_samples(made):
            raise
    z = made.predictions()
    cotangents = [
        grad(made.judge)(z[i : i + 1], rows_of(made.y, i)) for i in range(len(z))
    ]
    return run(replace(made, loss=inner, y=torch.cat(cotangents)))

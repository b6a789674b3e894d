"""Clauses on examples: alone, together, mapped and in another order."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ._backend import Loss, Transform
from ._strategies import Array
from ._tolerance import GRADIENT, VALUE, compare
from ._trial import InapplicableError, Trial, UnfitError, total_of


def vmap(trial: Trial) -> None:
    """The loss under `vmap` is what it is for one example at a time."""
    compare(
        trial,
        VALUE,
        ("the loss under vmap", _mapped(trial, "vmap", lambda f: f)),
        ("of one at a time", _alone(trial, Trial.losses)),
    )


def per_sample_gradients(trial: Trial) -> None:
    """The gradient under `vmap(grad)` is what it is for one example at a time."""

    def gradient(function: Loss) -> Loss:
        return trial.backend.grad(total_of(function))

    compare(
        trial,
        GRADIENT,
        ("the gradient by vmap(grad)", _mapped(trial, "vmap(grad)", gradient)),
        ("of one at a time", _alone(trial, Trial.gradient)),
    )


def independence(trial: Trial) -> None:
    """The loss of an example does not depend on the other examples."""
    if not trial.per_sample:
        raise InapplicableError("one loss for the batch")
    compare(
        trial,
        VALUE,
        ("the loss of each example in the batch", trial.losses()),
        ("alone", _alone(trial, Trial.losses)),
    )


def permutation(trial: Trial) -> None:
    """The loss of a batch does not depend on the order of its examples."""
    if trial.per_sample:
        raise InapplicableError("one loss per example")
    compare(
        trial,
        VALUE,
        ("the loss of the batch from last to first", _reversed(trial).losses()),
        ("from first to last", trial.losses()),
    )


def _mapped(trial: Trial, name: str, transform: Transform) -> Array:
    """A function of an example, or of a whole batch for a loss of batches, mapped."""
    if not trial.size:
        raise UnfitError("it is empty")
    loss, dims, stacked = trial.loss(), trial.in_dims, trial
    if not trial.per_sample:
        both = zip(trial.arguments, _reversed(trial).arguments, dims, strict=True)
        pairs = (np.stack(pair) if dim == 0 else pair[0] for *pair, dim in both)
        stacked = replace(trial, arguments=tuple(pairs))

    def of_example(*arguments: Any) -> Any:
        each = zip(arguments, dims, strict=True)
        return loss(*(x[None] if dim == 0 else x for x, dim in each))[0]

    one = of_example if trial.per_sample else loss
    return stacked.call(name, lambda: trial.backend.vmap(transform(one), dims))


def _alone(trial: Trial, compute: Callable[[Trial], Array]) -> Array:
    if not trial.per_sample:
        return np.stack([compute(trial), compute(_reversed(trial))])
    each = (compute(trial.picked(np.s_[i : i + 1])) for i in range(trial.size))
    return np.concatenate(list(each))


def _reversed(trial: Trial) -> Trial:
    return trial.picked(np.s_[::-1])

"""Clauses on batches: examples alone, together, under `vmap`, in another order."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ._backend import Loss, Transform
from ._strategies import Array
from ._tolerance import GRADIENT, VALUE, compare
from ._trial import InapplicableError, Trial, UnfitError, total_of


def vmap(trial: Trial) -> None:
    """The loss under `vmap` is the same as for one example at a time."""
    compare(
        trial,
        VALUE,
        ("the loss under vmap", _mapped(trial, "vmap", lambda f: f)),
        ("the loss of one example at a time", _alone(trial, Trial.losses)),
    )


def per_sample_gradients(trial: Trial) -> None:
    """The gradient under `vmap(grad)` is the same as for one example at a time."""

    def gradient(function: Loss) -> Loss:
        return trial.backend.grad(total_of(function))

    compare(
        trial,
        GRADIENT,
        ("the gradient by vmap(grad)", _mapped(trial, "vmap(grad)", gradient)),
        ("the gradient of one example at a time", _alone(trial, Trial.gradient)),
    )


def independence(trial: Trial) -> None:
    """The loss of an example does not depend on the other examples."""
    if not trial.per_sample:
        raise InapplicableError("one loss for the batch")
    compare(
        trial,
        VALUE,
        ("the loss of each example in the batch", trial.losses()),
        ("the loss of each example alone", _alone(trial, Trial.losses)),
    )


def permutation(trial: Trial) -> None:
    """The loss of a batch does not depend on the order of its examples."""
    if trial.per_sample:
        raise InapplicableError("one loss per example")
    compare(
        trial,
        VALUE,
        ("the loss of the batch in reverse order", _reversed(trial).losses()),
        ("the loss in the given order", trial.losses()),
    )


def _mapped(trial: Trial, name: str, transform: Transform) -> Array:
    """The result of `vmap` over examples, or over two batches for a loss of batches."""
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
    """The same without `vmap`: a call for each example, or for each of two batches."""
    if not trial.per_sample:
        return np.stack([compute(trial), compute(_reversed(trial))])
    each = (compute(trial.selected(np.s_[i : i + 1])) for i in range(trial.size))
    return np.concatenate(list(each))


def _reversed(trial: Trial) -> Trial:
    return trial.selected(np.s_[::-1])

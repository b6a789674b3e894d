"""A clause that compares a loss with what it should be."""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from ._backend import EPS, Loss, backend_of
from ._strategies import Array
from ._tolerance import VALUE, compare
from ._trial import BreachError, InapplicableError, Trial

Formula = Callable[[Sequence[Array]], Array]
# A formula as it stands in a paper cancels here and there.
ALIKE = 2.0**-30


def reference(trial: Trial) -> None:
    """The loss is that of the reference, to some eight digits."""
    if trial.reference is None:
        raise InapplicableError("there is none")
    found, wanted = trial.losses(), trial.reference(trial.arguments)
    if found.shape != wanted.shape:
        raise BreachError(
            f"the loss has the shape {found.shape}, the reference {wanted.shape}"
        )
    said = ("the loss", found), ("the reference", wanted)
    compare(trial, VALUE, *said, eps=max(ALIKE, EPS[trial.arithmetic]))


def formula_of(function: Loss, arguments: Sequence[Array]) -> Formula:
    """A function of arrays, from one of torch, JAX or NumPy, tried in this order."""
    ways = [_by("torch", function)]
    if not isinstance(function, torch.nn.Module):
        if "jax" in sys.modules:
            ways.append(_by("jax", function))
        ways.append(lambda given: np.asarray(function(*given), dtype=float))
    first: Exception | None = None
    for way in ways:
        try:
            way(arguments)
        except Exception as error:
            first = first or error
        else:
            return way
    raise ValueError(
        "reference must take what the loss takes, as tensors or NumPy arrays; with "
        f"tensors it raised {type(first).__name__}: {first}"
    ) from first


def _by(framework: Any, function: Loss) -> Formula:
    backend = backend_of(function, framework)

    def value(arguments: Sequence[Array]) -> Array:
        with backend.setting("float64"):
            found = backend.loss("float64")(*backend.tensors(arguments, "float64"))
            if backend.dtype(found) is None:
                raise TypeError(f"it gave {type(found).__name__}")
            return backend.array(found)

    return value

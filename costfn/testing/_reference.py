"""The clause `reference`: the loss equals a function that the user gives."""

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
# The formula of a paper, written plainly, loses digits by cancellation.
REFERENCE_EPS = 2.0**-30


def reference(trial: Trial) -> None:
    """The loss agrees with the reference to about eight digits."""
    if trial.reference is None:
        raise InapplicableError("no reference was given")
    found, wanted = trial.losses(), trial.reference(trial.arguments)
    if found.shape != wanted.shape:
        raise BreachError(
            f"the loss has the shape {found.shape}, the reference {wanted.shape}"
        )
    eps = max(REFERENCE_EPS, EPS[trial.working_dtype])
    compare(trial, VALUE, ("the loss", found), ("the reference", wanted), eps=eps)


def formula_of(function: Loss, arguments: Sequence[Array]) -> Formula:
    """The function as one of NumPy arrays; torch, JAX and NumPy are tried in turn."""
    formulas = [_in_framework("torch", function)]
    if not isinstance(function, torch.nn.Module):
        if "jax" in sys.modules:
            formulas.append(_in_framework("jax", function))
        formulas.append(lambda given: np.asarray(function(*given), dtype=float))
    first: Exception | None = None
    for formula in formulas:
        try:
            formula(arguments)
        except Exception as error:
            first = first or error
        else:
            return formula
    raise ValueError(
        "reference must take what the loss takes, as tensors or NumPy arrays; with "
        f"tensors it raised {type(first).__name__}: {first}"
    ) from first


def _in_framework(framework: Any, function: Loss) -> Formula:
    backend = backend_of(function, framework)

    def value(arguments: Sequence[Array]) -> Array:
        with backend.context("float64"):
            found = backend.loss("float64")(*backend.tensors(arguments, "float64"))
            if backend.dtype(found) is None:
                raise TypeError(f"it returned {type(found).__name__}")
            return backend.array(found)

    return value

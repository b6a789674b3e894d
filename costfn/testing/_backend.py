"""What the clauses need from torch or JAX. Everything else they do in NumPy."""

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, Protocol, get_args

import torch

from ._strategies import Array

Loss = Callable[..., Any]
Transform = Callable[[Loss], Loss]
Direction = Callable[[tuple[int, ...]], Array]  # of a shape
Framework = Literal["torch", "jax"]
DType = Literal["float16", "bfloat16", "float32", "float64"]
EPS: dict[DType, float] = {
    "float16": 2.0**-10,
    "bfloat16": 2.0**-7,
    "float32": 2.0**-23,
    "float64": 2.0**-52,
}
HUGE: dict[DType, float] = {
    "float16": 65504.0,
    "bfloat16": 3.38e38,
    "float32": 3.4e38,
    "float64": 1.79e308,
}


class Backend(Protocol):
    """A loss in one framework. In all methods `total` is a loss that returns a scalar.

    Attributes:
        gradients: Transforms that take the gradient by reverse mode, by name.
        forward: Transforms that take it by forward mode.
        hessians: Transforms that take the Hessian.
    """

    gradients: Mapping[str, Transform]
    forward: Mapping[str, Transform]
    hessians: Mapping[str, Transform]

    def context(self, dtype: DType) -> AbstractContextManager[object]:
        """A context in which the framework can compute in this dtype."""

    def loss(self, dtype: DType) -> Loss:
        """The loss, with its own tensors in this dtype."""

    def tensors(self, arrays: Sequence[Array], dtype: DType) -> tuple[Any, ...]:
        """Arrays as tensors; floating-point ones in this dtype."""

    def array(self, tensor: Any) -> Array:
        """A tensor as an array, in float64 if it is floating point."""

    def dtype(self, value: object) -> str | None:
        """Name of the dtype of a floating-point tensor, else None."""

    def for_many_calls(self, function: Loss) -> Loss:
        """The same function, prepared for many calls: JAX compiles it."""

    def gradient(self, total: Loss) -> Loss:
        """Gradient by the scores, taken as users of the framework take it."""

    def curvature(self, total: Loss, direction: Direction) -> Loss:
        """Hessian times a direction, as the gradient of a gradient."""

    def directional_derivative(self, total: Loss, direction: Direction) -> Loss:
        """Derivative along a direction, by forward mode."""

    def grad(self, total: Loss) -> Loss:
        """Gradient by the scores, taken by the framework's `grad` transform."""

    def vmap(self, function: Loss, in_dims: Sequence[int | None]) -> Loss:
        """The function mapped over the first axis of some arguments."""

    def compiled(self, loss: Loss) -> Loss:
        """The loss as one graph."""


def backend_of(loss: Loss, framework: Framework) -> Backend:
    """The loss in this framework. The framework is imported here, when it is needed."""
    module = importlib.import_module(f"._{framework}_backend", __package__)
    backend: Backend = module.make(loss)
    return backend


def framework_of(loss: Loss, arrays: Sequence[Array]) -> Framework:
    """The framework whose tensors the loss takes and returns; torch if neither."""
    # Whoever wrote a JAX loss has imported JAX.
    if isinstance(loss, torch.nn.Module) or "jax" not in sys.modules:
        return "torch"
    for framework in get_args(Framework):
        backend = backend_of(loss, framework)
        try:
            with backend.context("float32"):
                value = backend.loss("float32")(*backend.tensors(arrays, "float32"))
        except Exception:
            continue
        if backend.dtype(value):
            found: Framework = framework
            return found
    return "torch"

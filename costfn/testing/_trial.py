"""A loss with one batch to call it on; results are NumPy arrays."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from ._backend import Backend, DType, Loss
from ._strategies import Array


class BreachError(Exception):
    """A loss breaks a clause: what it did, and the batch it was called with."""

    def __init__(self, message: str, arguments: tuple[Array, ...] = ()) -> None:
        super().__init__(message)
        self.arguments = arguments


class InapplicableError(Exception):
    """A clause does not apply to this kind of loss; the message says why."""


class UnfitError(Exception):
    """A clause cannot be checked on this batch; the message says why."""


@dataclass(frozen=True)
class Trial:
    """A loss and the arguments of one call.

    Attributes:
        backend: The loss, in torch or JAX.
        arguments: The scores, then the target and whatever else the loss takes.
        in_dims: For each argument 0 if it has an entry per example, else None.
        per_sample: Whether it returns one loss per example.
        task: What the target holds, see `assert_loss_contract`.
        dtype: The dtype of scores and other floating-point arguments.
        working_dtype: The dtype in which the loss computes when it is called with
            float64: narrower if it casts inside.
        labels_are_groups: Whether labels name groups, as in losses of pairs, instead of
            classes.
        reference: The expected loss as a function of the arguments, see `_reference`.
        functions: Functions made from the loss, by dtype and name, kept because tracing
            them is slow.
    """

    backend: Backend
    arguments: tuple[Array, ...]
    in_dims: tuple[int | None, ...]
    per_sample: bool
    task: str
    dtype: DType = "float64"
    working_dtype: DType = "float64"
    labels_are_groups: bool = False
    reference: Callable[[Sequence[Array]], Array] | None = None
    functions: dict[tuple[DType, str], Loss] = field(default_factory=dict, repr=False)

    @property
    def scores(self) -> Array:
        return self.arguments[0]

    @property
    def size(self) -> int:
        return len(self.scores)

    def tensors(self) -> tuple[Any, ...]:
        return self.backend.tensors(self.arguments, self.dtype)

    def loss(self) -> Loss:
        return self.backend.loss(self.dtype)

    def total(self) -> Loss:
        return total_of(self.loss())

    def output(self, name: str, make: Callable[[], Loss]) -> Any:
        """The result of a function of the arguments, made once for each name."""
        with self.backend.context(self.dtype):
            key = (self.dtype, name)
            if key not in self.functions:
                self.functions[key] = self.backend.for_many_calls(make())
            return self.functions[key](*self.tensors())

    def call(self, name: str, make: Callable[[], Loss]) -> Array:
        """The same result as a NumPy array."""
        return self.backend.array(self.output(name, make))

    def eager_losses(self) -> Array:
        """The losses by a plain call, without `jit` in JAX."""
        with self.backend.context(self.dtype):
            return self.backend.array(self.loss()(*self.tensors()))

    def losses(self) -> Array:
        return self.call("loss", self.loss)

    def gradient(self) -> Array:
        """Gradient of the sum of the losses by the scores."""
        return self.call("gradient", lambda: self.backend.gradient(self.total()))

    def curvature(self) -> Array:
        """The Hessian of that sum times the vector `fixed_numbers`."""
        return self.call(
            "curvature", lambda: self.backend.curvature(self.total(), fixed_numbers)
        )

    def with_scores(self, scores: Array) -> Self:
        return replace(self, arguments=(scores, *self.arguments[1:]))

    def with_target(self, target: Array) -> Self:
        return replace(self, arguments=(self.scores, target, *self.arguments[2:]))

    def with_dtype(self, dtype: DType) -> Self:
        """The trial in this dtype, with its arguments rounded to it."""
        with self.backend.context(dtype):
            tensors = self.backend.tensors(self.arguments, dtype)
            arguments = tuple(self.backend.array(x) for x in tensors)
        return replace(self, arguments=arguments, dtype=dtype)

    def moved(self, distance: float) -> Self:
        """The trial with scores moved along the direction `fixed_numbers`."""
        direction = fixed_numbers(self.scores.shape)
        return self.with_scores(self.scores + distance * direction)

    def nudged(self) -> Self:
        """The trial with scores moved off ties and round numbers, by up to 1/64.

        Losses often have kinks there. The scores move upwards. If the loss refuses
        that, as one of probabilities may, they move towards the middle of the scores,
        or else downwards.
        """
        offsets = (1.25 + fixed_numbers(self.scores.shape, start=2)) / 160
        middle = (self.scores.max(initial=0) + self.scores.min(initial=0)) / 2
        inwards = np.where(self.scores > middle, -offsets, offsets)
        return self.first_accepted(
            self.with_scores(self.scores + by) for by in (offsets, inwards, -offsets)
        )

    def first_accepted(self, trials: Iterable[Self]) -> Self:
        """The first of these whose scores the loss accepts; if none, the first."""
        several = list(trials)
        return next((trial for trial in several if trial.is_accepted()), several[0])

    def is_accepted(self) -> bool:
        """Whether the loss accepts these scores without an error."""
        try:
            self.losses()
        except Exception:
            return False
        return True

    def selected(self, index: Any) -> Self:
        """The trial with some of its examples, or with all in another order."""
        selected = tuple(
            x[index] if dim == 0 else x
            for x, dim in zip(self.arguments, self.in_dims, strict=True)
        )
        return replace(self, arguments=selected)


def total_of(loss: Loss) -> Loss:
    """The loss as a function that returns the sum of the losses."""
    return lambda *arguments: loss(*arguments).sum()


def fixed_numbers(shape: tuple[int, ...], start: int = 1) -> Array:
    """Fixed numbers in (-1, 1) without a pattern."""
    count = np.prod(shape, dtype=int)
    numbers: Array = np.sin(start + np.arange(count))
    return numbers.reshape(shape)


def as_text(values: Array, digits: int = 6) -> str:
    """An array in one line."""
    text = np.array2string(np.asarray(values), precision=digits, separator=", ")
    return " ".join(text.split())

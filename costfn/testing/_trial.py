"""A loss and one batch to try it on; results come as NumPy arrays."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from ._backend import DType, Loss, Backend
from ._strategies import Array


class BreachError(Exception):
    """What a loss did that breaks a clause, and the batch it was given."""

    def __init__(self, message: str, arguments: tuple[Array, ...] = ()) -> None:
        super().__init__(message)
        self.arguments = arguments


class InapplicableError(Exception):
    """Why a clause has nothing to say of a loss."""


class UnfitError(Exception):
    """Why a clause cannot be checked on this batch."""


@dataclass(frozen=True)
class Trial:
    """One batch: the scores first, then whatever else the loss takes."""

    backend: Backend
    arguments: tuple[Array, ...]
    in_dims: tuple[int | None, ...]
    per_sample: bool
    task: str
    dtype: DType = "float64"
    # What the loss computes in where it is given float64: less, if it casts inside.
    arithmetic: DType = "float64"
    # Whether labels are names of groups, as in losses of pairs, and no classes.
    groups: bool = False
    # What it should give, a function of the arguments as arrays; see `_reference`.
    reference: Callable[[Sequence[Array]], Array] | None = None
    # Functions made of the loss, by dtype and name: to trace one takes its time.
    made: dict[tuple[DType, str], Loss] = field(default_factory=dict, repr=False)

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
        """What a function of the arguments gives; it is made once for each name."""
        with self.backend.setting(self.dtype):
            key = (self.dtype, name)
            if key not in self.made:
                self.made[key] = self.backend.fast(make())
            return self.made[key](*self.tensors())

    def call(self, name: str, make: Callable[[], Loss]) -> Array:
        """The same as an array."""
        return self.backend.array(self.output(name, make))

    def eager_losses(self) -> Array:
        """What the loss gives when called just so."""
        with self.backend.setting(self.dtype):
            return self.backend.array(self.loss()(*self.tensors()))

    def losses(self) -> Array:
        return self.call("loss", self.loss)

    def gradient(self) -> Array:
        """Gradient of the total in the scores."""
        return self.call("gradient", lambda: self.backend.gradient(self.total()))

    def curvature(self) -> Array:
        """The Hessian of the total times `generic` numbers."""
        return self.call(
            "curvature", lambda: self.backend.curvature(self.total(), generic)
        )

    def with_scores(self, scores: Array) -> Self:
        return replace(self, arguments=(scores, *self.arguments[1:]))

    def with_target(self, target: Array) -> Self:
        return replace(self, arguments=(self.scores, target, *self.arguments[2:]))

    def with_dtype(self, dtype: DType) -> Self:
        """In this dtype, from the numbers that it holds exactly."""
        with self.backend.setting(dtype):
            tensors = self.backend.tensors(self.arguments, dtype)
            arguments = tuple(self.backend.array(x) for x in tensors)
        return replace(self, arguments=arguments, dtype=dtype)

    def moved(self, distance: float) -> Self:
        """At scores some way along `generic` numbers."""
        return self.with_scores(self.scores + distance * generic(self.scores.shape))

    def nudged(self) -> Self:
        """Off the ties and round numbers where losses have kinks, by up to 1/64.

        Upwards, or to where a loss that takes positive numbers or probabilities alone
        does not refuse them: towards the middle of its scores, or downwards.
        """
        offsets = (1.25 + generic(self.scores.shape, start=2)) / 160
        middle = (self.scores.max(initial=0) + self.scores.min(initial=0)) / 2
        inwards = np.where(self.scores > middle, -offsets, offsets)
        return self.first_taken(
            self.with_scores(self.scores + by) for by in (offsets, inwards, -offsets)
        )

    def first_taken(self, trials: Iterable[Self]) -> Self:
        """The first of these whose scores the loss does not refuse, or the first."""
        several = list(trials)
        return next((trial for trial in several if trial.is_taken()), several[0])

    def is_taken(self) -> bool:
        """Whether the loss takes these scores, or raises an error."""
        try:
            self.losses()
        except Exception:
            return False
        return True

    def picked(self, index: Any) -> Self:
        """Some of the examples, or all of them in another order."""
        picked = tuple(
            x[index] if dim == 0 else x
            for x, dim in zip(self.arguments, self.in_dims, strict=True)
        )
        return replace(self, arguments=picked)


def total_of(loss: Loss) -> Loss:
    """The sum of the losses."""
    return lambda *arguments: loss(*arguments).sum()


def generic(shape: tuple[int, ...], start: int = 1) -> Array:
    """Fixed numbers in (-1, 1) without pattern."""
    count = np.prod(shape, dtype=int)
    numbers: Array = np.sin(start + np.arange(count))
    return numbers.reshape(shape)


def shown(values: Array, digits: int = 6) -> str:
    """An array in one line."""
    text = np.array2string(np.asarray(values), precision=digits, separator=", ")
    return " ".join(text.split())

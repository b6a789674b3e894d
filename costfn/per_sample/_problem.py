"""One number per sample, as a pure function of the parameters."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.func import vmap

from ._functional import (
    RANDOM,
    Inputs,
    Loss,
    Params,
    Randomness,
    Targets,
    count,
    each,
    one_sample_at_a_time,
)


@dataclass(frozen=True)
class Problem:
    """A model, a loss and samples; every sample is a batch of one.

    Attributes:
        call: The model: parameters and a batch, or one sample if not `batched`.
        loss: Of a batch of one.
        parameters: What is differentiated.
        x: Inputs, samples first.
        y: Targets, samples first.
        size: Number of samples.
        chunk_size: Samples at a time; None for the function's own choice.
        batched: Whether the model takes a batch.
        randomness: Of `torch.func.vmap`.
    """

    call: Callable[..., Any]
    loss: Loss
    parameters: Params
    x: Inputs
    y: Targets
    size: int
    chunk_size: int | None
    batched: bool
    randomness: Randomness

    @property
    def targets(self) -> tuple[Tensor, ...]:
        """The arguments of the loss after the prediction."""
        return as_tuple(self.y)

    def predict(self, params: Params, x: Inputs) -> Any:
        """The prediction for one sample, with a batch axis of 1."""
        if self.batched:
            return self.call(params, each(_alone, x))
        return each(_alone, self.call(params, x))

    def judge(self, prediction: Any, y: Targets) -> Tensor:
        """The loss of one sample, a scalar; entries are summed."""
        value = self.loss(prediction, *each(_alone, as_tuple(y)))
        return value if value.ndim == 0 else value.sum()

    def value(self, params: Params, x: Inputs, y: Targets) -> Tensor:
        """The loss of one sample as a function of the parameters."""
        return self.judge(self.predict(params, x), y)

    def over_samples(
        self, function: Callable[..., Any], x: Inputs, y: Targets = None
    ) -> Any:
        """The function of each sample's input and target, all at once."""
        dims = (0, None if y is None else 0)
        with one_sample_at_a_time():
            return vmap(function, dims, randomness=self.randomness)(x, y)

    def chunks(self, default: int | None = None) -> Iterator[tuple[slice, Any, Any]]:
        """Where a chunk begins and ends, its inputs and targets."""
        step = self.chunk_size or default or self.size
        if step >= self.size:
            yield slice(0, self.size), self.x, self.y
            return
        for start in range(0, self.size, step):
            rows = slice(start, min(start + step, self.size))
            yield rows, rows_of(self.x, rows), rows_of(self.y, rows)

    def part(self, x: Inputs, y: Targets) -> "Problem":
        """The problem of some of the samples, all at once."""
        return replace(self, x=x, y=y, size=count(x, y), chunk_size=None)

    def predict_all(self, params: Params, x: Inputs) -> Any:
        """The predictions for all samples, by the model's own way with a batch."""
        if not self.batched:
            return self.over_samples(lambda a, _: self.call(params, a), x)
        if self.randomness != "error" or torch.compiler.is_compiling():
            return self.call(params, x)
        before = self._random_state()
        with one_sample_at_a_time():
            found = self.call(params, x)
        if not torch.equal(before, self._random_state()):
            raise RuntimeError(RANDOM)
        return found

    @property
    def accelerators(self) -> list[torch.device]:
        """The device whose random numbers matter beside the CPU's, if there is one."""
        device = next(iter(self.parameters.values())).device
        return [device] if device.type == "cuda" else []

    def _random_state(self) -> Tensor:
        devices = self.accelerators
        return (
            torch.cuda.get_rng_state(devices[0]) if devices else torch.get_rng_state()
        )

    def losses(self, params: Params, x: Inputs, y: Targets) -> Tensor:
        """The loss of each sample, `(samples,)`."""
        z = each(lambda t: t.unsqueeze(1), self.predict_all(params, x))
        found: Tensor = self.over_samples(self.judge, z, y)
        return found

    def predictions(self) -> Tensor:
        """The predictions for all samples, without a graph."""
        with torch.no_grad():
            parts = [self.predict_all(self.parameters, x) for _, x, _ in self.chunks()]
        if not isinstance(parts[0], Tensor):
            raise TypeError(
                "model must return one tensor where the loss is of a batch, "
                f"got {type(parts[0]).__name__}; wrap it to return the prediction alone"
            )
        z = torch.cat(parts)
        if z.ndim == 0 or len(z) != self.size:
            raise ValueError(
                "model must return one row per sample where the loss is of a batch, "
                f"got the shape {tuple(z.shape)} for {self.size} samples"
            )
        return z


def as_tuple(y: Targets) -> tuple[Tensor, ...]:
    """The arguments of a loss after the prediction."""
    return () if y is None else y if isinstance(y, tuple) else (y,)


def _alone(value: Tensor) -> Tensor:
    return value.unsqueeze(0)


def rows_of(value: Any, rows: slice | int) -> Any:
    """The same rows of every tensor."""
    return each(lambda t: t[rows], value)

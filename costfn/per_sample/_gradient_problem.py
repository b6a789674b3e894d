"""A model, a loss and samples: one loss per sample, as a function of the parameters."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from torch.func import vmap

from ._options import Inputs, Loss, Params, Randomness, Targets
from ._trees import (
    as_batch_of_one,
    flatten,
    map_tensors,
    rows_of,
    sample_count,
    stacked,
    tensors,
    unmarked,
)
from ._vmap import RANDOM, RefusedError, explained, vmap_context

# Where only sums of gradients are kept: how many numbers of gradients to hold at a time
# on a CPU, and the most samples, beyond which larger chunks were no faster.
_NUMBERS = 2**26
_STREAMED = 128


@dataclass
class RunMode:
    """How a model must be run, as found so far; all problems of one call share it.

    Attributes:
        compared: Whether predictions for a batch were compared with those alone.
        batches_of_one: Whether the model needs a batch of one for each sample.
        own_backward: Whether each sample needs a backward pass of its own.
        without_vmap: Whether `vmap` cannot run the model, so that a loop must.
        mixes: What in the model mixes samples, in words; empty if nothing does.
        warned: Whether the user was warned of it.
    """

    compared: bool = False
    batches_of_one: bool = False
    own_backward: bool = False
    without_vmap: bool = False
    mixes: str = ""
    warned: bool = False


@dataclass(frozen=True)
class GradientProblem:
    """A model, a loss and samples whose gradients are asked for.

    Every sample is a batch of one.

    Attributes:
        call: The model as a function of parameters and a batch, or of parameters and
            one sample if not `batched`.
        loss: The loss of a batch of one.
        parameters: The parameters to differentiate by.
        x: Inputs, samples on axis 0.
        y: Targets, samples on axis 0.
        size: Number of samples.
        chunk_size: Samples at a time; None if each function chooses.
        batched: Whether the model takes a batch.
        randomness: The option of `torch.func.vmap`.
        shape: The axes that replace the axis of samples in results.
        mode: How the model must be run.
        start: The random state in which each pass begins.
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
    shape: tuple[int, ...]
    mode: RunMode = field(default_factory=RunMode)
    start: tuple[Tensor, ...] = ()

    @property
    def targets(self) -> tuple[Any, ...]:
        """The arguments of the loss after the prediction."""
        found: tuple[Any, ...] = unmarked(as_tuple(self.y))
        return found

    def predict(self, params: Params, x: Inputs) -> Any:
        """The prediction for one sample, with a batch axis of 1."""
        if self.batched:
            return self.call(params, as_batch_of_one(x))
        return as_batch_of_one(self.call(params, x))

    def sample_loss(self, prediction: Any, y: Targets) -> Tensor:
        """The loss of one sample, a scalar. If it has several entries, their sum."""
        value = self.loss(prediction, *unmarked(as_batch_of_one(as_tuple(y))))
        return value if value.ndim == 0 else value.sum()

    def value(self, params: Params, x: Inputs, y: Targets) -> Tensor:
        """The loss of one sample as a function of the parameters."""
        return self.sample_loss(self.predict(params, x), y)

    def map_samples(
        self, function: Callable[..., Any], x: Inputs, y: Targets = None
    ) -> Any:
        """The function applied to each sample's input and target, by `vmap`."""
        if self.mode.without_vmap:
            return stacked([function(*one) for one in self.single_samples(x, y)])
        given, joined = flatten((x, y))
        rebuilds: list[Callable[[list[Tensor]], Any]] = []

        # `vmap` takes and returns tensors only. The results may be any tree of them.
        def of_one(*values: Tensor) -> tuple[Tensor, ...]:
            found, rebuild = flatten(function(*joined(list(values))))
            rebuilds.append(rebuild)
            return tuple(found)

        with vmap_context():
            found = vmap(of_one, randomness=self.randomness)(*given)
        return rebuilds[0](list(found))

    def single_samples(self, x: Inputs, y: Targets) -> Iterator[tuple[Any, Any]]:
        """One sample after the other, with random numbers as `randomness` says."""
        for i in range(sample_count(x, y)):
            if self.randomness == "same":
                self.rewind()
            before = self.random_state() if self.randomness == "error" else ()
            yield rows_of(x, i), rows_of(y, i)
            if before:
                self.refuse_random(before)

    def chunks(self, default: int | None = None) -> Iterator[tuple[slice, Any, Any]]:
        """The chunks: the slice of samples, their inputs and targets.

        Each pass begins with the random state in which the user's call began.
        """
        if self.randomness == "different":
            # All passes must draw the same numbers, so their chunks must be the same.
            default = self.stream_size
        step = self.chunk_size or default or self.size
        for start in range(0, self.size, step):
            if start == 0 or self.randomness == "same":
                self.rewind()
            rows = slice(start, min(start + step, self.size))
            if step >= self.size:
                yield rows, self.x, self.y
            else:
                yield rows, rows_of(self.x, rows), rows_of(self.y, rows)

    @property
    def stream_size(self) -> int:
        """How many samples' gradients to hold at a time, by memory."""
        numbers = sum(p.numel() for p in self.parameters.values())
        budget = _NUMBERS * (16 if self.accelerators else 1)
        return max(1, min(_STREAMED, budget // max(1, numbers)))

    def part(self, x: Inputs, y: Targets) -> "GradientProblem":
        """The same problem for some of the samples, in one chunk."""
        size = sample_count(x, y)
        return replace(self, x=x, y=y, size=size, chunk_size=None, shape=(size,))

    def predict_each(self, params: Params, x: Inputs) -> Any:
        """Predictions, each a batch of one; by one call of the model if possible."""
        if self.one_by_one:
            return self.map_samples(lambda a, _: self.predict(params, a), x)
        return map_tensors(lambda t: t.unsqueeze(1), self.predict_batch(params, x))

    @property
    def one_by_one(self) -> bool:
        """Whether the model must not get the whole batch at once."""
        mode = self.mode
        drawn = self.randomness != "error"
        return (
            mode.without_vmap
            or mode.batches_of_one
            or mode.own_backward
            or drawn
            or not self.batched
        )

    def predict_batch(self, params: Params, x: Inputs) -> Any:
        """The model's output for a whole batch. It must not draw random numbers."""
        if torch.compiler.is_compiling():
            return self.call(params, x)
        before = self.random_state()
        with explained():
            found = self.call(params, x)
        self.refuse_random(before)
        return found

    @property
    def accelerators(self) -> list[torch.device]:
        """The accelerator that holds the parameters, whose random state matters too."""
        device = next(iter(self.parameters.values())).device
        return [device] if device.type == "cuda" else []

    def random_state(self) -> tuple[Tensor, ...]:
        """The random state of the CPU, and of the accelerator if there is one."""
        devices = [torch.cuda.get_rng_state(d) for d in self.accelerators]
        return (torch.get_rng_state(), *devices)

    def refuse_random(self, before: tuple[Tensor, ...]) -> None:
        """Refuses a model that has drawn random numbers, unless the user allows it."""
        pairs = zip(before, self.random_state(), strict=True)
        if self.randomness == "error" and not all(torch.equal(*p) for p in pairs):
            self.set_random_state(before)
            raise RefusedError(RANDOM)

    def rewind(self) -> None:
        """Sets the random state to that at the start of the user's call."""
        if self.randomness != "error":
            self.set_random_state(self.start)

    def set_random_state(self, state: tuple[Tensor, ...]) -> None:
        """Sets the random state of the CPU and the accelerator."""
        if not state:
            return
        torch.set_rng_state(state[0])
        for device, numbers in zip(self.accelerators, state[1:], strict=True):
            torch.cuda.set_rng_state(numbers, device)

    def losses(self, params: Params, x: Inputs, y: Targets) -> Tensor:
        """The loss of each sample, `(samples,)`."""
        if self.one_by_one:
            found: Tensor = self.map_samples(
                lambda a, b: self.value(params, a, b), x, y
            )
            return found
        found = self.map_samples(self.sample_loss, self.predict_each(params, x), y)
        return found

    def with_sample_axes(self, found: Any) -> Any:
        """Results with the axes of samples of the targets, see `sample_dims`."""
        if len(self.shape) == 1:
            return found
        return map_tensors(lambda t: t.reshape(*self.shape, *t.shape[1:]), found)

    def predictions(self) -> Any:
        """The predictions for all samples, without a graph: samples on axis 0."""
        with torch.no_grad():
            parts = [self.predict_each(self.parameters, x) for _, x, _ in self.chunks()]
        joined = flatten(parts[0])[1]
        columns = zip(*map(tensors, parts), strict=True)
        return joined([_rows(torch.cat(column)) for column in columns])


def _rows(value: Tensor) -> Tensor:
    if value.ndim < 2:
        raise ValueError(
            "model must return one row per sample where the loss is of a batch, "
            f"got the shape {tuple(value.shape[1:])} for one sample"
        )
    return value.flatten(0, 1)


def as_tuple(y: Targets) -> tuple[Any, ...]:
    """The target as the arguments that a loss takes after the prediction."""
    return () if y is None else y if isinstance(y, tuple) else (y,)

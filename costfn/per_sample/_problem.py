"""One number per sample, as a pure function of the parameters."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
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
    RefusedError,
    Targets,
    one_sample_at_a_time,
)
from ._trees import alone, count, each, plain, rows_of, split, stacked, tensors

_NUMBERS = 2**26  # of gradients at a time on a CPU, where only sums of them are kept
_STREAMED = 128  # the most samples at a time, after which more are no faster


@dataclass
class Way:
    """How a model can be run, as found so far; shared by all problems of one call.

    Attributes:
        tried: Whether samples were compared together and alone.
        apart: Whether predictions need a batch of one each.
        backward: Whether derivatives must come from backward passes of single samples.
        looped: Whether `vmap` cannot run the model.
        mixes: What in the model mixes samples, in words, or an empty text.
    """

    tried: bool = False
    apart: bool = False
    backward: bool = False
    looped: bool = False
    mixes: str = ""


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
        shape: What the axis of samples is to be in results.
        way: How the model can be run.
        start: The random numbers' state, in which each pass begins.
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
    way: Way = field(default_factory=Way)
    start: tuple[Tensor, ...] = ()

    @property
    def targets(self) -> tuple[Any, ...]:
        """The arguments of the loss after the prediction."""
        found: tuple[Any, ...] = plain(as_tuple(self.y))
        return found

    def predict(self, params: Params, x: Inputs) -> Any:
        """The prediction for one sample, with a batch axis of 1."""
        if self.batched:
            return self.call(params, alone(x))
        return alone(self.call(params, x))

    def judge(self, prediction: Any, y: Targets) -> Tensor:
        """The loss of one sample, a scalar; entries are summed."""
        value = self.loss(prediction, *plain(alone(as_tuple(y))))
        return value if value.ndim == 0 else value.sum()

    def value(self, params: Params, x: Inputs, y: Targets) -> Tensor:
        """The loss of one sample as a function of the parameters."""
        return self.judge(self.predict(params, x), y)

    def over_samples(
        self, function: Callable[..., Any], x: Inputs, y: Targets = None
    ) -> Any:
        """The function of each sample's input and target, all at once."""
        if self.way.looped:
            return stacked([function(*one) for one in self.singly(x, y)])
        given, joined = split((x, y))
        made: list[Callable[[list[Tensor]], Any]] = []

        def of_one(*values: Tensor) -> tuple[Tensor, ...]:
            found, rebuilt = split(function(*joined(list(values))))
            made.append(rebuilt)
            return tuple(found)

        with one_sample_at_a_time():
            found = vmap(of_one, randomness=self.randomness)(*given)
        return made[0](list(found))

    def singly(self, x: Inputs, y: Targets) -> Iterator[tuple[Any, Any]]:
        """One sample after the other, with the random numbers as asked for."""
        for i in range(count(x, y)):
            if self.randomness == "same":
                self.rewind()
            before = self.random_state() if self.randomness == "error" else ()
            yield rows_of(x, i), rows_of(y, i)
            if before:
                self.refuse_drawn(before)

    def chunks(self, default: int | None = None) -> Iterator[tuple[slice, Any, Any]]:
        """Where a chunk begins and ends, its inputs and targets.

        A pass begins with the random numbers with which the call of the user began.
        """
        if self.randomness == "different":
            # All passes must draw alike, and so over chunks that are alike.
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
        """Samples at a time where the gradients of few are held, by memory."""
        numbers = sum(p.numel() for p in self.parameters.values())
        budget = _NUMBERS * (16 if self.accelerators else 1)
        return max(1, min(_STREAMED, budget // max(1, numbers)))

    def part(self, x: Inputs, y: Targets) -> "Problem":
        """The problem of some of the samples, all at once."""
        size = count(x, y)
        return replace(self, x=x, y=y, size=size, chunk_size=None, shape=(size,))

    def each_prediction(self, params: Params, x: Inputs) -> Any:
        """The predictions, each a batch of one, by the model's own way with a batch."""
        if self.one_by_one:
            return self.over_samples(lambda a, _: self.predict(params, a), x)
        return each(lambda t: t.unsqueeze(1), self.together(params, x))

    @property
    def one_by_one(self) -> bool:
        """Whether the model may not be given the whole batch."""
        way = self.way
        drawn = self.randomness != "error"
        return way.looped or way.apart or way.backward or drawn or not self.batched

    def together(self, params: Params, x: Inputs) -> Any:
        """The model's answer to a whole batch, in which nothing may be drawn."""
        if torch.compiler.is_compiling():
            return self.call(params, x)
        before = self.random_state()
        with one_sample_at_a_time():
            found = self.call(params, x)
        self.refuse_drawn(before)
        return found

    @property
    def accelerators(self) -> list[torch.device]:
        """The device whose random numbers matter beside the CPU's, if there is one."""
        device = next(iter(self.parameters.values())).device
        return [device] if device.type == "cuda" else []

    def random_state(self) -> tuple[Tensor, ...]:
        """The state of the random numbers, of the CPU and perhaps of a device."""
        devices = [torch.cuda.get_rng_state(d) for d in self.accelerators]
        return (torch.get_rng_state(), *devices)

    def refuse_drawn(self, before: tuple[Tensor, ...]) -> None:
        """Refuses a model that has drawn random numbers, unless that is asked for."""
        pairs = zip(before, self.random_state(), strict=True)
        if self.randomness == "error" and not all(torch.equal(*p) for p in pairs):
            self.restore(before)
            raise RefusedError(RANDOM)

    def rewind(self) -> None:
        """Takes the random numbers back to where the call of the user began."""
        if self.randomness != "error":
            self.restore(self.start)

    def restore(self, state: tuple[Tensor, ...]) -> None:
        """Sets the state of the random numbers."""
        if not state:
            return
        torch.set_rng_state(state[0])
        for device, numbers in zip(self.accelerators, state[1:], strict=True):
            torch.cuda.set_rng_state(numbers, device)

    def losses(self, params: Params, x: Inputs, y: Targets) -> Tensor:
        """The loss of each sample, `(samples,)`."""
        if self.one_by_one:
            found: Tensor = self.over_samples(
                lambda a, b: self.value(params, a, b), x, y
            )
            return found
        found = self.over_samples(self.judge, self.each_prediction(params, x), y)
        return found

    def shaped(self, found: Any) -> Any:
        """Results with the axes of samples that the targets have."""
        if len(self.shape) == 1:
            return found
        return each(lambda t: t.reshape(*self.shape, *t.shape[1:]), found)

    def predictions(self) -> Any:
        """The predictions for all samples, without a graph: a tree of rows."""
        with torch.no_grad():
            parts = [
                self.each_prediction(self.parameters, x) for _, x, _ in self.chunks()
            ]
        joined = split(parts[0])[1]
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
    """The arguments of a loss after the prediction."""
    return () if y is None else y if isinstance(y, tuple) else (y,)

"""One number per sample, as a pure function of the parameters."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.func import grad, vjp, vmap

from .. import _check
from ._functional import (
    Inputs,
    Loss,
    Model,
    Params,
    Randomness,
    Selection,
    Targets,
    check_options,
    count,
    each,
    one_sample_at_a_time,
    pure,
)

Result = TypeVar("Result")
_PROBED = 8  # samples on which the loss is tried


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
            yield rows, _rows(self.x, rows), _rows(self.y, rows)

    def part(self, x: Inputs, y: Targets) -> "Problem":
        """The problem of some of the samples, all at once."""
        return replace(self, x=x, y=y, size=count(x, y), chunk_size=None)

    def predict_all(self, params: Params, x: Inputs) -> Any:
        """The predictions for all samples, by the model's own way with a batch."""
        if not self.batched:
            return self.over_samples(lambda a, _: self.call(params, a), x)
        with one_sample_at_a_time():
            return self.call(params, x)

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


def problem(
    model: Model,
    loss: Loss,
    x: Inputs,
    y: Targets,
    *,
    parameters: Selection | None = None,
    chunk_size: int | None = None,
    batched: bool = True,
    randomness: Randomness = "error",
) -> Problem:
    """The problem that the arguments of a public function state, checked."""
    made = _unchecked(model, loss, x, y, parameters, chunk_size, batched, randomness)
    if not torch.compiler.is_compiling():
        _check_loss(made)
    return made


def _unchecked(
    model: Model,
    loss: Loss,
    x: Inputs,
    y: Targets,
    parameters: Selection | None,
    chunk_size: int | None,
    batched: bool,
    randomness: Randomness,
) -> Problem:
    check_options(chunk_size, randomness)
    if not callable(loss):
        raise TypeError(
            "loss must be a function of prediction and target, "
            f"got {type(loss).__name__}"
        )
    size = count(x, y)
    call, params = pure(model, parameters)
    return Problem(call, loss, params, x, y, size, chunk_size, batched, randomness)


def linearized(
    model: Model,
    batch_loss: Loss,
    x: Inputs,
    y: Targets,
    *,
    parameters: Selection | None = None,
    chunk_size: int | None = None,
    batched: bool = True,
) -> Problem:
    """The problem whose gradients are the contributions to a loss of the batch."""
    made = _unchecked(model, batch_loss, x, y, parameters, chunk_size, batched, "error")

    def of_predictions(z: Tensor) -> Tensor:
        value = batch_loss(z, *made.targets)
        if value.ndim:
            raise ValueError(
                "batch_loss must return one number for the batch, got the shape "
                f"{tuple(value.shape)}; reduce it: "
                "lambda z, y: costfn.reduce(loss(z, y))"
            )
        return value

    return replace(made, loss=inner, y=grad(of_predictions)(made.predictions()))


def inner(prediction: Tensor, cotangent: Tensor) -> Tensor:
    """The part of a batch's loss, to first order, that one sample's prediction has."""
    return (prediction * cotangent).sum()


def solve(run: Callable[[Problem], Result], made: Problem) -> Result:
    """Runs it; if it is the loss that `vmap` cannot run, with the loss in a loop.

    Such as a loss that looks at its values, or an operation without a batching rule.
    The loss is small beside the model, so a loop over the samples will do.
    """
    try:
        return run(made)
    except RuntimeError:
        if made.randomness != "error" or _maps_over_samples(made):
            raise
    z = made.predictions()
    cotangents = [
        grad(made.judge)(z[i : i + 1], _row(made.y, i)) for i in range(len(z))
    ]
    return run(replace(made, loss=inner, y=torch.cat(cotangents)))


def _maps_over_samples(made: Problem) -> bool:
    few, z = _few_predictions(made)
    try:
        few.over_samples(grad(few.judge), z, few.y)
    except RuntimeError:
        return False
    return True


def _few_predictions(made: Problem) -> tuple[Problem, Any]:
    few = made.part(_rows(made.x, slice(_PROBED)), _rows(made.y, slice(_PROBED)))
    with ExitStack() as stack:
        stack.enter_context(torch.no_grad())
        if made.randomness != "error":
            stack.enter_context(torch.random.fork_rng())
        # Some operations, an LSTM's, can be mapped only where they are differentiated.
        z = few.over_samples(
            lambda a, _: vjp(lambda p: few.predict(p, a), few.parameters)[0], few.x
        )
    return few, z


def _check_loss(made: Problem) -> None:
    """Checks that the loss of several samples has to do with that of each alone."""
    few, z = _few_predictions(made)
    with torch.no_grad():
        value = few.loss(each(lambda t: t.flatten(0, 1), z), *few.targets)
        _check.tensor("loss", value)
        if value.ndim:
            if len(value) != few.size:
                raise ValueError(
                    "loss must return one number, or one per sample, got the shape "
                    f"{tuple(value.shape)} for {few.size} samples"
                )
            return
        alone = [few.judge(_row(z, i), _row(few.y, i)) for i in range(few.size)]
    seen, singles = _check.visible(value), _check.visible(torch.stack(alone))
    if seen is None or singles is None:
        return
    if _adds_up(seen.double(), singles.double(), torch.finfo(seen.dtype).eps):
        return
    raise ValueError(
        "loss must be the mean or the sum of the losses of the samples, got "
        f"{seen.item():.6g} for {few.size} samples together and, alone, "
        f"{[round(v, 4) for v in singles.tolist()]}; if it is a loss of the batch, as "
        "F1 and MCC are, use costfn.per_sample.contributions; if it is a weighted "
        "mean, return one loss per sample (reduction='none')"
    )


def _rows(value: Any, rows: slice) -> Any:
    return each(lambda t: t[rows], value)


def _row(value: Any, i: int) -> Any:
    return each(lambda t: t[i], value)


def _adds_up(value: Tensor, singles: Tensor, precision: float) -> bool:
    # A sample that is ignored has the mean of no losses, NaN, to itself.
    finite = singles[singles.isfinite()]
    if not value.isfinite():
        return True
    if not len(finite):
        return False
    near = 1000 * precision * finite.abs().amax()
    either = torch.stack([finite.mean(), finite.sum()])
    return bool(((value - either).abs() <= near).any())

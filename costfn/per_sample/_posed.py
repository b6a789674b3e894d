"""From the arguments of a public function to a problem, and its solution."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar, Unpack

import torch
from torch import Tensor, nn
from torch.func import grad

from .._foundation import check
from ._functional import (
    Inputs,
    Loss,
    Model,
    Options,
    RefusedError,
    SlowWarning,
    Targets,
    check_options,
    hint,
    warn,
)
from ._model import pure
from ._positions import by_position
from ._problem import Problem, Way
from ._sums import inner, varies
from ._together import try_model
from ._trees import alone, count, given, rows_of, split
from ._trial import ask_the_doctor, check_loss, is_known, maps_over_samples

Result = TypeVar("Result")


class Setting:
    """The arguments of a public function but the samples, which may come in batches."""

    def __init__(
        self, model: Model, loss: Loss, options: Options, way: Way | None = None
    ) -> None:
        self.options: Options = {**options}
        self.chunk_size = options.get("chunk_size")
        self.randomness = options.get("randomness", "error")
        self.dims = options.get("sample_dims", 1)
        check_options(self.chunk_size, self.randomness, self.dims)
        if not callable(loss):
            raise TypeError(
                "loss must be a function of prediction and target, "
                f"got {type(loss).__name__}"
            )
        self.loss = loss
        self.call, self.parameters = pure(
            model, options.get("parameters"), options.get("values")
        )
        self.way = way or Way()
        # Which only a backward pass heeds.
        self.way.backward |= isinstance(model, nn.Module) and any(
            m._backward_hooks or m._backward_pre_hooks for m in model.modules()
        )

    def problem(
        self, x: Inputs, y: Targets, *, whole: bool = False, tried: bool = False
    ) -> Problem:
        """The problem that some samples state.

        Args:
            x: Inputs.
            y: Targets.
            whole: Whether the model may be given all of them as one batch; it is then
                tried whether it treats each alone.
            tried: Whether the loss needs no trial.
        """
        x, y = given(x), given(y)
        call, batched = self.call, self.options.get("batched", True)
        size = count(x, y)
        shape: tuple[int, ...] = (size,)
        chunk_size = self.chunk_size
        if self.dims > 1:
            # As many places at a time as there are samples, whole ones for each.
            chunk_size = chunk_size or size
            call, x, y, shape = by_position(call, x, y, self.dims, batched)
            size, batched = count(x, y), True
        made = Problem(
            call,
            self.loss,
            self.parameters,
            x,
            y,
            size,
            chunk_size,
            batched,
            self.randomness,
            shape,
            self.way,
        )
        if torch.compiler.is_compiling():
            return made
        if whole:
            try_model(made)
        if not tried and not is_known(self.loss):
            check_loss(made)
        if self.randomness == "error":
            return made
        return replace(made, start=made.random_state())


def problem(
    model: Model,
    loss: Loss,
    x: Inputs,
    y: Targets,
    *,
    whole: bool = False,
    **options: Unpack[Options],
) -> Problem:
    """The problem that the arguments of a public function state, checked."""
    return Setting(model, loss, options).problem(x, y, whole=whole)


def linearized(
    model: Model,
    batch_loss: Loss,
    x: Inputs,
    y: Targets,
    **options: Unpack[Options],
) -> Problem:
    """The problem whose gradients are the contributions to a loss of the batch."""
    setting = Setting(model, batch_loss, options)
    return linear_part(setting.problem(x, y, whole=True, tried=True))


def linear_part(made: Problem) -> Problem:
    """The problem with its loss, one of the whole batch, to first order."""
    if made.way.mixes:
        raise ValueError(
            f"model must treat each sample alone, got {made.way.mixes}: contributions "
            "to a loss of the batch would not add up to its gradient"
        )
    z = _with_model(lambda p: p.predictions(), made, _predict)
    leaves, joined = split(z)
    places = [i for i, leaf in enumerate(leaves) if varies(leaf)]

    def of_predictions(values: list[Tensor]) -> Tensor:
        filled = list(leaves)
        for place, leaf in zip(places, values, strict=True):
            filled[place] = leaf
        found: Tensor = made.loss(joined(filled), *made.targets)
        check.tensor("batch_loss(prediction, target)", found)
        if found.ndim:
            raise ValueError(
                "batch_loss must return one number for the batch, got the shape "
                f"{tuple(found.shape)}; reduce it: "
                "lambda z, y: costfn.reduce(loss(z, y))"
            )
        return found

    cotangents = grad(of_predictions)([leaves[i] for i in places])
    seen = [check.readable_values(c) for c in cotangents]
    if len(leaves) == 1 and not any(s is None or s.any() for s in seen):
        ask_the_doctor(made.loss, z, made.targets)
    return replace(made, loss=inner, y=tuple(cotangents))


def solve(run: Callable[[Problem], Result], made: Problem) -> Result:
    """Runs it; where `vmap` cannot, with the loss in a loop, or all of it.

    Such as a loss that looks at its values, or an operation without a batching rule.
    A loss is small beside a model, so that a loop over the samples will do.
    """

    def with_loss_in_a_loop(failed: RuntimeError) -> Result:
        # What has no row for each sample has no loss apart from the model.
        if made.way.apart or made.way.looped or maps_over_samples(made):
            raise failed
        return run(_loss_in_a_loop(made))

    def attempt(problem: Problem) -> Result:
        try:
            return run(problem)
        except (RefusedError, torch.OutOfMemoryError):
            raise
        except RuntimeError as error:
            return with_loss_in_a_loop(error)

    return _with_model(attempt, made, _gradient)


def _with_model(
    run: Callable[[Problem], Result],
    made: Problem,
    accept: Callable[[Problem], object],
) -> Result:
    """Runs it; where `vmap` cannot run the model, in batches of one, with a warning."""
    try:
        return run(made)
    except (RefusedError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        if made.way.looped or torch.compiler.is_compiling():
            raise
        failure = error
    if isinstance(failure, RuntimeError):
        try:
            with torch.random.fork_rng(made.accelerators):
                accept(made)
        except Exception:
            raise failure from None
        _warn(failure)
        made.way.looped = True
        return run(made)
    # Most of these are of a wrong argument, and no fault of vmap.
    made.way.looped = True
    found = run(made)
    _warn(failure)
    return found


def _predict(made: Problem) -> None:
    made.predict(made.parameters, rows_of(made.x, 0))


def _gradient(made: Problem) -> None:
    """A backward pass of one sample without `vmap`, whose fault no error here is."""
    leaf = {n: p.detach().requires_grad_() for n, p in made.parameters.items()}
    with torch.enable_grad():
        value = made.value(leaf, rows_of(made.x, 0), rows_of(made.y, 0))
    if value.requires_grad:
        torch.autograd.grad(value, list(leaf.values()), allow_unused=True)


def _warn(failure: Exception) -> None:
    text = str(failure).strip()
    why = text.partition(". From torch:")[0] if "From torch:" in text else hint(failure)
    lines = text.splitlines() or [type(failure).__name__]
    warn(
        "the samples are taken one after the other, which is slow, as torch.func.vmap "
        f"cannot run the model: {why or lines[0]}",
        SlowWarning,
    )


def _loss_in_a_loop(made: Problem) -> Problem:
    z = made.predictions()
    rows: list[list[Tensor]] = []
    for i in range(made.size):
        values, joined = split(rows_of(z, i))
        leaf = [v.detach().requires_grad_() if varies(v) else v for v in values]
        varying = [v for v in leaf if v.requires_grad]
        with torch.enable_grad():
            value = made.judge(alone(joined(leaf)), rows_of(made.y, i))
        found = torch.autograd.grad(
            value, varying, allow_unused=True, materialize_grads=True
        )
        rows.append(list(found))
    cotangents = [torch.stack(column) for column in zip(*rows, strict=True)]
    return replace(made, loss=inner, y=tuple(cotangents))

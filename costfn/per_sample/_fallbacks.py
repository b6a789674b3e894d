"""Runs that fail under `vmap` are repeated with a loop over the samples.

First the fast way is tried: model and loss under `vmap`. If `vmap` cannot run the loss,
because it looks at its values, say, only the loss is run in a loop, which costs little
beside the model. If `vmap` cannot run the model, the model runs in a loop too, with a
`SlowWarning`.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import torch
from torch import Tensor

from ._check_loss import maps_over_samples
from ._gradient_problem import GradientProblem
from ._linear_loss import is_differentiable, linear_loss
from ._trees import as_batch_of_one, flatten, rows_of
from ._vmap import RefusedError, SlowWarning, hint, warn

Result = TypeVar("Result")


def with_fallbacks(
    run: Callable[[GradientProblem], Result], problem: GradientProblem
) -> Result:
    """The result of `run`, with a loop for the loss or the model where it is needed."""

    def attempt(problem: GradientProblem) -> Result:
        try:
            return run(problem)
        except (RefusedError, torch.OutOfMemoryError):
            raise
        except RuntimeError:
            # Without a row for each sample the loss cannot run apart from the model.
            mode = problem.mode
            if mode.batches_of_one or mode.without_vmap or maps_over_samples(problem):
                raise
            return run(_with_loss_in_a_loop(problem))

    return with_model_fallback(attempt, problem, _gradient_of_one)


def with_model_fallback(
    run: Callable[[GradientProblem], Result],
    problem: GradientProblem,
    run_one_sample: Callable[[GradientProblem], object],
) -> Result:
    """The result of `run`, with a loop and a warning if `vmap` cannot run the model.

    Args:
        run: What to run.
        problem: What to run it on.
        run_one_sample: Runs one sample without `vmap`. If it fails too, `vmap` is not
            the cause, and a loop would not help.
    """
    try:
        return run(problem)
    except (RefusedError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        if problem.mode.without_vmap or torch.compiler.is_compiling():
            raise
        failure = error
    if isinstance(failure, RuntimeError):
        try:
            with torch.random.fork_rng(problem.accelerators):
                run_one_sample(problem)
        except Exception:
            raise failure from None
        _warn_slow(failure)
        problem.mode.without_vmap = True
        return run(problem)
    # Other errors mostly come from a wrong argument. Then the loop raises the same
    # error, and no warning is due.
    problem.mode.without_vmap = True
    found = run(problem)
    _warn_slow(failure)
    return found


def predict_one(problem: GradientProblem) -> None:
    """Predicts one sample without `vmap`."""
    problem.predict(problem.parameters, rows_of(problem.x, 0))


def _gradient_of_one(problem: GradientProblem) -> None:
    """Runs a backward pass of one sample without `vmap`."""
    leaf = {n: p.detach().requires_grad_() for n, p in problem.parameters.items()}
    with torch.enable_grad():
        value = problem.value(leaf, rows_of(problem.x, 0), rows_of(problem.y, 0))
    if value.requires_grad:
        torch.autograd.grad(value, list(leaf.values()), allow_unused=True)


def _warn_slow(failure: Exception) -> None:
    text = str(failure).strip()
    why = text.partition(". From torch:")[0] if "From torch:" in text else hint(failure)
    lines = text.splitlines() or [type(failure).__name__]
    warn(
        "the model runs on one sample after the other, which is slow, because "
        f"torch.func.vmap cannot run it: {why or lines[0]}",
        SlowWarning,
    )


def _with_loss_in_a_loop(problem: GradientProblem) -> GradientProblem:
    """The problem with a linear loss, which has the same gradients at these samples.

    The loss runs in a loop over the predictions, and the target of a sample becomes the
    gradient of its loss by its prediction.
    """
    z = problem.predictions()
    rows: list[list[Tensor]] = []
    for i in range(problem.size):
        values, joined = flatten(rows_of(z, i))
        leaf = [
            v.detach().requires_grad_() if is_differentiable(v) else v for v in values
        ]
        prediction = as_batch_of_one(joined(leaf))
        with torch.enable_grad():
            value = problem.sample_loss(prediction, rows_of(problem.y, i))
        found = torch.autograd.grad(
            value,
            [v for v in leaf if v.requires_grad],
            allow_unused=True,
            materialize_grads=True,
        )
        rows.append(list(found))
    cotangents = [torch.stack(column) for column in zip(*rows, strict=True)]
    return replace(problem, loss=linear_loss, y=tuple(cotangents))

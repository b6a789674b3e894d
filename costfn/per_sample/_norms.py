"""Norms of the gradient of each sample, without the gradients."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, Unpack, get_args

import torch
from torch import Tensor
from torch.func import grad

from .. import _check
from .._math import upcast
from ._closed_forms import Seen, held_numbers, squared_length, squared_norm
from ._functional import Inputs, Loss, Model, Options, Params, Targets
from ._gradients import streamed
from ._posed import problem, solve
from ._problem import Problem
from ._trees import rows_of
from ._uses import Perturb, Survey, Use

_NUMBERS = 2**22  # held at a time on a CPU; on an accelerator more
Per = Literal["total", "layer", "parameter"]


def gradient_norms(
    model: Model,
    loss: Loss,
    x: Inputs,
    y: Targets,
    *,
    per: Per = "total",
    **options: Unpack[Options],
) -> Tensor | dict[str, Tensor]:
    """Length of each sample's gradient, in one backward pass.

    Exact, and without the gradients: linear and convolutional layers, embeddings,
    layer and group norms have closed forms in what they took and the gradient by what
    they gave; a weight that is used twice counts with its cross terms. Parameters of
    any other layer go through `vmap(grad(...))` in the same pass.

    Args:
        model: A module or a function, as for `gradients`.
        loss: Function of a prediction and a target, as for `gradients`.
        x: Inputs, samples on axis 0, as for `gradients`.
        y: Targets, samples on axis 0, as for `gradients`.
        per: `"total"`, or one norm for each `"layer"` or `"parameter"`.
        **options: As for `gradients`. Default of the chunk size: so that memory stays
            near that of one backward pass.

    Returns:
        Euclidean norms `(samples,)`; by name, if for each layer or parameter.

    Raises:
        TypeError: If an argument has the wrong type, or as the loss says.
        ValueError: If `per` is unknown, or as for `gradients`.
        RuntimeError: As for `gradients`.

    Example:
        >>> import torch
        >>> from costfn import per_sample
        >>> model = torch.nn.Linear(2, 1, bias=False)
        >>> x, y = torch.tensor([[1.0, 0.0], [3.0, 4.0]]), torch.zeros(2, 1)
        >>> per_sample.gradient_norms(model, lambda z, y: (z - y).sum(), x, y)
        tensor([1., 5.])

    Source:
        Goodfellow, "Efficient Per-Example Gradient Computations", 2015.
        https://arxiv.org/abs/1510.01799 Over positions: Li et al., "Large Language
        Models Can Be Strong Differentially Private Learners", ICLR 2022.
        https://arxiv.org/abs/2110.05679
    """
    made = problem(model, loss, x, y, **options)
    found: Tensor | dict[str, Tensor] = made.shaped(
        solve(lambda p: norms(p, per), made)
    )
    return found


def norms(made: Problem, per: Per) -> Tensor | dict[str, Tensor]:
    """The norms of a problem's gradients."""
    _check.one_of("per", per, get_args(Per))
    squares = squared_norms(made)
    if per == "total":
        return total(squares).sqrt()
    if per == "layer":
        layers: dict[str, list[Tensor]] = {}
        for name, square in squares.items():
            layers.setdefault(name.rpartition(".")[0], []).append(square)
        squares = {name: torch.stack(s).sum(0) for name, s in layers.items()}
    return {name: square.sqrt() for name, square in squares.items()}


def total(squares: dict[str, Tensor]) -> Tensor:
    """The squared norm over all parameters."""
    return torch.stack(list(squares.values())).sum(0)


def squared_norms(made: Problem) -> dict[str, Tensor]:
    """The squared norm of each sample's gradient, by name of the parameter."""
    if made.way.looped:
        lengths = [_squared_lengths(part) for _, part in streamed(made)]
        return {n: torch.cat([part[n] for part in lengths]) for n in made.parameters}
    with torch.no_grad():
        # Modules ask whether parameters require gradients, to choose another way.
        leaf = {n: p.detach().requires_grad_() for n, p in made.parameters.items()}
        made = replace(made, parameters=leaf)
        uses, followed = _survey(made)
        parts = [
            made.over_samples(_of_one(made, uses, followed), x, y)
            for _, x, y in made.chunks(_chunk(made, uses))
        ]
        return {name: torch.cat([part[name] for part in parts]) for name in leaf}


def _squared_lengths(gradients: Params) -> dict[str, Tensor]:
    found = {n: upcast(g).flatten(1) for n, g in gradients.items()}
    return {n: torch.linalg.vector_norm(g, dim=1).square() for n, g in found.items()}


def _survey(made: Problem) -> tuple[list[Use], Params]:
    """Runs the first sample: the uses of parameters that have a closed form."""
    watch = Survey(made.parameters)
    with torch.random.fork_rng(made.accelerators), torch.enable_grad(), watch:
        made.predict(made.parameters, rows_of(made.x, 0))
    names = {name for use in watch.uses for name in (use.weight, use.bias)}
    followed = {
        name: p
        for name, p in made.parameters.items()
        if name in names and name not in watch.elsewhere and not p.is_complex()
    }
    uses = [u for u in watch.uses if u.weight in followed or u.bias in followed]
    return uses, followed


def _of_one(made: Problem, uses: Sequence[Use], followed: Params) -> Any:
    first = next(iter(made.parameters.values()))
    zeros = [
        torch.zeros(shape, dtype=dtype, device=first.device)
        for shape, dtype in (use.output for use in uses)
    ]
    others = {n: p for n, p in made.parameters.items() if n not in followed}

    def of_one(x: Inputs, y: Targets) -> dict[str, Tensor]:
        def loss(perturbations: list[Tensor], others: Params) -> tuple[Tensor, Any]:
            with Perturb(followed, perturbations) as watch:
                prediction = made.predict({**followed, **others}, x)
            return made.judge(prediction, y), watch.inputs

        (cotangents, gradients), inputs = grad(loss, argnums=(0, 1), has_aux=True)(
            zeros, others
        )
        seen: dict[str, list[Seen]] = {}
        for use, a, d in zip(uses, inputs, cotangents, strict=True):
            for name, is_bias in ((use.weight, False), (use.bias, True)):
                if name in followed:
                    seen.setdefault(name, []).append(Seen(use, is_bias, a, d))
        found = {name: squared_norm(uses) for name, uses in seen.items()}
        return found | {n: squared_length(upcast(g)) for n, g in gradients.items()}

    return of_one


def _chunk(made: Problem, uses: Sequence[Use]) -> int:
    """Samples at a time, by what one of them needs: better for a cache, too."""
    numbers = sum(held_numbers(use) for use in uses)
    device = next(iter(made.parameters.values())).device.type
    budget = _NUMBERS if device == "cpu" else 16 * _NUMBERS
    return max(1, budget // max(1, numbers))

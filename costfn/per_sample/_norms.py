"""Norms of the gradient of each sample, without the gradients."""

from collections.abc import Sequence
from functools import reduce
from typing import Literal, Unpack, get_args

import torch
from torch import Tensor

from .._foundation import check
from .._foundation.math import upcast
from ._fallbacks import with_fallbacks
from ._gradient_problem import GradientProblem
from ._layer_gradients import squared_lengths
from ._options import Inputs, Loss, Model, Options, Params, Targets
from ._pass import map_passes
from ._prepare import prepare

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

    The norms are exact, and gradients are not kept for linear and convolutional layers,
    embeddings and layer norms: these have closed forms in their inputs and the
    gradients by their outputs. If a weight is used twice, cross terms are included.
    Gradients by parameters of other layers are formed in the same pass.

    Args:
        model: A module or a function, as for `gradients`.
        loss: Function of a prediction and a target, as for `gradients`.
        x: Inputs, samples on axis 0, as for `gradients`.
        y: Targets, samples on axis 0, as for `gradients`.
        per: `"total"`, or one norm for each `"layer"` or `"parameter"`.
        **options: As for `gradients`. The default chunk size keeps memory near that of
            one backward pass.

    Returns:
        Euclidean norms `(samples,)`; a dictionary of them for each layer or parameter.

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
    problem = prepare(model, loss, x, y, **options)
    found: Tensor | dict[str, Tensor] = problem.with_sample_axes(
        with_fallbacks(lambda p: norms(p, per), problem)
    )
    return found


def norms(problem: GradientProblem, per: Per) -> Tensor | dict[str, Tensor]:
    """The norms of a problem's gradients."""
    check.one_of("per", per, get_args(Per))
    squares = squared_norms(problem)
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


def squared_norms(problem: GradientProblem) -> dict[str, Tensor]:
    """The squared norm of each sample's gradient, by name of the parameter."""
    parts = map_passes(problem, lambda _, p: p.squares(), lambda _, g: squares_of(g))
    return joined(parts)


def squared_norms_and_sum(problem: GradientProblem) -> tuple[dict[str, Tensor], Params]:
    """The same squared norms, and the sum of the gradients from the same pass."""
    parts = map_passes(
        problem,
        lambda _, found: (found.squares(), found.total),
        lambda _, g: (squares_of(g), weighted_sum(g)),
        total=True,
    )
    squares, sums = zip(*parts, strict=True)
    return joined(squares), added(sums)


def squares_of(gradients: Params) -> dict[str, Tensor]:
    """The squared norms of formed gradients."""
    return {name: squared_lengths(upcast(g)) for name, g in gradients.items()}


def joined(parts: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The arrays of all chunks joined, by name."""
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def added(parts: Sequence[Params]) -> Params:
    """The sums of all chunks added, by name."""
    return {
        name: reduce(torch.add, [part[name] for part in parts]) for name in parts[0]
    }


def weighted_sum(gradients: Params, weights: Tensor | None = None) -> Params:
    """The weighted sum of gradients over the samples."""
    if weights is None:
        return {name: g.sum(0) for name, g in gradients.items()}
    return {n: torch.tensordot(weights.to(g.dtype), g, 1) for n, g in gradients.items()}

"""Norms of the gradient of each sample, without the gradients."""

from collections.abc import Sequence
from functools import reduce
from typing import Literal, Unpack, get_args

import torch
from torch import Tensor

from .._foundation import check
from .._foundation.math import upcast
from ._closed_forms import squared_lengths
from ._functional import Inputs, Loss, Model, Options, Params, Targets
from ._pass import over_passes
from ._posed import problem, solve
from ._problem import Problem

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
    check.one_of("per", per, get_args(Per))
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
    parts = over_passes(made, lambda _, p: p.squares(), lambda _, g: squares_of(g))
    return joined(parts)


def squared_norms_and_sum(made: Problem) -> tuple[dict[str, Tensor], Params]:
    """The same, and the sum of the gradients from the same backward pass."""
    parts = over_passes(
        made,
        lambda _, found: (found.squares(), found.total),
        lambda _, g: (squares_of(g), weighted_sum(g)),
        total=True,
    )
    squares, sums = zip(*parts, strict=True)
    return joined(squares), added(sums)


def squares_of(gradients: Params) -> dict[str, Tensor]:
    """The squared norms of gradients that are formed."""
    return {name: squared_lengths(upcast(g)) for name, g in gradients.items()}


def joined(parts: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """One array by name, of those of all chunks."""
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def added(parts: Sequence[Params]) -> Params:
    """One sum by name, of those of all chunks."""
    return {
        name: reduce(torch.add, [part[name] for part in parts]) for name in parts[0]
    }


def weighted_sum(gradients: Params, weights: Tensor | None = None) -> Params:
    """The sum over the samples."""
    if weights is None:
        return {name: g.sum(0) for name, g in gradients.items()}
    return {n: torch.tensordot(weights.to(g.dtype), g, 1) for n, g in gradients.items()}

"""Inner products of each sample's gradient with directions, without the gradients."""

from collections.abc import Mapping
from math import sqrt
from typing import Unpack

import torch
from torch import Tensor
from torch.func import grad

from .. import _check
from .._math import ratio
from ._functional import Inputs, Loss, Model, Options, Params, Targets
from ._gradients import flat, streamed
from ._norms import squared_norms, total
from ._pass import over_passes
from ._posed import problem, solve
from ._problem import Problem

Directions = Mapping[str, Tensor]
_BLOCK = 4096  # numbers of a gradient that are projected at a time


def projections(
    model: Model,
    loss: Loss,
    x: Inputs,
    y: Targets,
    directions: Directions | None = None,
    *,
    dim: int | None = None,
    seed: int = 0,
    **options: Unpack[Options],
) -> Tensor:
    """Inner products of each sample's gradient with directions, given or random.

    With `directions`, by one forward-mode derivative for each, without any gradient of
    a sample. With `dim`, on random signs over `sqrt(dim)`: inner products of the
    projections are those of the gradients, up to about `1 / sqrt(dim)` of their
    lengths, so that they can stand for gradients that are too large to keep.

    Args:
        model: A module or a function, as for `gradients`.
        loss: Function of a prediction and a target, as for `gradients`.
        x: Inputs, samples on axis 0, as for `gradients`.
        y: Targets, samples on axis 0, as for `gradients`.
        directions: By name of the parameter, one direction, of the parameter's shape,
            or several, with one more axis in front.
        dim: Number of random directions, instead.
        seed: Of the random directions; the same seed gives the same ones.
        **options: `parameters`, `chunk_size` and `batched`, as for `gradients`.

    Returns:
        `(samples,)` for one given direction, else `(samples, directions)`.

    Raises:
        TypeError: If an argument has the wrong type, or as the loss says.
        ValueError: If not just one of `directions` and `dim` is given, directions do
            not have the parameters' names and shapes, or as for `gradients`.
        RuntimeError: If the model draws random numbers.

    Example:
        >>> import torch
        >>> from costfn import per_sample
        >>> model = torch.nn.Linear(2, 1, bias=False)
        >>> x, y = torch.tensor([[1.0, 0.0], [3.0, 4.0]]), torch.zeros(2, 1)
        >>> v = {"weight": torch.tensor([[0.0, 1.0]])}
        >>> per_sample.projections(model, lambda z, y: (z - y).sum(), x, y, v)
        tensor([0., 4.])

    Source:
        Park et al., "TRAK: Attributing Model Behavior at Scale", ICML 2023, section
        3.2, there with normal random numbers. https://arxiv.org/abs/2303.14186
    """
    if (directions is None) == (dim is None):
        raise ValueError(
            "directions must be given, or dim for random ones, and not both, got "
            f"{'neither' if dim is None else 'both'}"
        )
    made = problem(model, loss, x, y, **options)
    if dim is not None:
        _check.positive("dim", dim)
        number = dim
        return solve(lambda p: _random(p, number, seed), made)
    given = dict(directions or {})
    if _check_directions(given, made.parameters):
        return solve(lambda p: along(p, given), made)
    each = [dict(zip(given, d, strict=True)) for d in zip(*given.values(), strict=True)]
    return solve(lambda p: torch.stack([along(p, v) for v in each], -1), made)


def cosine_to_mean(
    model: Model, loss: Loss, x: Inputs, y: Targets, **options: Unpack[Options]
) -> Tensor:
    """Cosine between each sample's gradient and the mean of all gradients.

    Below 0, a step along the mean gradient makes the sample's loss worse.

    Args:
        model: A module or a function, as for `gradients`.
        loss: Function of a prediction and a target, as for `gradients`.
        x: Inputs, samples on axis 0, as for `gradients`.
        y: Targets, samples on axis 0, as for `gradients`.
        **options: `parameters`, `chunk_size` and `batched`, as for `gradients`.

    Returns:
        Cosines in [-1, 1], `(samples,)`; 0 where a gradient is 0.

    Raises:
        TypeError: If an argument has the wrong type, or as the loss says.
        ValueError: As for `gradients`.
        RuntimeError: If the model draws random numbers.

    Example:
        >>> import torch
        >>> from costfn import per_sample
        >>> model = torch.nn.Linear(2, 1, bias=False)
        >>> x, y = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.zeros(2, 1)
        >>> per_sample.cosine_to_mean(model, lambda z, y: (z - y).sum(), x, y)
        tensor([0.7071, 0.7071])

    Source:
        Fort et al., "Stiffness: A New Perspective on Generalization in Neural
        Networks", 2019, eq. 5, there between pairs. https://arxiv.org/abs/1901.09491
    """
    return solve(_cosine_to_mean, problem(model, loss, x, y, **options))


def along(made: Problem, direction: Params) -> Tensor:
    """Inner product of each sample's gradient with one direction."""
    vector = {n: direction[n].to(p.dtype) for n, p in made.parameters.items()}
    numbers = torch.cat([v.flatten() for v in vector.values()])
    return torch.cat(
        over_passes(
            made, lambda _, found: found.along(vector), lambda _, g: flat(g) @ numbers
        )
    )


def summed(made: Problem, weights: Tensor | None = None) -> Params:
    """The weighted sum of all gradients, by ordinary backward passes."""

    def value(params: Params, rows: slice, x: Inputs, y: Targets) -> Tensor:
        losses = made.losses(params, x, y)
        return (losses if weights is None else losses * weights[rows]).sum()

    sums: Params = {}
    with torch.no_grad():
        for chunk in made.chunks():
            found = grad(value)(made.parameters, *chunk)
            sums = {n: sums[n] + g if sums else g for n, g in found.items()}
    return sums


def mean_gradient(made: Problem) -> Params:
    """The mean of all gradients."""
    return {name: g / made.size for name, g in summed(made).items()}


def squared_length(gradient: Params) -> Tensor:
    """Squared norm of one gradient."""
    return torch.stack([g.square().sum() for g in gradient.values()]).sum()


def _cosine_to_mean(made: Problem) -> Tensor:
    mean = mean_gradient(made)
    lengths = total(squared_norms(made)).sqrt() * squared_length(mean).sqrt()
    return ratio(along(made, mean), lengths)


def _check_directions(directions: Directions, parameters: Params) -> bool:
    """Checks names and shapes; whether there is a single direction."""
    if set(directions) != set(parameters):
        raise ValueError(
            f"directions must have the names of the parameters, {sorted(parameters)}, "
            f"got {sorted(directions)}"
        )
    ahead = {d.shape[: d.ndim - parameters[n].ndim] for n, d in directions.items()}
    fit = all(
        d.ndim >= parameters[n].ndim
        and d.shape[d.ndim - parameters[n].ndim :] == parameters[n].shape
        for n, d in directions.items()
    )
    if not fit or len(ahead) != 1 or len(next(iter(ahead))) > 1:
        shapes = {n: tuple(p.shape) for n, p in parameters.items()}
        given = {n: tuple(d.shape) for n, d in directions.items()}
        raise ValueError(
            f"directions must have the shapes of the parameters, {shapes}, or all one "
            f"more axis in front, got {given}"
        )
    return not next(iter(ahead))


def _random(made: Problem, dim: int, seed: int) -> Tensor:
    parts = []
    for _, gradients in streamed(made):
        numbers = flat(gradients)
        # The same signs for every chunk, drawn again so as never to be held at once.
        generator = torch.Generator().manual_seed(seed)
        projected = numbers.new_zeros(len(numbers), dim)
        for block in torch.split(numbers, _BLOCK, 1):
            bits = torch.randint(2, (block.shape[1], dim), generator=generator)
            projected += block @ (2 * bits - 1).to(numbers)
        parts.append(projected / sqrt(dim))
    return torch.cat(parts)

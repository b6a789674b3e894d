"""Inner products of each sample's gradient with directions, without the gradients."""

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Unpack

import torch
from torch import Tensor
from torch.func import grad

from .._foundation.math import ratio, upcast
from .._foundation.options import ABOVE_ZERO, number
from ._functional import Inputs, Loss, Model, Options, Params, RefusedError, Targets
from ._gradients import flat, streamed
from ._norms import added, joined, squares_of, total, weighted_sum
from ._pass import Pass, over_passes
from ._posed import problem, solve
from ._problem import Problem

Directions = Mapping[str, Tensor]
_KEPT = 8  # chunks of which the cotangents are kept
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

    With `directions`, by one backward pass and an inner product at each layer, without
    any gradient of a sample. With `dim`, on random signs over `sqrt(dim)`: inner
    products of the projections are those of the gradients, up to about `1 / sqrt(dim)`
    of their lengths, so that they can stand for gradients that are too large to keep.

    Args:
        model: A module or a function, as for `gradients`.
        loss: Function of a prediction and a target, as for `gradients`.
        x: Inputs, samples on axis 0, as for `gradients`.
        y: Targets, samples on axis 0, as for `gradients`.
        directions: By name of the parameter, one direction, of the parameter's shape,
            or several, with one more axis in front.
        dim: Number of random directions, instead.
        seed: Of the random directions; the same seed gives the same ones.
        **options: As for `gradients`.

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
    found: Tensor
    if dim is not None:
        number("dim", dim, ABOVE_ZERO)
        size = dim
        found = made.shaped(solve(lambda p: _random(p, size, seed), made))
        return found
    given = dict(directions or {})
    single = _check_directions(given, made.parameters)
    rows = [given.values()] if single else zip(*given.values(), strict=True)
    each = [dict(zip(given, row, strict=True)) for row in rows]
    found = made.shaped(solve(lambda p: along_each(p, each), made))
    return found.squeeze(-1) if single else found


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
        **options: As for `gradients`.

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
    made = problem(model, loss, x, y, **options)
    found: Tensor = made.shaped(solve(_cosine_to_mean, made))
    return found


def along(made: Problem, direction: Params) -> Tensor:
    """Inner product of each sample's gradient with one direction."""
    return along_each(made, [direction]).squeeze(-1)


def along_each(made: Problem, directions: Sequence[Params]) -> Tensor:
    """Inner products with several directions, `(samples, directions)`."""
    vectors = [
        {n: direction[n].to(p) for n, p in made.parameters.items()}
        for direction in directions
    ]
    matrix = torch.cat([flat({n: v[n][None] for n in v}) for v in vectors])

    def formed(_: slice, gradients: Params) -> Tensor:
        return upcast(flat(gradients)) @ upcast(matrix).mT

    return torch.cat(over_passes(made, lambda _, p: p.along(vectors), formed))


def summed(made: Problem, weights: Tensor | None = None) -> Params:
    """The weighted sum of all gradients, by ordinary backward passes."""
    if made.way.looped or made.way.backward:
        return _summed_one_by_one(made, weights)

    try:
        return _summed_together(made, weights)
    except (RefusedError, torch.OutOfMemoryError):
        raise
    except RuntimeError:
        # An operation that vmap knows inside a derivative only, such as an RNN.
        if not made.one_by_one:
            raise
        return _summed_one_by_one(made, weights)


def _summed_together(made: Problem, weights: Tensor | None) -> Params:
    def value(params: Params, rows: slice, x: Inputs, y: Targets) -> Tensor:
        losses = made.losses(params, x, y)
        return (losses if weights is None else losses * weights[rows]).sum()

    sums: Params = {}
    with torch.no_grad():
        for chunk in made.chunks():
            slopes = grad(value)(made.parameters, *chunk)
            found = {n: g.to_dense() for n, g in slopes.items()}
            sums = {n: sums[n] + g if sums else g for n, g in found.items()}
    return sums


def _summed_one_by_one(made: Problem, weights: Tensor | None) -> Params:
    sums: Params = {}
    for rows, part in streamed(made):
        for name, g in part.items():
            w = None if weights is None else weights[rows].to(g.dtype)
            total = g.sum(0) if w is None else torch.tensordot(w, g, 1)
            sums[name] = sums[name] + total if name in sums else total
    return sums


def mean_gradient(made: Problem) -> Params:
    """The mean of all gradients."""
    return {name: g / made.size for name, g in summed(made).items()}


def squared_length(gradient: Params) -> Tensor:
    """Squared norm of one gradient."""
    lengths = [torch.linalg.vector_norm(upcast(g)) for g in gradient.values()]
    return torch.stack(lengths).square().sum()


def _cosine_to_mean(made: Problem) -> Tensor:
    kept: list[Pass] = []

    def of_pass(_: slice, found: Pass) -> tuple[dict[str, Tensor], Params]:
        # Many chunks are too many to keep: each is run again with the mean. The first
        # chunk decides for all, since the last may be smaller.
        chunk = kept[0].size if kept else found.size
        if _KEPT * chunk >= made.size:
            kept.append(found)
        return found.squares(), found.total

    def of_gradients(_: slice, g: Params) -> tuple[dict[str, Tensor], Params]:
        return squares_of(g), weighted_sum(g)

    parts = over_passes(made, of_pass, of_gradients, total=True)
    squares, sums = zip(*parts, strict=True)
    mean = {name: g / made.size for name, g in added(sums).items()}
    lengths = total(joined(squares)).sqrt() * squared_length(mean).sqrt()
    with torch.no_grad():
        if sum(found.size for found in kept) == made.size:
            inner = torch.cat([found.along([mean])[:, 0] for found in kept])
        else:
            inner = along(made, mean)
    return ratio(inner, lengths)


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
        numbers = upcast(flat(gradients))
        # The same signs for every chunk, drawn again so as never to be held at once.
        generator = torch.Generator().manual_seed(seed)
        projected = numbers.new_zeros(len(numbers), dim)
        for block in torch.split(numbers, _BLOCK, 1):
            projected += block @ _signs(block.shape[1], dim, generator, block)
        parts.append(projected / sqrt(dim))
    return torch.cat(parts)


def _signs(rows: int, columns: int, generator: torch.Generator, like: Tensor) -> Tensor:
    """Random signs, 64 of each number that is drawn."""
    count = rows * columns
    words = torch.empty((count + 63) // 64, dtype=torch.int64)
    words.random_(-(2**63), None, generator=generator)
    octets = words.view(torch.uint8).to(like.device, torch.int32)
    every = torch.arange(256, device=like.device).unsqueeze(1)
    bits = every.bitwise_right_shift(torch.arange(8, device=like.device)) & 1
    table = (2 * bits - 1).to(like.dtype)
    return table.index_select(0, octets).flatten()[:count].view(rows, columns)

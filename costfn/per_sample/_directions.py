"""Inner products of each sample's gradient with directions, without the gradients."""

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Unpack

import torch
from torch import Tensor
from torch.func import grad

from .._foundation.math import ratio, upcast
from .._foundation.options import ABOVE_ZERO, number
from ._fallbacks import with_fallbacks
from ._gradient_problem import GradientProblem
from ._gradients import flat, streamed
from ._norms import added, joined, squares_of, total, weighted_sum
from ._options import Inputs, Loss, Model, Options, Params, Targets
from ._pass import Pass, map_passes
from ._prepare import prepare
from ._vmap import RefusedError

Directions = Mapping[str, Tensor]
_KEPT = 8  # the most chunks whose passes are kept in memory
_BLOCK = 4096  # how many numbers of a gradient are projected at a time


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

    With `directions` it takes one backward pass and an inner product at each layer, and
    forms no gradient of a sample. With `dim` the directions are random signs divided by
    `sqrt(dim)`. Inner products of these projections equal those of the gradients, with
    an error of about `1 / sqrt(dim)` of their lengths. So the projections can replace
    gradients that are too large to keep.

    Args:
        model: A module or a function, as for `gradients`.
        loss: Function of a prediction and a target, as for `gradients`.
        x: Inputs, samples on axis 0, as for `gradients`.
        y: Targets, samples on axis 0, as for `gradients`.
        directions: By name of the parameter: one direction of the parameter's shape, or
            several with one more axis in front.
        dim: Number of random directions, instead of `directions`.
        seed: Seed of the random directions; the same seed gives the same ones.
        **options: As for `gradients`.

    Returns:
        `(samples,)` for one given direction, else `(samples, directions)`.

    Raises:
        TypeError: If an argument has the wrong type, or as the loss says.
        ValueError: If both or neither of `directions` and `dim` are given, directions
            do not have the parameters' names and shapes, or as for `gradients`.
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
    problem = prepare(model, loss, x, y, **options)
    found: Tensor
    if dim is not None:
        number("dim", dim, ABOVE_ZERO)
        size = dim
        found = problem.with_sample_axes(
            with_fallbacks(lambda p: _random(p, size, seed), problem)
        )
        return found
    given = dict(directions or {})
    single = _check_directions(given, problem.parameters)
    rows = [given.values()] if single else zip(*given.values(), strict=True)
    each = [dict(zip(given, row, strict=True)) for row in rows]
    found = problem.with_sample_axes(
        with_fallbacks(lambda p: inner_products(p, each), problem)
    )
    return found.squeeze(-1) if single else found


def cosine_to_mean(
    model: Model, loss: Loss, x: Inputs, y: Targets, **options: Unpack[Options]
) -> Tensor:
    """Cosine between each sample's gradient and the mean of all gradients.

    If it is below 0, a descent step along the mean gradient raises the sample's loss.

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
    problem = prepare(model, loss, x, y, **options)
    found: Tensor = problem.with_sample_axes(with_fallbacks(_cosine_to_mean, problem))
    return found


def inner_product(problem: GradientProblem, direction: Params) -> Tensor:
    """Inner product of each sample's gradient with one direction."""
    return inner_products(problem, [direction]).squeeze(-1)


def inner_products(problem: GradientProblem, directions: Sequence[Params]) -> Tensor:
    """Inner products with several directions, `(samples, directions)`."""
    vectors = [
        {n: direction[n].to(p) for n, p in problem.parameters.items()}
        for direction in directions
    ]
    matrix = torch.cat([flat({n: v[n][None] for n in v}) for v in vectors])

    def formed(_: slice, gradients: Params) -> Tensor:
        return upcast(flat(gradients)) @ upcast(matrix).mT

    return torch.cat(
        map_passes(problem, lambda _, p: p.inner_products(vectors), formed)
    )


def summed(problem: GradientProblem, weights: Tensor | None = None) -> Params:
    """The weighted sum of all gradients, by ordinary backward passes."""
    if problem.mode.without_vmap or problem.mode.own_backward:
        return _summed_one_by_one(problem, weights)

    try:
        return _summed_together(problem, weights)
    except (RefusedError, torch.OutOfMemoryError):
        raise
    except RuntimeError:
        # An operation that `vmap` can run inside a derivative only, such as an RNN.
        if not problem.one_by_one:
            raise
        return _summed_one_by_one(problem, weights)


def _summed_together(problem: GradientProblem, weights: Tensor | None) -> Params:
    def value(params: Params, rows: slice, x: Inputs, y: Targets) -> Tensor:
        losses = problem.losses(params, x, y)
        return (losses if weights is None else losses * weights[rows]).sum()

    sums: Params = {}
    with torch.no_grad():
        for chunk in problem.chunks():
            slopes = grad(value)(problem.parameters, *chunk)
            found = {n: g.to_dense() for n, g in slopes.items()}
            sums = {n: sums[n] + g if sums else g for n, g in found.items()}
    return sums


def _summed_one_by_one(problem: GradientProblem, weights: Tensor | None) -> Params:
    sums: Params = {}
    for rows, part in streamed(problem):
        for name, g in part.items():
            w = None if weights is None else weights[rows].to(g.dtype)
            total = g.sum(0) if w is None else torch.tensordot(w, g, 1)
            sums[name] = sums[name] + total if name in sums else total
    return sums


def mean_gradient(problem: GradientProblem) -> Params:
    """The mean of all gradients."""
    return {name: g / problem.size for name, g in summed(problem).items()}


def squared_length(gradient: Params) -> Tensor:
    """Squared norm of one gradient."""
    lengths = [torch.linalg.vector_norm(upcast(g)) for g in gradient.values()]
    return torch.stack(lengths).square().sum()


def _cosine_to_mean(problem: GradientProblem) -> Tensor:
    kept: list[Pass] = []

    def of_pass(_: slice, found: Pass) -> tuple[dict[str, Tensor], Params]:
        # Many chunks are too many to keep: each is run again with the mean. The first
        # chunk decides for all, since the last may be smaller.
        chunk = kept[0].size if kept else found.size
        if _KEPT * chunk >= problem.size:
            kept.append(found)
        return found.squares(), found.total

    def of_gradients(_: slice, g: Params) -> tuple[dict[str, Tensor], Params]:
        return squares_of(g), weighted_sum(g)

    parts = map_passes(problem, of_pass, of_gradients, total=True)
    squares, sums = zip(*parts, strict=True)
    mean = {name: g / problem.size for name, g in added(sums).items()}
    lengths = total(joined(squares)).sqrt() * squared_length(mean).sqrt()
    with torch.no_grad():
        if sum(found.size for found in kept) == problem.size:
            products = [found.inner_products([mean])[:, 0] for found in kept]
            inner = torch.cat(products)
        else:
            inner = inner_product(problem, mean)
    return ratio(inner, lengths)


def _check_directions(directions: Directions, parameters: Params) -> bool:
    """Checks names and shapes, and tells whether there is a single direction."""
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


def _random(problem: GradientProblem, dim: int, seed: int) -> Tensor:
    parts = []
    for _, gradients in streamed(problem):
        numbers = upcast(flat(gradients))
        # The same signs for every chunk. They are drawn again instead of being held.
        generator = torch.Generator().manual_seed(seed)
        projected = numbers.new_zeros(len(numbers), dim)
        for block in torch.split(numbers, _BLOCK, 1):
            projected += block @ _signs(block.shape[1], dim, generator, block)
        parts.append(projected / sqrt(dim))
    return torch.cat(parts)


def _signs(rows: int, columns: int, generator: torch.Generator, like: Tensor) -> Tensor:
    """Random signs, one from each bit of random integers."""
    count = rows * columns
    words = torch.empty((count + 63) // 64, dtype=torch.int64)
    words.random_(-(2**63), None, generator=generator)
    octets = words.view(torch.uint8).to(like.device, torch.int32)
    every = torch.arange(256, device=like.device).unsqueeze(1)
    bits = every.bitwise_right_shift(torch.arange(8, device=like.device)) & 1
    table = (2 * bits - 1).to(like.dtype)
    return table.index_select(0, octets).flatten()[:count].view(rows, columns)

"""How much the gradients of samples vary, and how similar they are."""

from typing import NamedTuple, Unpack

import torch
from torch import Tensor

from .._foundation.math import ratio
from ._directions import squared_length
from ._fallbacks import with_fallbacks
from ._gradient_problem import GradientProblem
from ._gradients import flat, materialized
from ._moments import moments
from ._norms import squared_norms_and_sum, total
from ._options import Inputs, Loss, Model, Options, Params, Targets
from ._prepare import prepare


class NoiseScale(NamedTuple):
    """The noise of the gradient, estimated from single samples.

    Attributes:
        scale: `trace / squared_norm`, in samples: the batch size at which the noise of
            the mean gradient equals its length. Infinite if `squared_norm` is not
            above 0: then there are too few samples to tell the gradient from noise.
        trace: Unbiased estimate of the trace of the covariance of samples' gradients.
        squared_norm: Unbiased estimate of the squared norm of the true gradient. It may
            be negative.
    """

    scale: Tensor
    trace: Tensor
    squared_norm: Tensor


def gradient_noise_scale(
    model: Model, loss: Loss, x: Inputs, y: Targets, **options: Unpack[Options]
) -> NoiseScale:
    """How many samples a batch needs before its gradient is more signal than noise.

    This is the simple noise scale: the trace of the covariance of the samples'
    gradients divided by the squared norm of the true gradient. Both are estimated
    without bias, from norms alone: no gradient of a sample is formed.

    Args:
        model: A module or a function, as for `gradients`.
        loss: Function of a prediction and a target, as for `gradients`.
        x: Inputs, 2 samples or more on axis 0, as for `gradients`.
        y: Targets, samples on axis 0, as for `gradients`.
        **options: As for `gradients`.

    Returns:
        The scale, in samples, and the two estimates whose ratio it is.

    Raises:
        TypeError: If an argument has the wrong type, or as the loss says.
        ValueError: If there are fewer than 2 samples, or as for `gradients`.
        RuntimeError: If the model draws random numbers.

    Example:
        >>> import torch
        >>> from costfn import per_sample
        >>> model = torch.nn.Linear(1, 1, bias=False)
        >>> x, y = torch.tensor([[1.0], [3.0]]), torch.zeros(2, 1)
        >>> per_sample.gradient_noise_scale(model, lambda z, y: (z - y).sum(), x, y)
        NoiseScale(scale=tensor(0.6667), trace=tensor(2.), squared_norm=tensor(3.))

    Source:
        McCandlish et al., "An Empirical Model of Large-Batch Training", 2018, eq. 2.9
        and appendix A.1, with batches of 1 and of all samples.
        https://arxiv.org/abs/1812.06162
    """
    problem = _at_least_two(prepare(model, loss, x, y, **options))
    return with_fallbacks(_noise_scale, problem)


def _noise_scale(problem: GradientProblem) -> NoiseScale:
    squares, sums = squared_norms_and_sum(problem)
    mean = {name: g / problem.size for name, g in sums.items()}
    return noise_scale(total(squares).mean(), squared_length(mean), problem.size)


def noise_scale(mean_square: Tensor, square_of_mean: Tensor, size: int) -> NoiseScale:
    """The noise scale from the mean squared norm and the squared norm of the mean."""
    trace = (mean_square - square_of_mean) * (size / (size - 1))
    square = square_of_mean - trace / size
    seen = square > 0
    scale = torch.where(seen, trace / torch.where(seen, square, 1.0), torch.inf)
    return NoiseScale(scale, trace, square)


def variance(
    model: Model, loss: Loss, x: Inputs, y: Targets, **options: Unpack[Options]
) -> Params:
    """Variance of each number of the gradient over the samples.

    Where gradients are formed, those of `chunk_size` samples are in memory at a time;
    by default as many as fit, at most 128.

    Args:
        model: A module or a function, as for `gradients`.
        loss: Function of a prediction and a target, as for `gradients`.
        x: Inputs, 2 samples or more on axis 0, as for `gradients`.
        y: Targets, samples on axis 0, as for `gradients`.
        **options: As for `gradients`.

    Returns:
        By name of the parameter, unbiased variances, of its shape.

    Raises:
        TypeError: If an argument has the wrong type, or as the loss says.
        ValueError: If there are fewer than 2 samples, or as for `gradients`.
        RuntimeError: If the model draws random numbers.

    Example:
        >>> import torch
        >>> from costfn import per_sample
        >>> model = torch.nn.Linear(1, 1, bias=False)
        >>> x, y = torch.tensor([[1.0], [3.0]]), torch.zeros(2, 1)
        >>> per_sample.variance(model, lambda z, y: (z - y).sum(), x, y)
        {'weight': tensor([[2.]])}

    Source:
        Chan, Golub and LeVeque, "Updating Formulae and a Pairwise Algorithm for
        Computing Sample Variances", COMPSTAT 1982.
    """
    problem = _at_least_two(prepare(model, loss, x, y, **options))
    return with_fallbacks(lambda p: moments(p)[1], problem)


def gradient_signal_to_noise(
    model: Model, loss: Loss, x: Inputs, y: Targets, **options: Unpack[Options]
) -> Params:
    """Squared mean divided by variance of each number of the gradient over the samples.

    It is large where the samples agree on how a parameter should change. Memory is as
    for `variance`.

    Args:
        model: A module or a function, as for `gradients`.
        loss: Function of a prediction and a target, as for `gradients`.
        x: Inputs, 2 samples or more on axis 0, as for `gradients`.
        y: Targets, samples on axis 0, as for `gradients`.
        **options: As for `gradients`.

    Returns:
        By name of the parameter, ratios of at least 0, of its shape. They are 0 where
        mean and variance are 0, and infinite where only the variance is.

    Raises:
        TypeError: If an argument has the wrong type, or as the loss says.
        ValueError: If there are fewer than 2 samples, or as for `gradients`.
        RuntimeError: If the model draws random numbers.

    Example:
        >>> import torch
        >>> from costfn import per_sample
        >>> model = torch.nn.Linear(1, 1, bias=False)
        >>> x, y = torch.tensor([[1.0], [3.0]]), torch.zeros(2, 1)
        >>> loss = lambda z, y: (z - y).sum()
        >>> per_sample.gradient_signal_to_noise(model, loss, x, y)
        {'weight': tensor([[2.]])}

    Source:
        Liu et al., "Understanding Why Neural Networks Generalize Well Through GSNR of
        Parameters", ICLR 2020, eq. 1. https://arxiv.org/abs/2001.07384
    """
    problem = _at_least_two(prepare(model, loss, x, y, **options))
    means, variances = with_fallbacks(moments, problem)
    return {
        name: torch.where(mean == 0, 0.0, mean.abs().square() / variances[name])
        for name, mean in means.items()
    }


def pairwise_similarity(
    model: Model,
    loss: Loss,
    x: Inputs,
    y: Targets,
    *,
    normalize: bool = True,
    **options: Unpack[Options],
) -> Tensor:
    """How similar the gradients of any two samples are.

    By default all gradients are in memory, `len(x)` times the size of the model. With
    `chunk_size` those of two chunks are, and they are computed again for each pair of
    chunks.

    Args:
        model: A module or a function, as for `gradients`.
        loss: Function of a prediction and a target, as for `gradients`.
        x: Inputs, samples on axis 0, as for `gradients`.
        y: Targets, samples on axis 0, as for `gradients`.
        normalize: Whether to return cosines; if not, inner products.
        **options: As for `gradients`.

    Returns:
        A symmetric matrix, `(samples, samples)`. Cosines with a gradient of 0 are 0.

    Raises:
        TypeError: If an argument has the wrong type, or as the loss says.
        ValueError: As for `gradients`.
        RuntimeError: If the model draws random numbers.

    Example:
        >>> import torch
        >>> from costfn import per_sample
        >>> model = torch.nn.Linear(2, 1, bias=False)
        >>> x, y = torch.tensor([[1.0, 0.0], [3.0, 4.0]]), torch.zeros(2, 1)
        >>> per_sample.pairwise_similarity(model, lambda z, y: (z - y).sum(), x, y)
        tensor([[1.0000, 0.6000],
                [0.6000, 1.0000]])

    Source:
        Fort et al., "Stiffness: A New Perspective on Generalization in Neural
        Networks", 2019, eq. 5. https://arxiv.org/abs/1901.09491
    """
    products = with_fallbacks(_products, prepare(model, loss, x, y, **options))
    if not normalize:
        return products
    lengths = products.diagonal().sqrt()
    return ratio(products, lengths.unsqueeze(1) * lengths)


def _at_least_two(problem: GradientProblem) -> GradientProblem:
    if problem.size < 2:
        raise ValueError(f"x must hold 2 samples or more, got {problem.size}")
    return problem


def _products(problem: GradientProblem) -> Tensor:
    with torch.no_grad():
        if problem.chunk_size is None or problem.chunk_size >= problem.size:
            every = flat(materialized(problem))
            return every @ every.mT
        chunks = list(problem.chunks())
        found = next(iter(problem.parameters.values())).new_empty(
            problem.size, problem.size
        )
        for i, (rows, x, y) in enumerate(chunks):
            first = flat(materialized(problem.part(x, y)))
            for columns, other_x, other_y in chunks[: i + 1]:
                same = columns == rows
                other = (
                    first
                    if same
                    else flat(materialized(problem.part(other_x, other_y)))
                )
                products = first @ other.mT
                found[rows, columns], found[columns, rows] = products, products.mT
        return found

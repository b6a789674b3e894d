"""How the gradients of samples spread, and how alike they are."""

from typing import NamedTuple, Unpack

import torch
from torch import Tensor

from .._foundation.math import ratio
from ._directions import squared_length
from ._functional import Inputs, Loss, Model, Options, Params, Targets
from ._gradients import flat, materialized
from ._moments import moments
from ._norms import squared_norms_and_sum, total
from ._posed import problem, solve
from ._problem import Problem


class NoiseScale(NamedTuple):
    """The noise of the gradient, from single samples.

    Attributes:
        scale: `trace / squared_norm`, in samples: the batch size at which the noise of
            the mean gradient equals its length. Infinite if `squared_norm` is not
            above 0: then the samples are too few to see the gradient for its noise.
        trace: Of the covariance of the samples' gradients, unbiased.
        squared_norm: Of the true gradient, unbiased, and so perhaps negative.
    """

    scale: Tensor
    trace: Tensor
    squared_norm: Tensor


def gradient_noise_scale(
    model: Model, loss: Loss, x: Inputs, y: Targets, **options: Unpack[Options]
) -> NoiseScale:
    """How many samples a batch needs before its gradient is more signal than noise.

    The simple noise scale: the trace of the covariance of the samples' gradients over
    the squared norm of the true gradient, both estimated without bias; from norms,
    with no gradient of a sample.

    Args:
        model: A module or a function, as for `gradients`.
        loss: Function of a prediction and a target, as for `gradients`.
        x: Inputs, 2 samples or more on axis 0, as for `gradients`.
        y: Targets, samples on axis 0, as for `gradients`.
        **options: As for `gradients`.

    Returns:
        The scale, in samples, and the two estimates that it is made of.

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
    made = _several(problem(model, loss, x, y, **options))
    return solve(_noise_scale, made)


def _noise_scale(made: Problem) -> NoiseScale:
    squares, sums = squared_norms_and_sum(made)
    mean = {name: g / made.size for name, g in sums.items()}
    return noise_scale(total(squares).mean(), squared_length(mean), made.size)


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

    Streaming: the gradients of `chunk_size` samples are there at once, by default as
    many as fit in memory, 128 at most.

    Args:
        model: A module or a function, as for `gradients`.
        loss: Function of a prediction and a target, as for `gradients`.
        x: Inputs, 2 samples or more on axis 0, as for `gradients`.
        y: Targets, samples on axis 0, as for `gradients`.
        **options: As for `gradients`.

    Returns:
        By name of the parameter, variances over `samples - 1`, of its shape.

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
    made = _several(problem(model, loss, x, y, **options))
    return solve(lambda p: moments(p)[1], made)


def gradient_signal_to_noise(
    model: Model, loss: Loss, x: Inputs, y: Targets, **options: Unpack[Options]
) -> Params:
    """Squared mean over variance of each number of the gradient, over the samples.

    Large where the samples agree on how a parameter should move. Streaming, as
    `variance`.

    Args:
        model: A module or a function, as for `gradients`.
        loss: Function of a prediction and a target, as for `gradients`.
        x: Inputs, 2 samples or more on axis 0, as for `gradients`.
        y: Targets, samples on axis 0, as for `gradients`.
        **options: As for `gradients`.

    Returns:
        By name of the parameter, ratios at least 0, of its shape; 0 where mean and
        variance are 0, infinite where the variance alone is.

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
    made = _several(problem(model, loss, x, y, **options))
    means, variances = solve(moments, made)
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
    """How alike the gradients of any two samples are.

    With `chunk_size`, the gradients of two chunks are there at once, and are computed
    again for each pair of chunks; by default all are, `len(x)` times the model.

    Args:
        model: A module or a function, as for `gradients`.
        loss: Function of a prediction and a target, as for `gradients`.
        x: Inputs, samples on axis 0, as for `gradients`.
        y: Targets, samples on axis 0, as for `gradients`.
        normalize: Whether to take cosines, and not inner products.
        **options: As for `gradients`.

    Returns:
        A symmetric matrix, `(samples, samples)`; cosines with a gradient of 0 are 0.

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
    products = solve(_products, problem(model, loss, x, y, **options))
    if not normalize:
        return products
    lengths = products.diagonal().sqrt()
    return ratio(products, lengths.unsqueeze(1) * lengths)


def _several(made: Problem) -> Problem:
    if made.size < 2:
        raise ValueError(f"x must hold 2 samples or more, got {made.size}")
    return made


def _products(made: Problem) -> Tensor:
    with torch.no_grad():
        if made.chunk_size is None or made.chunk_size >= made.size:
            every = flat(materialized(made))
            return every @ every.mT
        chunks = list(made.chunks())
        found = next(iter(made.parameters.values())).new_empty(made.size, made.size)
        for i, (rows, x, y) in enumerate(chunks):
            first = flat(materialized(made.part(x, y)))
            for columns, other_x, other_y in chunks[: i + 1]:
                same = columns == rows
                other = (
                    first if same else flat(materialized(made.part(other_x, other_y)))
                )
                products = first @ other.mT
                found[rows, columns], found[columns, rows] = products, products.mT
        return found

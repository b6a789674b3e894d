"""The sum of gradients, each shortened to a bound."""

from typing import NamedTuple, Unpack

import torch
from torch import Tensor

from .._foundation.options import ABOVE_ZERO, number
from ._fallbacks import with_fallbacks
from ._gradient_problem import GradientProblem
from ._norms import added, squares_of, total, weighted_sum
from ._options import Inputs, Loss, Model, Options, Params, Targets
from ._pass import Pass, map_passes
from ._prepare import prepare


class Clipped(NamedTuple):
    """A sum of clipped gradients.

    Attributes:
        total: The sum over the samples, by name of the parameter.
        norms: Length of each sample's gradient before clipping, `(samples,)`.
    """

    total: Params
    norms: Tensor


def clip(
    model: Model,
    loss: Loss,
    x: Inputs,
    y: Targets,
    max_norm: float,
    **options: Unpack[Options],
) -> Clipped:
    """Sum of the samples' gradients, each shortened to a bound, as in DP-SGD.

    It takes one forward and two backward passes: one for the norms, and one in which
    each sample has the weight `min(1, max_norm / norm)`. No gradient of a sample is
    formed. This is for experiments with clipping: it adds no noise and guarantees no
    privacy.

    Args:
        model: A module or a function, as for `gradients`.
        loss: Function of a prediction and a target, as for `gradients`.
        x: Inputs, samples on axis 0, as for `gradients`.
        y: Targets, samples on axis 0, as for `gradients`.
        max_norm: The greatest allowed length of a sample's gradient over all
            parameters, above 0.
        **options: As for `gradients`.

    Returns:
        The sum, by name of the parameter, and the norms before clipping.

    Raises:
        TypeError: If an argument has the wrong type, or as the loss says.
        ValueError: If `max_norm` is not above 0, or as for `gradients`.
        RuntimeError: If the model draws random numbers.

    Example:
        >>> import torch
        >>> from costfn import per_sample
        >>> model = torch.nn.Linear(2, 1, bias=False)
        >>> x, y = torch.tensor([[1.0, 0.0], [3.0, 4.0]]), torch.zeros(2, 1)
        >>> per_sample.clip(model, lambda z, y: (z - y).sum(), x, y, max_norm=2.0)
        Clipped(total={'weight': tensor([[2.2000, 1.6000]])}, norms=tensor([1., 5.]))

    Source:
        Abadi et al., "Deep Learning with Differential Privacy", CCS 2016, algorithm 1.
        https://arxiv.org/abs/1607.00133 In two passes: Lee and Kifer, "Scaling up
        Differentially Private Deep Learning with Fast Per-Example Gradient Clipping",
        PoPETs 2021. https://arxiv.org/abs/2009.03106
    """
    number("max_norm", max_norm, ABOVE_ZERO)
    problem = prepare(model, loss, x, y, **options)
    total, norms = with_fallbacks(lambda p: _clip(p, max_norm), problem)
    return Clipped(total, problem.with_sample_axes(norms))


def _clip(problem: GradientProblem, max_norm: float) -> Clipped:
    def factors(squares: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        norms = total(squares).sqrt()
        # The norm is clamped from below, so that a gradient of 0 stays 0 and not NaN.
        return norms, max_norm / torch.clamp(norms, min=max_norm)

    def of_pass(_: slice, found: Pass) -> tuple[Params, Tensor]:
        norms, weights = factors(found.squares())
        return found.weighted(weights), norms

    def of_gradients(_: slice, gradients: Params) -> tuple[Params, Tensor]:
        norms, weights = factors(squares_of(gradients))
        return weighted_sum(gradients, weights), norms

    parts = map_passes(problem, of_pass, of_gradients, keep=True)
    sums, norms = zip(*parts, strict=True)
    return Clipped(added(sums), torch.cat(norms))

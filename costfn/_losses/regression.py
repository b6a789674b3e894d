"""Regression: errors as factors."""

import torch
from torch import Tensor

from .._foundation import check
from .._foundation.entry import Entry
from .._foundation.hidden import finished
from .._foundation.math import upcast
from .._foundation.options import ABOVE_ZERO, number
from .._foundation.types import Values

__all__ = ["q_error_loss"]


def q_error_loss(
    prediction: Values,
    target: Values,
    *,
    log_space: bool = True,
    floor: float | Tensor = 1e-6,
) -> Values:
    """How many times too large or too small a prediction is, less 1.

    `max(p / t, t / p) - 1`, in log space `exp(|p - t|) - 1`.

    Properties: 0 at a perfect prediction, where the gradient is 0; symmetric in over-
    and underestimation by the same factor; convex in log space. Continued by its
    tangent beyond a factor of e^30. In linear space what is below the floor counts as
    the floor in the target; in the prediction too, with a loss that grows linearly
    further down, so that a prediction at or below 0 finds its way back: every finite
    input has a finite loss.

    Args:
        prediction: In log space (natural logarithms) any number, else meant to be above
            0; any shape.
        target: The same, the shape of `prediction`.
        log_space: Whether both are logarithms: the stable form, for a network that
            predicts logarithms.
        floor: Without `log_space`, what smaller targets are raised to, above 0; choose
            what counts as nothing, such as 1 for numbers of rows.

    Returns:
        Loss of each element, at least 0, a factor less 1, the shape of `prediction`.

    Raises:
        TypeError: If either is not floating point.
        ValueError: If shapes differ, `floor` is not above 0, or a target is negative in
            linear space.

    Example:
        >>> import torch, costfn
        >>> prediction, target = torch.tensor([2.0, 10.0]), torch.tensor([1.0, 20.0])
        >>> costfn.q_error_loss(prediction, target, log_space=False)
        tensor([1., 1.])
        >>> costfn.q_error_loss(prediction.log(), target.log())
        tensor([1., 1.])

    Source:
        Moerkotte et al., "Preventing Bad Plans by Bounding the Impact of Cardinality
        Estimation Errors", VLDB 2009. https://doi.org/10.14778/1687627.1687738
    """
    for name, value in (("prediction", prediction), ("target", target)):
        check.floating_point(name, value)
    if prediction.shape != target.shape:
        raise ValueError(
            f"target must have the shape {tuple(prediction.shape)} of prediction, "
            f"got {tuple(target.shape)}"
        )
    least = number("floor", floor, ABOVE_ZERO)
    p, t = upcast(prediction), upcast(target)
    if log_space:
        return finished(_growth(p - t), prediction)
    seen = check.readable_values(target)
    if seen is not None and seen.amin() < 0:
        raise ValueError(
            f"target must be at least 0 without log_space, got {seen.amin().item():.6g}"
        )
    invalid = t < 0 if seen is None else None
    if isinstance(least, Tensor) and check.readable_values(least) is None:
        # Nothing is below a floor of NaN.
        invalid = (
            least.isnan().expand_as(t) if invalid is None else invalid | least.isnan()
        )
    t = torch.where(t < least, least, t)
    raised = torch.where(p < least, least, p)
    # Below the floor the loss keeps growing, linearly, unless the target is itself
    # below the floor.
    # Divided by a tensor: forward over reverse turns a scalar of float32 into float64
    # where torch divides it by a Python number.
    below = torch.where(p < least, 1 - p / (torch.ones_like(p) * least), 0.0)
    losses = (1 + below) * _growth(raised.log() - t.log())
    return finished(losses, prediction, invalid)


def _growth(distance: Tensor) -> Tensor:
    """exp(|d|) - 1, linear beyond 30; its slope at 0 is 0."""
    size = torch.where(distance > 0, distance, -distance)
    size = torch.where(distance == 0, 0.0, size)
    bounded = torch.where(size > 30, 30.0, size)
    return torch.expm1(bounded) + (size - bounded) * bounded.exp()


ENTRIES = (
    Entry(
        loss=q_error_loss,
        family="regression",
        formula="max(p / t, t / p) - 1",
        source="Moerkotte et al., VLDB 2009",
        link="https://doi.org/10.14778/1687627.1687738",
        takes=("target",),
        decisions=(),
        task="values",
        zero_at_perfect=True,
        convex=True,
        log_divergent=True,
        remark="Of logarithms, or with log_space=False of the numbers.",
        use="values that matter by their ratio: run times, numbers of rows",
        not_compared="it is for regression",
    ),
)

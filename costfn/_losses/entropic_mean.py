"""The expected cost under the softmax, and its entropic mean."""

from math import factorial

import torch
from torch import Tensor


def expected_cost(z: Tensor, c: Tensor, risk: float | Tensor) -> Tensor:
    """`sum_j p_j c_j`, or with a risk `log(sum_j p_j exp(risk c_j)) / risk`."""
    if isinstance(risk, Tensor):
        return _learned_risk(z, c, risk.to(z.dtype))
    return _entropic_mean(z, c, risk) if risk else (c * z.softmax(-1)).sum(-1)


def _entropic_mean(z: Tensor, c: Tensor, risk: float | Tensor) -> Tensor:
    # The difference of two log-sum-exps loses small risks and small costs to rounding;
    # log1p of a mean of expm1 keeps them wherever it neither overflows nor cancels.
    low = c.detach().amin(-1, keepdim=True)
    gain = risk * (c - low)
    moderate = gain.amax(-1, keepdim=True) < 30
    mean = (z.softmax(-1) * torch.expm1(torch.where(moderate, gain, 0.0))).sum(-1)
    near = moderate.squeeze(-1) & (mean > -0.5)
    log_mean = torch.where(
        near,
        torch.log1p(torch.where(near, mean, 0.0)),
        (z.log_softmax(-1) + gain).logsumexp(-1),
    )
    return low.squeeze(-1) + log_mean / risk


def _learned_risk(z: Tensor, c: Tensor, risk: Tensor) -> Tensor:
    """The entropic mean with its derivative in the risk, at 0 half the variance.

    A quotient by the risk has none at 0. With `d = c - mean` it is
    `mean + risk s g(risk**2 s)`, where `s = sum_j p_j d_j**2 f(risk d_j)`,
    `f(x) = (exp(x) - 1 - x) / x**2` and `g(x) = log(1 + x) / x`: smooth everywhere.
    """
    p = z.softmax(-1)
    mean = (p * c).sum(-1, keepdim=True)
    d = c - mean
    x = risk * d
    near = x.detach().abs().amax(-1, keepdim=True) < 1
    s = (p * d * d * _second_remainder(torch.where(near, x, 0.0))).sum(-1)
    near = near.squeeze(-1)
    smooth = mean.squeeze(-1) + risk * s * _log_quotient(risk * risk * s)
    return torch.where(
        near, smooth, _entropic_mean(z, c, torch.where(risk == 0, 1.0, risk))
    )


def _second_remainder(x: Tensor) -> Tensor:
    """`(exp(x) - 1 - x) / x**2` for `abs(x) < 1`, by its power series."""
    total = torch.zeros_like(x)
    for k in range(18, 1, -1):
        total = total * x + 1 / factorial(k)
    return total


def _log_quotient(x: Tensor) -> Tensor:
    """`log(1 + x) / x`, by its power series where the quotient would cancel."""
    near = x.detach().abs() < 0.01
    apart = torch.where(near, 1.0, x)
    y = torch.where(near, x, 0.0)
    series = torch.zeros_like(x)
    for k in range(9, 0, -1):
        series = series * -y + 1 / k
    return torch.where(near, series, torch.log1p(apart) / apart)

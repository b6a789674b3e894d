"""One temperature for all logits, so that their softmax agrees with frequencies."""

import torch
from torch import Tensor

from . import check
from .arrays import ArrayLike, as_tensor
from .hidden import poisoned
from .math import sum_type, upcast
from .types import Labels, Logits


def calibrate_temperature(
    logits: Logits | ArrayLike, labels: Labels | ArrayLike
) -> Tensor:
    """The temperature at which `softmax(logits / temperature)` fits the labels best.

    Minimises the mean cross entropy by bisection of its derivative in the inverse
    temperature, in which it is convex. Use held-out data, not the training set.

    Args:
        logits: Scores of the classes, `(examples, classes)` or any batch axes; -inf for
            a class that is masked out.
        labels: Class indices, `(examples,)`, at least one.

    Returns:
        The temperature in [1e-3, 1e3], a scalar in the dtype of `logits`, no gradient.
        An end of that range means that no temperature inside is best: the logits rank
        the label always first, or never, or their scale is far from 1. If all
        temperatures are equally good (logits equal for all classes) it is 1.

    Raises:
        TypeError: If `logits` is not floating point or `labels` not integer.
        ValueError: If shapes do not match, there is no example, a label is out of
            range or of a class that is masked out, or a logit is NaN or infinite.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[9.0, 0.0]]).repeat(4, 1)
        >>> costfn.decisions.calibrate_temperature(logits, torch.tensor([0, 0, 0, 1]))
        tensor(8.1922)

    Source:
        Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
        https://arxiv.org/abs/1706.04599
    """
    logits = as_tensor("logits", logits, floats=torch.float64)
    labels = as_tensor("labels", labels, device=logits.device)
    check.scores("logits", logits)
    classes = logits.shape[-1]
    check.labels("labels", labels, logits.shape[:-1], classes)
    if not labels.numel():
        raise ValueError("labels must hold at least one example, got none")
    z = logits.detach().to(sum_type(upcast(logits)))
    index = labels.long()
    inside = (index >= 0) & (index < classes)
    labelled = z.gather(-1, index.masked_fill(~inside, 0).unsqueeze(-1))
    broken = (z.isnan() | (z == torch.inf)).any(-1)
    masked_out = labelled.squeeze(-1) == -torch.inf
    _refuse(broken, "logits", "finite, or -inf for a class masked out, got NaN or inf")
    _refuse(masked_out, "labels", "of classes not masked out, got one of logit -inf")
    bad = (broken | masked_out | ~inside).any()
    # Logits minus that of the label: the derivative is then one mean without
    # cancellation.
    gaps = z.masked_fill(z == -torch.inf, 0.0) - labelled
    gaps = gaps.masked_fill(z == -torch.inf, 0.0)
    top = z.amax(-1, keepdim=True)
    low, high = z.new_tensor(-3.0), z.new_tensor(3.0)  # log10 of the inverse
    for _ in range(60):
        middle = (low + high) / 2
        mean = (((z - top) * 10**middle).softmax(-1) * gaps).sum(-1).mean()
        too_sharp = mean > 0
        low, high = (
            torch.where(too_sharp, low, middle),
            torch.where(too_sharp, middle, high),
        )
    found = torch.where((gaps == 0).all(), 1.0, 10 ** -((low + high) / 2))
    return poisoned(found, bad).to(logits.dtype)


def _refuse(wrong: Tensor, name: str, rule: str) -> None:
    seen = check.readable_values(wrong)
    if seen is not None and seen.any():
        raise ValueError(f"{name} must be {rule}")

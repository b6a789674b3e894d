"""Lovász losses: the Jaccard loss extended from sets to scores by sorting."""

from typing import Literal, get_args

import torch
from torch import Tensor

from . import _check
from ._math import one_hot, ratio, upcast
from ._types import AnyTarget, BatchLoss, Labels, Logits, Scores

Present = Literal["present", "all"]


def lovasz_softmax_loss(
    logits: Logits,
    target: Labels,
    *,
    classes: Present = "present",
    where: Tensor | None = None,
) -> BatchLoss:
    """Jaccard loss by its Lovász extension, on the softmax: exact at the corners.

    For each class sort the errors `|1[y = k] - p_k|` downwards and sum them times the
    steps of the Jaccard loss along that order; then the mean over the classes.

    Properties: in [0, 1]; 0 at a perfect prediction; piecewise linear in the errors, so
    that its curvature is that of the softmax alone; of the batch as a whole. Equal to
    1 less the Jaccard index at one-hot probabilities.

    Args:
        logits: Scores of the classes, `(*batch, classes)`.
        target: Labels `(*batch,)`.
        classes: Mean over the classes `"present"` in the target, or over `"all"`: an
            absent one then costs its largest error.
        where: True for the examples to keep, `(*batch,)`.

    Returns:
        A scalar; 0 with gradient 0 where nothing is left.

    Raises:
        TypeError: If `logits` is not floating point, `target` not integer or `where`
            not boolean.
        ValueError: If shapes do not match, a label is out of range or `classes` is
            neither.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
        >>> costfn.lovasz_softmax_loss(logits, torch.tensor([0, 1, 1]))
        tensor(0.5000)

    Source:
        Berman et al., "The Lovász-Softmax Loss", CVPR 2018, eq. 8 to 12.
        https://arxiv.org/abs/1705.08790
    """
    _check.scores("logits", logits)
    number = logits.shape[-1]
    _check.labels("target", target, logits.shape[:-1], number)
    _check.one_of("classes", classes, get_args(Present))
    z = upcast(logits)
    if where is not None:
        _check.mask(where, target.shape)
        z = torch.where(where.unsqueeze(-1), z, 0.0)
    truth = one_hot(target, number, z.dtype)
    errors = torch.where(truth == 1, 1 - z.softmax(-1), z.softmax(-1))
    # A bad label that could not be seen is a row of NaN, and the comparison hides it.
    errors = errors + 0 * truth
    if where is not None:
        errors = torch.where(where.unsqueeze(-1), errors, 0.0)
        truth = torch.where(where.unsqueeze(-1), truth, 0.0)
    losses = _extension(errors.reshape(-1, number), truth.reshape(-1, number))
    if classes == "all":
        return losses.mean().to(logits.dtype)
    present = (truth.reshape(-1, number).sum(0) != 0).to(losses.dtype)
    return ratio((present * losses).sum(), present.sum()).to(logits.dtype)


def lovasz_hinge_loss(
    logits: Scores, target: AnyTarget, *, where: Tensor | None = None
) -> BatchLoss:
    """Jaccard loss of a binary problem by its Lovász extension, on hinge errors.

    Errors `max(0, 1 - z s)` with `s = 1` for the foreground, else -1; sorted downwards
    and summed times the steps of the Jaccard loss along that order.

    Properties: convex in the logits for a given order; unbounded; 0 once every margin
    is 1; an upper bound of 1 less the Jaccard index of `z > 0`; of the batch as a
    whole. For several labels take the mean of it over them, by `torch.func.vmap`.

    Args:
        logits: Scores of the foreground, `(*batch,)`.
        target: 0 and 1, or booleans, `(*batch,)`.
        where: True for the examples to keep, `(*batch,)`.

    Returns:
        A scalar; 0 with gradient 0 where nothing is left.

    Raises:
        TypeError: If `logits` is not floating point, `target` is, or `where` is not
            boolean.
        ValueError: If shapes do not match or `target` holds other numbers.

    Example:
        >>> import torch, costfn
        >>> logits, target = torch.tensor([2.0, -0.5]), torch.tensor([1, 0])
        >>> costfn.lovasz_hinge_loss(logits, target)
        tensor(0.2500)

    Source:
        Berman et al., "The Lovász-Softmax Loss", CVPR 2018, sec. 2.2; Yu and Blaschko,
        ICML 2015. https://arxiv.org/abs/1705.08790
    """
    _check.tensor("logits", logits)
    if not logits.is_floating_point():
        raise TypeError(f"logits must be floating point, got {logits.dtype}")
    labels = target.to(torch.uint8) if target.dtype == torch.bool else target
    _check.labels("target", labels, logits.shape, 2)
    z = upcast(logits)
    if where is not None:
        _check.mask(where, target.shape)
        z = torch.where(where, z, 0.0)
    truth = one_hot(labels, 2, z.dtype)[..., 1]
    errors = (1 - z * (2 * truth - 1)).clamp(min=0)
    if where is not None:
        errors = torch.where(where, errors, 0.0)
        truth = torch.where(where, truth, 0.0)
    loss = _extension(errors.reshape(-1, 1), truth.reshape(-1, 1))
    return loss.sum().to(logits.dtype)


def _extension(errors: Tensor, truth: Tensor) -> Tensor:
    """Lovász extension of the Jaccard loss: from `(examples, classes)` to `(classes,)`.

    Of equal errors the order does not change the value.
    """
    if not len(errors):
        return errors.sum(0)
    order = (-errors.detach()).argsort(dim=0, stable=True)
    ranked, foreground = errors.gather(0, order), truth.gather(0, order)
    found = foreground.cumsum(0)
    total = found[-1:]
    union = total + (1 - foreground).cumsum(0)
    jaccard = 1 - (total - found) / torch.where(union > 0, union, 1.0)
    steps = torch.cat([jaccard[:1], jaccard[1:] - jaccard[:-1]])
    return (ranked * steps.detach()).sum(0)

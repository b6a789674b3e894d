"""Lovász losses: the Jaccard loss extended from sets to scores by sorting."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from .._foundation import check
from .._foundation.entry import entry_of_metric
from .._foundation.hidden import bad_target, finished, spoilt
from .._foundation.math import cast_back, one_hot, ratio, relu, sum_type, upcast
from .._foundation.types import AnyTarget, BatchLoss, Labels, Logits, Scores

Present = Literal["present", "all"] | Sequence[int]


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
    1 minus the Jaccard index at one-hot probabilities.

    Args:
        logits: Scores of the classes, `(*batch, classes)`.
        target: Labels `(*batch,)`.
        classes: Mean over the classes `"present"` in the target, over `"all"`, where an
            absent one costs its largest error, or over those of a list that are
            present: `[1, 2]` leaves a background 0 out.
        where: True for the examples to keep, `(*batch,)`.

    Returns:
        A scalar; 0 with gradient 0 where nothing is left.

    Raises:
        TypeError: If `logits` is not floating point, `target` not integer or `where`
            not boolean.
        ValueError: If shapes do not match, a label is out of range or `classes` is none
            of these.

    Example:
        >>> import torch, costfn
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
        >>> costfn.lovasz_softmax_loss(logits, torch.tensor([0, 1, 1]))
        tensor(0.5000)

    Source:
        Berman et al., "The Lovász-Softmax Loss", CVPR 2018, eq. 8 to 12.
        https://arxiv.org/abs/1705.08790
    """
    check.scores("logits", logits)
    number = logits.shape[-1]
    chosen: Tensor | None = None
    if isinstance(classes, str):
        check.one_of("classes", classes, ("present", "all"))
    else:
        chosen = check.classes(classes, number, logits.device)
    if where is not None:
        check.mask(where, logits.shape[:-1])
    check.labels("target", target, logits.shape[:-1], number, where)
    z = upcast(logits)
    if where is not None:
        z = torch.where(where.unsqueeze(-1), z, 0.0)
        target = target.long().masked_fill(~where, 0)
    truth = one_hot(target, number, z.dtype)
    invalid = bad_target(target, number)
    # Before the steps, which may be 0 for a bad pixel.
    z = spoilt(z, None if invalid is None else invalid.unsqueeze(-1))
    p = z.softmax(-1)
    errors = torch.where(truth == 1, 1 - p, p)
    if where is not None:
        errors = torch.where(where.unsqueeze(-1), errors, 0.0)
        truth = torch.where(where.unsqueeze(-1), truth, 0.0)
    errors, truth = errors.reshape(-1, number), truth.reshape(-1, number)
    if chosen is not None:
        errors, truth = errors[:, chosen], truth[:, chosen]
    losses = _extension(errors, truth)
    if classes == "all":
        return cast_back(losses.mean(), logits)
    present = (truth.sum(0) != 0).to(losses.dtype)
    return cast_back(ratio((present * losses).sum(), present.sum()), logits)


def lovasz_hinge_loss(
    logits: Scores, target: AnyTarget, *, where: Tensor | None = None
) -> BatchLoss:
    """Jaccard loss of a binary problem by its Lovász extension, on hinge errors.

    Errors `max(0, 1 - z s)` with `s = 1` for the foreground, else -1; sorted downwards
    and summed times the steps of the Jaccard loss along that order.

    Properties: convex in the logits for a given order; unbounded; 0 once every margin
    is 1; an upper bound of 1 minus the Jaccard index of `z > 0`; of the batch as a
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
    check.floating_point("logits", logits)
    check.tensor("target", target)
    labels = target.to(torch.uint8) if target.dtype == torch.bool else target
    if where is not None:
        check.mask(where, logits.shape)
    check.labels("target", labels, logits.shape, 2, where)
    z = upcast(logits)
    if where is not None:
        z = torch.where(where, z, 0.0)
        labels = labels.long().masked_fill(~where, 0)
    z = spoilt(z, bad_target(labels, 2))  # before the kink, which stops NaN
    errors = relu(1 - z * (2 * labels.to(z.dtype) - 1))
    truth = (labels == 1).to(z.dtype)
    if where is not None:
        errors = torch.where(where, errors, 0.0)
        truth = torch.where(where, truth, 0.0)
    loss = _extension(errors.reshape(-1, 1), truth.reshape(-1, 1))
    return finished(loss.sum(), logits)


def _extension(errors: Tensor, truth: Tensor) -> Tensor:
    """Lovász extension of the Jaccard loss: from `(examples, classes)` to `(classes,)`.

    Of equal errors the order does not change the value.
    """
    if errors.shape[0] == 0:
        return errors.sum(0)
    order = (-errors.detach()).argsort(dim=0, stable=True)
    ranked, foreground = errors.gather(0, order), truth.detach().gather(0, order)
    # Running counts in float64: float32 stops at 2**24.
    wide = foreground.to(sum_type(foreground))
    found, seen = wide.cumsum(0), torch.ones_like(wide).cumsum(0)
    missed = found[-1:] - found
    union = missed + seen
    # Each step of the Jaccard loss in closed form. As a difference of two values near 1
    # it has few digits: with 2**21 pixels 4 % of the gradient would be rounding.
    of_background = ratio(missed, union * (union - 1))
    # Where nothing is foreground the first example is the whole union.
    of_background = torch.where((union == 1) & (seen == 1), 1.0, of_background)
    steps = torch.where(foreground == 1, 1 / union, of_background)
    # A bad label that could not be seen is a row of NaN, which the comparison hides.
    steps = (steps + 0 * wide).to(errors.dtype)
    return (ranked * steps).sum(0, dtype=sum_type(errors))


ENTRIES = (
    entry_of_metric(
        lovasz_softmax_loss,
        "sum of sorted errors times the steps of the Jaccard loss",
        ("Berman et al., CVPR 2018", "https://arxiv.org/abs/1705.08790"),
    ),
    entry_of_metric(
        lovasz_hinge_loss,
        "the same of hinge errors",
        ("Berman et al., CVPR 2018", "https://arxiv.org/abs/1705.08790"),
        "Binary.",
        bounded=False,
        log_divergent=True,
    ),
)

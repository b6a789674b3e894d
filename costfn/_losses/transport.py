"""Optimal transport: mass moved from the target to the prediction at its cost."""

from typing import get_args

import torch
from torch import Tensor

from .._foundation import check, check_costs
from .._foundation.counting import Scope, examples
from .._foundation.groups import mean_over_images, weight_of_images
from .._foundation.hidden import bad_target, checked_costs, finished
from .._foundation.math import cast_back, class_probs, flushed, ratio, sum_type, upcast
from .._foundation.options import ABOVE_ZERO, number
from .._foundation.reduce import Reduction
from .._foundation.types import Logits, Losses, Probs, SquareCost, Target
from .cost_vector import select_costs


def sinkhorn_loss(
    logits: Logits,
    target_probs: Probs,
    cost: SquareCost,
    *,
    epsilon: float | Tensor,
    debias: bool = True,
    iterations: int = 50,
) -> Losses:
    """Entropic transport cost from target probabilities to the softmax.

    `OT(q, p) = min_P sum_ij P_ij cost_ij + epsilon KL(P, q p')` over couplings `P` of
    `q` and `p`; debiased, `OT(q, p) - OT(q, q) / 2 - OT(p, p) / 2`.

    For labels it is not worth its price: with one-hot targets `OT` is exactly
    `expected_cost_loss`, whatever `epsilon`.

    Properties: debiased, 0 at a perfect prediction, and between the transport cost
    (`epsilon` to 0) and `energy_cost_loss` (to infinity); bounded by the costs. After
    too few iterations for a small `epsilon`, the value is a lower bound of `OT`.

    Args:
        logits: Scores of the classes, `(*batch, classes)`.
        target_probs: Rows of sum 1, `(*batch, classes)`.
        cost: Costs, `(classes, classes)` or `(*batch, classes, classes)`.
        epsilon: Smoothing, above 0, in the unit of `cost`; a tenth of a typical cost is
            a start.
        debias: Whether to subtract the two self-transports.
        iterations: Sinkhorn steps, at least 1; fixed, so that every transform works.
            They are differentiated through, at `classes**2` memory each.

    Returns:
        Loss of each example, in the unit of `cost`, `(*batch,)`.

    Raises:
        TypeError: If `logits` or `target_probs` is not floating point.
        ValueError: If shapes do not match, rows of `target_probs` are no probabilities,
            `cost` is not finite, `epsilon` not above 0 or `iterations` below 1.

    Example:
        >>> import torch, costfn
        >>> cost = costfn.costs.ordinal(3)
        >>> logits, target = torch.zeros(1, 3), torch.tensor([[0.5, 0.5, 0.0]])
        >>> costfn.sinkhorn_loss(logits, target, cost, epsilon=0.5)
        tensor([0.2783])

    Source:
        Cuturi, "Sinkhorn Distances", NeurIPS 2013, https://arxiv.org/abs/1306.0895;
        debiasing: Feydy et al., AISTATS 2019, https://arxiv.org/abs/1810.08278; as a
        loss: Frogner et al., NeurIPS 2015, https://arxiv.org/abs/1506.05439.
    """
    check.scores("logits", logits)
    batch, classes = logits.shape[:-1], logits.shape[-1]
    check.probs("target_probs", target_probs, logits.shape)
    check_costs.cost_matrix(
        "cost", cost, classes=classes, decisions=classes, batch=batch
    )
    smoothing = number("epsilon", epsilon, ABOVE_ZERO)
    if iterations < 1:
        raise ValueError(f"iterations must be at least 1, got {iterations}")
    z = upcast(logits)
    costs = checked_costs(cost, z.dtype)
    p, log_p = z.softmax(-1), z.log_softmax(-1)
    q = class_probs(target_probs, classes, z.dtype)
    invalid = bad_target(target_probs, classes)
    log_q = _log(q)

    def transport(a: Tensor, log_a: Tensor, b: Tensor, log_b: Tensor) -> Tensor:
        return _transport(a, log_a, b, log_b, costs, smoothing, iterations)

    losses = transport(q, log_q, p, log_p)
    if debias:
        of_itself = transport(q, log_q, q, log_q) + transport(p, log_p, p, log_p)
        losses = losses - of_itself / 2
    return finished(losses, logits, invalid)


def _log(q: Tensor) -> Tensor:
    # Finite for 0, and far below any mass: all -inf would make log-sum-exp NaN. What
    # rounding left below 0 counts as 0.
    never = torch.finfo(q.dtype).min / 4
    return torch.where(q <= 0, never, torch.where(q <= 0, 1.0, q).log())


def _transport(
    a: Tensor,
    log_a: Tensor,
    b: Tensor,
    log_b: Tensor,
    cost: Tensor,
    epsilon: float | Tensor,
    iterations: int,
) -> Tensor:
    f = torch.zeros_like(a)
    g = torch.zeros_like(b)
    for _ in range(iterations):
        to_columns = log_b.unsqueeze(-2) + (g.unsqueeze(-2) - cost) / epsilon
        f = -epsilon * to_columns.logsumexp(-1)
        to_rows = log_a.unsqueeze(-1) + (f.unsqueeze(-1) - cost) / epsilon
        g = -epsilon * to_rows.logsumexp(-2)
    # The dual value; after the last step the coupling has mass 1, so nothing is left.
    return (a * f).sum(-1) + (b * g).sum(-1)


def generalized_wasserstein_dice_loss(
    logits: Logits,
    target: Target,
    cost: SquareCost,
    *,
    background: int | None = 0,
    scope: Scope = "batch",
    sample_weight: Tensor | None = None,
    where: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """Dice loss in which a wrong class counts by its distance from the right one.

    With `M = cost / max(cost)`, for each example `W = sum_j p_j M[y, j]`; then
    `sum(W) / (2 sum(a (1 - W)) + sum(W))` with `a = M[y, background]`, so that the
    background makes no true positives; `a = 1` without one.

    A batch loss: the sums run over all examples (pixels) together, or over each image
    alone with `scope="example"`.

    Properties: in [0, 1]; 0 at a perfect prediction; 0 with gradient 0 where nothing
    is left to judge; not convex; not proper.

    Args:
        logits: Scores of the classes, `(*batch, classes)`.
        target: Labels `(*batch,)` or class probabilities `(*batch, classes)`.
        cost: Costs, at least 0 and 0 on the diagonal, `(classes, classes)`.
        background: Class of the background, or None for none.
        scope: `"batch"` sums over all batch axes; `"example"` over all but the first,
            and then takes the mean over the images that have any weight.
        sample_weight: Weight of each example, at least 0, `(*batch,)`; with
            `scope="example"` also `(images,)`, weights in the mean.
        where: True for the examples to keep, `(*batch,)`.
        reduction: Over the images of `scope="example"`: `"mean"`, `"sum"`, `"none"`.

    Returns:
        A scalar in [0, 1]; one per image for `"none"`.

    Raises:
        TypeError: If `logits` is not floating point, `target` neither kind or `where`
            not boolean.
        ValueError: If shapes do not match, a label is out of range, rows of `target`
            are no probabilities, `cost` is negative, not finite or not 0 on its
            diagonal, a weight is negative, `background` is no class, an option is
            unknown, or `"example"` is asked for fewer than 2 batch axes.

    Example:
        >>> import torch, costfn
        >>> cost = costfn.costs.zero_one(2)
        >>> logits = torch.tensor([[3.0, 0.0], [0.0, 3.0]])
        >>> costfn.generalized_wasserstein_dice_loss(logits, torch.tensor([0, 1]), cost)
        tensor(0.0474)

    Source:
        Fidon et al., "Generalised Wasserstein Dice Score for Imbalanced Multi-class
        Segmentation using Holistic Convolutional Networks", BrainLes 2017.
        https://arxiv.org/abs/1707.00478
    """
    check.scores("logits", logits)
    if where is not None:
        check.mask(where, logits.shape[:-1])
    check_costs.class_problem(logits, target, cost, non_negative=True, where=where)
    check_costs.zero_diagonal("cost", cost)
    classes = logits.shape[-1]
    if background is not None:
        check.one_of("background", background, range(classes))
    check.one_of("scope", scope, get_args(Scope))
    if scope == "example" and logits.ndim < 3:
        raise ValueError(
            "scope must be 'batch' unless logits have a batch axis of images and axes "
            f"of pixels, (images, ..., classes), got shape {tuple(logits.shape)}"
        )
    check.one_of("reduction", reduction, get_args(Reduction))
    batch = logits.shape[:-1]
    of_image, sample_weight = weight_of_images(sample_weight, where, batch, scope)
    z = upcast(logits)
    if where is not None:
        # Before the softmax, whose gradient of a masked NaN would be NaN.
        z = torch.where(where.unsqueeze(-1), z, 0.0)
    pairs = examples(
        z, target, "multiclass", classes, sample_weight, where, trusted=True
    )
    z, target, weight = pairs
    distance = _distances(cost, z.dtype)
    row = select_costs(target, distance)
    wrong = (row * z.softmax(-1)).sum(-1)
    right = 1 - wrong
    if background is not None:
        right = right * row[..., background]
    each = torch.ones_like(wrong) if weight is None else weight.squeeze(-1)
    axes = tuple(range(int(scope == "example"), wrong.ndim))

    def add(values: Tensor) -> Tensor:
        wide = values.to(sum_type(values))
        return wide.sum(axes) if axes else wide

    total = add(each)
    errors, hits = (flushed(add(each * x), total, z.dtype) for x in (wrong, right))
    losses = ratio(errors, 2 * hits + errors)
    defined = torch.zeros_like(total, dtype=torch.bool)
    mean = mean_over_images(losses, total, defined, of_image, scope, reduction)
    return cast_back(mean, logits)


def _distances(cost: Tensor, dtype: torch.dtype) -> Tensor:
    """Costs relative to the largest; NaN where they could not be seen and are bad."""
    costs = checked_costs(cost, dtype, non_negative=True)
    if check.readable_values(cost) is None:
        own = costs.diagonal(dim1=-2, dim2=-1)
        costs = costs + torch.where((own == 0).all(), 0.0, torch.nan)
    largest = costs.amax((-2, -1), keepdim=True)
    return costs / torch.where(largest > 0, largest, 1.0)

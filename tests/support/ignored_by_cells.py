"""What a loss of counts is when some of its pixels are ignored, from the kept alone."""

import torch

import four_cells
from cell_cases import Q
from ignored_cases import CLASSES


def table_of(seen, z, weight, rows):
    """The four cells of some rows, with weight 0 for what is ignored."""
    a, y = z.softmax(-1), seen.target
    if seen.task != "multiclass":
        a = z.sigmoid()
    elif not seen.soft:
        y = torch.eye(CLASSES, dtype=Q)[y]
    w = weight if weight.ndim == z.ndim else weight[..., None]
    if seen.task == "binary":
        a, y = (torch.stack([1 - x, x], -1) for x in (a, y))
        w = weight[..., None]
    a, y, w = (x[rows].flatten(0, -2) for x in (a, y, w))
    several = seen.task == "multilabel"
    return four_cells.Table(a, y, w, soft=seen.soft, several=several)


def of_groups(name, seen, z, weight, groups, **options):
    """The loss of each group, and which have a say in the mean; NaN-free."""
    losses, said = [], []
    for rows in groups:
        found = four_cells.measured(name, table_of(seen, z, weight, rows), **options)
        found = found if isinstance(found, list) else [found]
        losses.append(
            [0 * z.sum() if x is None else 1 - x + 0 * z.sum() for x in found]
        )
        said.append([x is not None for x in found])
    losses = torch.stack([torch.stack(row) for row in losses])
    if options.get("average", "macro") is not None:
        losses, said = losses[:, 0], [row[0] for row in said]
    return losses, torch.tensor(said)


def expected(name, seen, z, *, scope, reduction, by_pixel, by_image, options):
    keep = seen.keep.to(Q)
    weight = keep * seen.weight if by_pixel else keep
    if scope == "batch":
        losses, _ = of_groups(name, seen, z, weight, [slice(None)], **options)
        return losses[0]
    groups = [slice(i, i + 1) for i in range(len(z))]
    losses, said = of_groups(name, seen, z, weight, groups, **options)
    share = torch.ones(len(z), dtype=Q) if by_image is None else by_image
    share = share.reshape(-1, *[1] * (losses.ndim - 1)) * torch.ones_like(losses)
    if reduction != "mean":
        each = share * losses
        return each if reduction == "none" else each.sum(0)
    share = share * said
    total = share.sum(0)
    return (share * losses).sum(0) / torch.where(total == 0, 1, total)

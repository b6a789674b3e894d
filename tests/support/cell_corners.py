"""Memberships that are all but 0 or 1, and the losses of counts there in 60 digits."""

import numpy as np
import torch
from mpmath import mp, mpf

import costfn
import four_cells
from cell_cases import costs, value_and_gradient

CLASSES = 3
EPS = 2.0**-53
LABELS = torch.tensor([0, 1, 2, 0])
WEIGHT = torch.tensor([0.1, 0.7, 0.2, 1.3], dtype=torch.float64)


def decided(labels, sure=1 - EPS):
    """Nearly all membership for one class, and what is left for the two others."""
    rest = torch.tensor([0.75, 0.25], dtype=torch.float64) * EPS
    rows = []
    for label in labels.tolist():
        row = rest.tolist()
        row.insert(label, sure)
        rows.append(row)
    return torch.tensor(rows, dtype=torch.float64)


def alike(value):
    spread = torch.tensor([1.0, 0.5, 0.25], dtype=torch.float64) * EPS
    return (value + (spread if value == 0 else -spread)).expand(4, -1)


CORNERS = {
    "all but right": (decided(LABELS), LABELS),
    "all but wrong": (decided((LABELS + 1) % 3), LABELS),
    "all but all decided for 0": (decided(0 * LABELS), LABELS),
    "one example, all but right": (decided(LABELS[:1]), LABELS[:1]),
    "one example, all but wrong": (decided(LABELS[:1] + 1), LABELS[:1]),
    "all of class 0, all but right": (decided(0 * LABELS), 0 * LABELS),
    "all of class 0, all but wrong": (decided(0 * LABELS + 1), 0 * LABELS),
    "class 2 is absent": (decided(LABELS % 2), LABELS % 2),
    "members of all classes": (alike(1.0), LABELS),
    "members of none": (alike(0.0), LABELS),
}


def exactly(a, labels, weight):
    """The table in mpmath numbers."""
    exact = np.vectorize(mpf, otypes=[object])
    hot = np.eye(CLASSES, dtype=int)[labels.numpy()]
    w = exact(np.ones(len(a)) if weight is None else weight.numpy())
    return four_cells.Table(exact(a), exact(hot), w[:, None])


def slopes(a, formula):
    """Central differences, in 60 digits."""
    exact, step = np.vectorize(mpf, otypes=[object])(a.numpy()), mpf(10) ** -30
    found = np.empty(a.shape)
    for i in np.ndindex(*a.shape):
        ends = []
        for way in (1, -1):
            moved = exact.copy()
            moved[i] += way * step
            ends.append(formula(moved))
        found[i] = float((ends[0] - ends[1]) / (2 * step))
    return torch.tensor(found)


def both_at(a, labels, weight, name, options):
    """Value and gradient of the library's loss and of the formula in 60 digits."""
    given, plain = costs(name, CLASSES)

    def of_library(z):
        return getattr(costfn, name)(
            z,
            labels,
            **given,
            **options,
            relaxation=lambda z: z,
            sample_weight=weight,
        )

    def of_cells(x):
        return four_cells.loss(name, exactly(x, labels, weight), **plain, **options)

    with mp.workdps(60):
        value = torch.tensor(float(of_cells(a)), dtype=torch.float64)
        expected = value, slopes(a, of_cells)
    return value_and_gradient(of_library, a), expected

"""0/0: absent classes, examples of one class, no examples; and what is left out."""

from math import nan

import pytest
import torch

import costfn
from batch_losses import AVERAGED, COSTS, MULTILABEL, NAMES
from cell_cases import Problem, close, costs, value_and_gradient

Q = torch.float64
HOT = torch.eye(3, dtype=Q)


def same(z):
    return z


def one_class_each(rows, labels, weight=None):
    weight = None if weight is None else torch.tensor(weight, dtype=Q)
    return Problem("multiclass", 3, False, rows, torch.tensor(labels), weight)


def label_sets(rows, target, weight=None):
    weight = None if weight is None else torch.tensor(weight, dtype=Q)
    rows, target = torch.tensor(rows, dtype=Q), torch.tensor(target)
    return Problem("multilabel", 3, False, rows, target, weight)


TIES = torch.tensor([[0.5, 0.5, 0.0], [0.0, 0.5, 0.5], [0.5, 0.0, 0.5]], dtype=Q)
EXACT = {
    "all right": one_class_each(HOT[[0, 1, 2, 2]], [0, 1, 2, 2]),
    "all wrong": one_class_each(HOT[[1, 2, 0, 1]], [0, 1, 2, 2]),
    "all decided for 0": one_class_each(HOT[[0, 0, 0, 0]], [0, 1, 2, 2]),
    "all of class 0": one_class_each(HOT[[0, 1, 1, 2]], [0, 0, 0, 0]),
    "all of class 0 and right": one_class_each(HOT[[0, 0]], [0, 0]),
    "class 2 is nowhere": one_class_each(HOT[[0, 1, 1]], [0, 1, 0]),
    "class 2 is decided only": one_class_each(HOT[[0, 1, 2]], [0, 1, 0]),
    "one example, right": one_class_each(HOT[:1], [0]),
    "one example, wrong": one_class_each(HOT[:1], [1]),
    "ties": one_class_each(TIES, [0, 0, 2]),
    "weights of 0": one_class_each(TIES, [0, 0, 2], [1.0, 1.0, 0.0]),
    "no weight": one_class_each(TIES, [0, 0, 2], [0.0, 0.0, 0.0]),
}
SEVERAL = {
    "a label is nowhere": label_sets([[1, 0, 0], [0.5, 1, 0]], [[1, 0, 0], [1, 1, 0]]),
    "a label is everywhere": label_sets(
        [[1, 0, 1], [1, 0.5, 1]], [[1, 0, 1], [1, 0, 0]]
    ),
    "an example has none": label_sets(
        [[0.0, 0, 0], [0.5, 1, 0], [1, 1, 1]], [[0, 0, 0], [1, 1, 0], [0, 0, 0]]
    ),
    "weights of 0": label_sets(
        [[1, 0, 0], [0.5, 1, 0]], [[1, 0, 0], [0, 1, 1]], [1, 0]
    ),
    "no weight": label_sets([[1, 0, 0], [0.5, 1, 0]], [[1, 0, 0], [0, 1, 1]], [0, 0]),
    "one example": label_sets([[1, 0.5, 0]], [[1, 1, 0]], [2]),
}


def check(name, problem, **options):
    given, plain = costs(name, problem.width)

    def of_library(z):
        return getattr(costfn, name)(
            z,
            problem.target,
            **given,
            **options,
            task=problem.task,
            # This relaxation returns its input, so the second of (0, z) is z.
            relaxation=same,
            sample_weight=problem.weight,
        )

    def of_cells(z):
        return problem.by_cells(name, problem.memberships(z, same), **plain, **options)

    expected = value_and_gradient(of_cells, problem.logits)
    close(value_and_gradient(of_library, problem.logits), expected)


@pytest.mark.parametrize("situation", EXACT)
@pytest.mark.parametrize("name", NAMES)
def test_where_it_is_0_by_0(name, situation):
    problem = EXACT[situation]
    if name in COSTS:
        check(name, problem)
        return
    for zero_division in (0.0, 1.0, nan):
        if name not in AVERAGED:
            check(name, problem, zero_division=zero_division)
            continue
        for average in ("macro", "weighted", None):
            for absent in ("keep", "drop", "drop_unseen"):
                check(
                    name,
                    problem,
                    zero_division=zero_division,
                    average=average,
                    absent=absent,
                )


@pytest.mark.parametrize("situation", SEVERAL)
@pytest.mark.parametrize("name", MULTILABEL)
def test_where_it_is_0_by_0_of_several_labels(name, situation):
    averages = (
        ("macro", "weighted", "micro", "samples", None) if name in AVERAGED else (0,)
    )
    for zero_division in (0.0, 1.0, nan):
        for average in averages:
            options = {} if average == 0 else {"average": average}
            check(name, SEVERAL[situation], zero_division=zero_division, **options)

"""Count-based losses with every relaxation and task, against the four-cell formulas."""

from math import exp

import pytest
import torch

import costfn
from batch_losses import COSTS, MULTILABEL
from cell_cases import (
    CASES,
    OF_A_PARTITION,
    PARTITIONS,
    PROBLEMS,
    RELAXATIONS,
    WIDER,
    averages,
    close,
    costs,
    value_and_gradient,
)


def both(name, options, problem, relaxation):
    """Value and gradient of the library's loss and of the formula."""
    ours, formula = RELAXATIONS[relaxation]
    given, plain = costs(name, problem.width)

    def of_library(z):
        return getattr(costfn, name)(
            z,
            problem.target,
            **given,
            **options,
            task=problem.task,
            relaxation=ours,
            sample_weight=problem.weight,
        )

    def of_cells(z):
        a = problem.memberships(z, formula)
        return problem.by_cells(name, a, **plain, **options)

    return (
        value_and_gradient(of_library, problem.logits),
        value_and_gradient(of_cells, problem.logits),
    )


@pytest.mark.parametrize("relaxation", RELAXATIONS)
@pytest.mark.parametrize("name, options", CASES, ids=str)
def test_value_gradient_and_range(name, options, relaxation):
    for problem in PROBLEMS:
        if problem.task == "multilabel" and name not in MULTILABEL:
            continue
        for average in averages(name, problem.task):
            found, expected = both(name, options | average, problem, relaxation)
            close(found, expected)
            if relaxation in PARTITIONS or name not in OF_A_PARTITION:
                top = 2 if name in (*WIDER, *OF_A_PARTITION) else 1
                assert (found[0] >= -1e-12).all()
                assert name in COSTS or (found[0] <= top + 1e-12).all()


def test_specificity_where_all_are_members_of_all():
    """A report found -2.02, with every gradient reversed."""
    logits = torch.full((8, 3), 9.0, dtype=torch.float64)
    labels = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])
    options = {"relaxation": costfn.relaxations.sigmoid()}
    found = value_and_gradient(
        lambda z: costfn.specificity_loss(z, labels, **options), logits
    )
    # 1 - TN / (TN + FP), with 1 - p for every example of another class.
    p = 1 / (1 + exp(-9))
    assert found[0].item() == pytest.approx(p, rel=1e-12)
    others = torch.tensor([5.0, 5.0, 6.0], dtype=torch.float64)
    slope = p * (1 - p) / (3 * others).expand(8, -1)
    right = slope * (1 - torch.eye(3, dtype=torch.float64)[labels])
    torch.testing.assert_close(found[1], right, rtol=1e-11, atol=0)

"""The mirror's losses of counts against formulas in TP, FP, FN and TN."""

import jax
import jax.numpy as jnp
import pytest
import torch
from jax import nn

import costfn_jax
from batch_losses import AVERAGED, MULTILABEL, NAMES
from both_libraries import as_torch, in_jax
from cell_cases import (
    CASES,
    OF_A_PARTITION,
    PROBLEMS,
    RELAXATIONS,
    close,
    costs,
    value_and_gradient,
)
from cell_corners import CORNERS, WEIGHT, both_at
from costfn_jax import relaxations

pytestmark = pytest.mark.usefixtures("quick")


def squared(z):
    return nn.softmax(z) ** 2


OURS = {
    "softmax": relaxations.softmax(0.7),
    "sigmoid": relaxations.sigmoid(1.5, 0.3),
    "amplified": relaxations.amplified(9.0),
    "raised_cosine": relaxations.raised_cosine(0.4, 0.7),
    "piecewise_linear": relaxations.piecewise_linear(0.3, 0.1),
    "straight_through": relaxations.straight_through(),
    "a function": squared,
}
OF_THREE = [p for p in PROBLEMS if p.width == 3 and p.task == "multiclass"]
OTHERS = [OF_THREE[1], *(p for p in PROBLEMS if p.task != "multiclass")]


def of_mirror(name, z, target, **options):
    """Value and gradient, several values mixed as `value_and_gradient` does."""
    options = {
        k: in_jax(v) if isinstance(v, torch.Tensor) else v for k, v in options.items()
    }

    def loss(z):
        value = getattr(costfn_jax, name)(z, in_jax(target), **options)
        share = jnp.arange(1.0, value.size + 1).reshape(value.shape)
        return (share * value).sum(), value

    (_, value), slope = jax.value_and_grad(loss, has_aux=True)(in_jax(z))
    return as_torch(value), as_torch(slope)


def check(name, problem, relaxation, **options):
    given, plain = costs(name, problem.width)

    def of_cells(z):
        a = problem.memberships(z, RELAXATIONS[relaxation][1])
        return problem.by_cells(name, a, **plain, **options)

    found = of_mirror(
        name,
        problem.logits,
        problem.target,
        **given,
        **options,
        task=problem.task,
        relaxation=OURS[relaxation],
        sample_weight=problem.weight,
    )
    close(found, value_and_gradient(of_cells, problem.logits))


@pytest.mark.parametrize("relaxation", OURS)
def test_of_every_relaxation(relaxation):
    assert OURS.keys() == RELAXATIONS.keys()
    check("informedness_loss", OF_THREE[0], relaxation, average=None)


# Of sums that are not 1, of slopes that are 0, and of values whose slope is another's;
# `test_mirror_counting.py` has the others beside torch.
KINDS = ("sigmoid", "raised_cosine", "straight_through")


@pytest.mark.parametrize("relaxation", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_of_one_label(name, relaxation):
    average = {"average": None} if name in AVERAGED else {}
    check(name, OF_THREE[0], relaxation, **average)


@pytest.mark.shapes
@pytest.mark.parametrize("problem", OTHERS, ids=repr)
@pytest.mark.parametrize("name", NAMES)
def test_of_other_tasks(name, problem):
    if problem.task == "multilabel" and name not in MULTILABEL:
        pytest.skip("it is of one label for each example")
    average = {}
    if name in AVERAGED:
        words = {"multiclass": "weighted", "binary": "binary"}
        average["average"] = words.get(problem.task, "samples")
    check(name, problem, "sigmoid", **average)


@pytest.mark.parametrize("name, options", [case for case in CASES if case[1]], ids=str)
def test_of_its_options(name, options):
    check(name, OF_THREE[0], "sigmoid", **options)


SHARP = ["all but all decided for 0", "all of class 0, all but right"]


@pytest.mark.parametrize("corner", [*SHARP, "members of all classes"])
@pytest.mark.parametrize(
    "name",
    [*OF_A_PARTITION, "specificity_loss", "informedness_loss", "markedness_loss"],
)
def test_at_a_corner(name, corner):
    a, labels = CORNERS[corner]
    options = {"relaxation": lambda z: z, "sample_weight": WEIGHT}
    found = of_mirror(name, a, labels, **options)
    if corner == SHARP[1] and name in OF_A_PARTITION:
        # All of one class: undefined but for rounding, in which the two may differ.
        found = found[0], found[1] * a * (1 - a)
    _, expected = both_at(a, labels, WEIGHT, name, {})
    close(found, expected)

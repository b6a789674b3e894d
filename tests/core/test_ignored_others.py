"""What is ignored, in the functions with `where` that are no losses of counts."""

from inspect import signature

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.func import grad_and_value

import costfn
import four_cells
from batch_losses import AVERAGED, COST
from cell_cases import Q, close, value_and_gradient
from ignored_cases import BAD_SCORES, CLASSES, hidden, images, pick
from losses import SAMPLE_CASES

seeds, some = st.integers(0, 2**32 - 1), st.booleans()


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@given(seed=seeds, weighed=some, hide=some)
def test_of_reduce(reduction, seed, weighed, hide):
    seen, rng = images(seed, "binary")
    spoilt = seen.spoilt(rng)

    def of_all(x):
        w = spoilt.weight if weighed else None
        return costfn.reduce(x, weight=w, where=seen.keep, reduction=reduction)

    def of_kept(x):
        w = seen.weight if weighed else torch.ones_like(x)
        each = torch.where(seen.keep, w * x, 0.0)
        if reduction == "none":
            return each
        total = torch.where(seen.keep, w, 0.0).sum()
        return each.sum() / (total if reduction == "mean" and total > 0 else 1)

    with hidden(hide):
        found = value_and_gradient(of_all, spoilt.logits)
    close(found, value_and_gradient(of_kept, seen.logits))


@pytest.mark.parametrize(
    "case",
    [case for case in SAMPLE_CASES if case.form in ("labels", "probs")],
    ids=repr,
)
def test_of_a_loss_that_is_reduced_later(case):
    """A target to ignore spoils its own loss, and the mask takes that out again."""
    logits, target, *extras = case.draw(batch=(4,)).torch()
    keep = torch.tensor([True, False, True, False])
    spoilt = target.clone()
    if case.form == "labels":
        spoilt[~keep] = torch.tensor([-1, 255])
    else:
        spoilt[1], spoilt[3] = 2 / 3, 0.0

    def of_all(z):
        with hidden(True):
            losses = case(z, spoilt, *extras)
        return costfn.reduce(losses, where=keep)

    def of_kept(z):
        return case(z[keep], target[keep], *extras).mean()

    found = value_and_gradient(of_all, logits)
    close(found, value_and_gradient(of_kept, logits))
    with hidden(True):
        slope, losses = grad_and_value(lambda z: case(z, spoilt, *extras).sum())(logits)
    assert losses.isnan()
    assert slope[~keep].isnan().any(-1).all()
    assert slope[keep].isfinite().all()


TASKS = ("multiclass", "multilabel", "binary")


@pytest.mark.parametrize("task", TASKS)
@given(seed=seeds, soft=some, weighed=some, hide=some)
def test_of_counts(task, seed, soft, weighed, hide):
    seen, rng = images(seed, task, soft=soft)
    a = seen.logits.softmax(-1) if task == "multiclass" else seen.logits.sigmoid()
    spoilt = seen.spoilt(rng)
    bad = a.clone()
    bad[~seen.keep] = pick(rng, BAD_SCORES, bad[~seen.keep].shape, Q)

    def of_all(a):
        found = costfn.counts(
            a,
            spoilt.target,
            task=task,
            sample_weight=spoilt.weight if weighed else None,
            where=seen.keep,
        )
        return torch.cat([x.reshape(-1) for x in found])

    def of_kept(a):
        found = costfn.counts(
            a[seen.keep],
            seen.target[seen.keep],
            task=task,
            sample_weight=seen.weight[seen.keep] if weighed else None,
        )
        return torch.cat([x.reshape(-1) for x in found])

    with hidden(hide):
        found = value_and_gradient(of_all, bad)
    close(found, value_and_gradient(of_kept, a))


@given(seed=seeds, soft=some, weighed=some, hide=some)
def test_of_the_matrix(seed, soft, weighed, hide):
    seen, rng = images(seed, soft=soft)
    a, spoilt = seen.logits.softmax(-1), seen.spoilt(rng)
    bad = a.clone()
    bad[~seen.keep] = pick(rng, BAD_SCORES, bad[~seen.keep].shape, Q)

    def of_all(a):
        w = spoilt.weight if weighed else None
        return costfn.confusion_matrix(
            a, spoilt.target, sample_weight=w, where=seen.keep
        )

    def of_kept(a):
        _, target, weight = seen.left()
        w = weight if weighed else None
        return costfn.confusion_matrix(a[seen.keep], target, sample_weight=w)

    with hidden(hide):
        found = value_and_gradient(of_all, bad)
    close(found, value_and_gradient(of_kept, a))


@pytest.mark.parametrize("name", AVERAGED)
@given(seed=seeds, soft=some, weighed=some, hide=some)
def test_of_the_average_over_samples(name, seed, soft, weighed, hide):
    seen, rng = images(seed, "multilabel", soft=soft)
    spoilt = seen.spoilt(rng)
    z, y, w, keep = (
        x.flatten(0, 1)
        for x in (spoilt.logits, spoilt.target, spoilt.weight, seen.keep)
    )
    options = {"task": "multilabel", "average": "samples"}
    if "smooth" in signature(getattr(costfn, name)).parameters:
        options["smooth"] = 0.5

    def of_all(z):
        weight = w if weighed else None
        return getattr(costfn, name)(z, y, sample_weight=weight, where=keep, **options)

    def of_kept(z):
        weight = w[keep] if weighed else torch.ones(len(z))[keep]
        return by_samples(name, z[keep], y[keep], weight, soft, options)

    with hidden(hide):
        found = value_and_gradient(of_all, z)
    clean = torch.where(keep[:, None], z, 0.0)
    close(found, value_and_gradient(of_kept, clean))


def by_samples(name, z, y, weight, soft, options):
    """The mean over the examples, each a table of its labels."""
    if not len(z):
        return 0.0
    a, y = z.sigmoid().T, y.T
    table = four_cells.Table(a, y, torch.ones(len(a), 1), soft=soft, several=True)
    smooth = {key: x for key, x in options.items() if key == "smooth"}
    return four_cells.loss(name, table, class_weight=weight, **smooth)


@given(seed=seeds, hide=some)
def test_of_hard_decisions(seed, hide):
    """Labels to ignore on both sides."""
    seen, rng = images(seed)
    decided, target = seen.logits.argmax(-1), seen.spoilt(rng).target
    kept = decided[seen.keep], target[seen.keep]
    decided = decided.masked_fill(~seen.keep, -100)
    with hidden(hide):
        table = costfn.counts(decided, target, classes=CLASSES, where=seen.keep)
        matrix = costfn.confusion_matrix(
            decided, target, classes=CLASSES, where=seen.keep
        )
    for found, right in zip(table, costfn.counts(*kept, classes=CLASSES), strict=True):
        torch.testing.assert_close(found, right)
    right = costfn.confusion_matrix(*kept, classes=CLASSES)
    torch.testing.assert_close(matrix, right)


@pytest.mark.parametrize("classes", ["present", "all"])
@given(seed=seeds, hide=some)
def test_of_lovasz_softmax(classes, seed, hide):
    seen, rng = images(seed)
    spoilt = seen.spoilt(rng)

    def of_all(z):
        return costfn.lovasz_softmax_loss(
            z, spoilt.target, classes=classes, where=seen.keep
        )

    def of_kept(z):
        return costfn.lovasz_softmax_loss(
            z[seen.keep], seen.target[seen.keep], classes=classes
        )

    with hidden(hide):
        found = value_and_gradient(of_all, spoilt.logits)
    close(found, value_and_gradient(of_kept, seen.logits))


@given(seed=seeds, hide=some)
def test_of_lovasz_hinge(seed, hide):
    seen, rng = images(seed, "binary")
    spoilt = seen.spoilt(rng)

    def of_all(z):
        return costfn.lovasz_hinge_loss(z, spoilt.target, where=seen.keep)

    def of_kept(z):
        return costfn.lovasz_hinge_loss(z[seen.keep], seen.target[seen.keep])

    with hidden(hide):
        found = value_and_gradient(of_all, spoilt.logits)
    close(found, value_and_gradient(of_kept, seen.logits))


@pytest.mark.parametrize("scope", ["batch", "example"])
@given(seed=seeds, soft=some, weighed=some, hide=some)
def test_of_wasserstein_dice(scope, seed, soft, weighed, hide):
    seen, rng = images(seed, soft=soft)
    spoilt = seen.spoilt(rng)

    def loss(z, target, weight, **options):
        w = weight if weighed else None
        return costfn.generalized_wasserstein_dice_loss(
            z, target, COST, sample_weight=w, **options
        )

    def of_all(z):
        return loss(z, spoilt.target, spoilt.weight, scope=scope, where=seen.keep)

    def of_kept(z):
        groups = range(len(z)) if scope == "example" else [slice(None)]
        found = [
            loss(*(x[i][seen.keep[i]] for x in (z, seen.target, seen.weight)))
            for i in groups
            if seen.keep[i].any()
        ]
        return torch.stack(found).mean() if found else 0.0

    with hidden(hide):
        found = value_and_gradient(of_all, spoilt.logits)
    close(found, value_and_gradient(of_kept, seen.logits))

"""Losses that the catalogue calls another loss by another name are that loss."""

import inspect

import pytest
import torch
from torch.func import grad_and_value

import costfn
from costfn.catalogue import LOSSES

SYNONYMS = [entry for entry in LOSSES.values() if entry.synonym]
# The cheapest decision of each class costs 0, as `Synonym.where` may ask.
COST = torch.tensor([[0.0, 1, 4], [2, 0, 1], [5, 3, 0]], dtype=torch.float64)
OPTIONS = {"average": ("macro", "weighted"), "zero_division": (0.0, 1.0)}


def arguments(seed, kind):
    """Logits and targets in which every class is present, as `where` may ask."""
    rng = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(9, 3, dtype=torch.float64, generator=rng)
    labels = (torch.arange(9).sqrt() + seed).long() % 3
    probs = torch.randn(9, 3, dtype=torch.float64, generator=rng).softmax(-1)
    return logits, labels if kind == "labels" else probs


def mean(entry, logits, target, **options):
    cost = [COST] if "cost" in entry.takes else []

    def loss(z):
        return costfn.reduce(entry.loss(z, target, *cost, **options))

    return grad_and_value(loss)(logits)


def shared(entry, other):
    """Sets of options that both take, and that the synonym does not fix."""
    both = set.intersection(
        *(set(inspect.signature(one.loss).parameters) for one in (entry, other))
    )
    yield {}
    for name in both & OPTIONS.keys() - entry.synonym.options.keys():
        yield from ({name: value} for value in OPTIONS[name])


@pytest.mark.parametrize("kind", ["labels", "probs"])
@pytest.mark.parametrize("entry", SYNONYMS, ids=lambda entry: entry.name)
def test_a_synonym_has_the_value_and_gradient_of_the_other(entry, kind):
    other = LOSSES[entry.synonym.of]
    assert other.synonym is None
    for seed, options in enumerate(shared(entry, other)):
        given = arguments(seed, kind)
        ours = mean(entry, *given, **(entry.synonym.options | options))
        theirs = mean(other, *given, **options)
        torch.testing.assert_close(ours, theirs, rtol=1e-14, atol=1e-16)


def test_no_others_agree():
    """Or they would be synonyms that the catalogue does not know of."""
    logits, labels = arguments(0, "labels")
    values = {}
    for name, entry in LOSSES.items():
        needs = {"target"}, {"target", "cost"}
        if entry.task == "classes" and set(entry.takes) in needs:
            value = round(mean(entry, logits, labels)[1].item(), 12)
            values.setdefault(value, set()).add(name)
    known = [{entry.name, entry.synonym.of} for entry in SYNONYMS]
    for names in values.values():
        assert len(names) == 1 or all(
            any(name in pair and pair <= names for pair in known) for name in names
        ), names


@pytest.mark.parametrize("entry", SYNONYMS, ids=lambda entry: entry.name)
def test_a_synonym_says_why_it_has_a_name(entry):
    assert entry.synonym.why
    assert (
        entry.synonym.options.keys() <= inspect.signature(entry.loss).parameters.keys()
    )

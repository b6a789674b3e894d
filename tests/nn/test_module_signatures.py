"""A module has the options of its function, with their defaults and types, and its own.

Each writes its signature out, so that an editor and a type checker know it. Here they
are compared, and every option is seen to arrive.
"""

import inspect
from collections.abc import Sequence
from types import NoneType, UnionType
from typing import Literal, Union, Unpack, get_args, get_origin, get_type_hints

import pytest
import torch
from torch import Tensor

import costfn
import costfn_nn
from costfn import Reduction, relaxations
from costfn.front_end import ArrayLike
from module_table import BY_NAME, CASES

KEYWORD, REQUIRED = inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.empty
# What a module takes in its call, and not when it is made.
BATCH = ("logits", "prediction", "target", "target_probs", "sample_weight", "where")
# Of the options of counting; that of the others is None.
COUNTING = {"task": "multiclass", "scope": "batch", "reduction": "mean"}
HABITS = {
    "weight": (None, {Tensor, NoneType}),
    "pos_weight": (None, {float, Tensor, NoneType}),
    "ignore_index": (-100, {int, Sequence[int], NoneType}),
    "label_smoothing": (0.0, {float}),
    "reduction": ("mean", {Reduction}),
}


def members(annotation):
    """The types of a union, any tensor as `Tensor`, without what stands for arrays."""
    if get_origin(annotation) in (Union, UnionType):
        return set().union(*map(members, get_args(annotation)))
    if annotation in get_args(ArrayLike):
        return set()
    return {getattr(annotation, "array_type", annotation)}


def options_of(function):
    """Name: kind, default and types; those of counting one by one."""
    found = {}
    for p in inspect.signature(function).parameters.values():
        if get_origin(p.annotation) is Unpack:
            (counting,) = get_args(p.annotation)
            for name, hint in get_type_hints(counting).items():
                found[name] = (KEYWORD, COUNTING.get(name), members(hint))
        else:
            found[p.name] = (p.kind, p.default, members(p.annotation))
    return {name: x for name, x in found.items() if name not in BATCH}


def habits_of(case):
    """The options that a module has beside those of its function."""
    entry = BY_NAME[case.name]
    if case.kind == "values":
        return {"reduction"}
    if "lovasz" in entry.name:
        return {"ignore_index"}
    if entry.per_label:
        return {"weight", "pos_weight", "ignore_index", "reduction"}
    if entry.per_sample and case.kind == "probs":
        return {"weight", "reduction"}
    if entry.per_sample:
        return {"weight", "ignore_index", "label_smoothing", "reduction"}
    of_labels = {"pos_weight"} if case.has_task else set()
    return {"weight", "ignore_index", "label_smoothing"} | of_labels


FIRST = list({case.name: case for case in reversed(CASES)}.values())[::-1]
each_module = pytest.mark.parametrize("case", FIRST, ids=lambda case: case.name)


@each_module
def test_a_module_has_the_options_of_its_function_and_its_habits(case):
    of_module, of_function = options_of(case.cls), options_of(case.loss)
    habits = habits_of(case)
    assert not habits & set(of_function)
    expected = {name: (KEYWORD, *HABITS[name]) for name in habits}
    assert of_module == of_function | expected
    hints = inspect.signature(case.cls).parameters
    for name in habits & {"weight", "pos_weight"} | {"class_weight"} & set(hints):
        assert set(get_args(ArrayLike)) <= set(get_args(hints[name].annotation))


def test_with_metrics_has_the_signature_of_its_function():
    of_module, of_function = (
        list(inspect.signature(x).parameters.values())
        for x in (costfn_nn.WithMetrics, costfn.with_metrics)
    )
    assert of_module == of_function


MATRIX = torch.tensor([[0.0, 1.0, 5.0], [2.0, 0.0, 4.0], [3.0, 6.0, 0.0]])
GIVEN = {
    "cost": MATRIX,
    "transition": MATRIX,
    "prior": MATRIX[1],
    "weight": MATRIX[1],
    "class_weight": MATRIX[2],
    "relaxation": relaxations.softmax(0.5),
    "sum_counts": torch.clone,
}


def another(name, default, types):
    """A value of an option that is not its default."""
    if name in GIVEN:
        return GIVEN[name]
    words = [w for t in types if get_origin(t) is Literal for w in get_args(t)]
    if words:
        return next(word for word in words if word != default)
    if Sequence[int] in types:
        return [0, 2]
    if bool in types:
        return not default
    return 3 if int in types else 0.625


def with_other_options(case):
    """A module with no option at its default, and what was given to it."""
    options = options_of(case.cls)
    given = {n: another(n, d, types) for n, (_, d, types) in options.items()}
    if "task" in given:
        del given["weight"]
        given["task"] = "binary"
    return case.cls(**given), given


def same(a, b):
    return torch.equal(a, b) if isinstance(b, Tensor) else a == b


@pytest.mark.unchecked  # a function that is none of a loss
@each_module
def test_every_option_reaches_the_function(case, monkeypatch):
    module, given = with_other_options(case)
    kind = "binary" if case.has_task else case.kind
    (drawn,) = (c for c in CASES if c.name == case.name and c.kind == kind)
    logits, target = drawn.draw()
    seen = {}

    def loss(logits, target, **options):
        seen.update(options)
        return logits.sum(-1) if kind in ("labels", "probs") else logits

    monkeypatch.setattr(module, "_loss", loss)
    module(logits, target)
    assert set(seen) - {"sample_weight", "where"} == set(options_of(case.loss))
    assert all(same(seen[name], given[name]) for name in options_of(case.loss))


@each_module
def test_the_repr_shows_what_was_given(case):
    module, given = with_other_options(case)
    for name, value in given.items():
        text = tuple(value.shape) if isinstance(value, Tensor) else repr(value)
        shown = f"{name}={text}"
        if name == "ignore_index":
            shown = f"{name}={tuple(value)}"  # as it is kept
        assert shown in repr(module)
    options = options_of(case.cls)
    required = {n: given[n] for n, (_, d, _) in options.items() if d is REQUIRED}
    assert "None" not in repr(case.cls(**required))

"""Every option that is a number: a call that takes it, a good value and bad ones.

A call takes the library, costfn or its mirror, the arguments as its arrays, and the
option; what it returns is differentiable in the option where `learned` says so.
"""

from collections.abc import Callable
from math import inf, nan
from typing import Any, NamedTuple

import numpy as np

from losses import LOSSES

rng = np.random.default_rng(0)


class Data(NamedTuple):
    """Arguments, in NumPy or as the arrays of a library."""

    z: Any = rng.normal(size=(4, 3))
    y: Any = np.array([0, 2, 1, 0])
    q: Any = rng.dirichlet(np.ones(3), size=4)
    scores: Any = rng.normal(size=4)
    truth: Any = np.array([1, 0, 1, 1])
    cost: Any = np.array([[0.0, 1, 4], [2, 0, 1], [5, 3, 0]])
    prior: Any = np.array([0.5, 0.3, 0.2])
    sizes: Any = np.array([40.0, 9.0, 3.0])
    prediction: Any = np.array([0.5, 2.0, 3.0, 0.75])
    amount: Any = np.array([1.0, 1.5, 0.25, 4.0])


NO_NUMBER = (nan, inf, -inf)
BELOW_ZERO = (-1.0, *NO_NUMBER)
NOT_ABOVE_ZERO = (0.0, *BELOW_ZERO)


class Option(NamedTuple):
    name: str
    call: Callable[[Any, Any, Any], Any]
    good: float
    bad: tuple[float, ...]
    learned: bool = True
    per_class: bool = False


def of_loss(name, *fields, **fixed):
    """A call of the loss of that name, with the option that is asked for."""

    def with_option(option):
        def call(lib, data, value):
            given = [getattr(data, field) for field in fields]
            return getattr(lib, name)(*given, **fixed, **{option: value})

        return call

    return with_option


def of_relaxation(name, **fixed):
    def with_option(option):
        def call(lib, data, value):
            relax = getattr(lib.relaxations, name)(**fixed, **{option: value})
            return relax(data.z)

        return call

    return with_option


def of_metric(name):
    def with_option(option):
        def call(lib, data, value):
            table = lib.counts(data.q, data.y)
            return getattr(lib.metrics, name)(table, **{option: value})

        return call

    return with_option


def of_table():
    """The options that the rows of the table call numbers."""
    for row in LOSSES:
        target = "q" if row.entry.takes[0] == "target_probs" else "y"
        for option, good in row.numbers.items():
            bad = (x[option] for x in row.bad_options if x.keys() == {option})
            yield (row.name, "z", target, *row.takes), {}, option, good, (*bad, -inf)


def rows():
    plain = ("z", "y")
    losses = [
        *of_table(),
        (
            ("q_error_loss", "prediction", "amount"),
            {"log_space": False},
            "floor",
            0.6,
            NOT_ABOVE_ZERO,
        ),
        (("soft_targets", "cost"), {}, "temperature", 0.5, NOT_ABOVE_ZERO),
    ]
    counted = [
        ("f_beta", "beta", 2.0, NOT_ABOVE_ZERO),
        ("f_beta", "smooth", 0.5, BELOW_ZERO),
        ("jaccard", "smooth", 0.5, BELOW_ZERO),
        ("dice", "smooth", 0.5, BELOW_ZERO),
        ("tversky", "alpha", 0.3, BELOW_ZERO),
        ("tversky", "beta", 0.75, BELOW_ZERO),
        ("tversky", "smooth", 0.5, BELOW_ZERO),
        ("focal_tversky", "alpha", 0.3, BELOW_ZERO),
        ("focal_tversky", "beta", 0.75, BELOW_ZERO),
        ("focal_tversky", "gamma", 1.25, NOT_ABOVE_ZERO),
        ("focal_tversky", "smooth", 0.5, BELOW_ZERO),
    ]
    relaxed = [
        ("softmax", "temperature", 0.5, NOT_ABOVE_ZERO),
        ("sigmoid", "slope", 1.5, NOT_ABOVE_ZERO),
        ("sigmoid", "threshold", 0.25, NO_NUMBER),
        ("amplified", "slope", 9.0, NOT_ABOVE_ZERO),
        ("raised_cosine", "threshold", 0.4, NO_NUMBER),
        ("raised_cosine", "width", 0.75, NOT_ABOVE_ZERO),
        ("piecewise_linear", "threshold", 0.4, (1.0, *NOT_ABOVE_ZERO)),
        ("piecewise_linear", "delta", 0.1, (0.5, *NOT_ABOVE_ZERO)),
    ]
    for (name, *fields), fixed, option, good, bad in losses:
        yield name, Option(option, of_loss(name, *fields, **fixed)(option), good, bad)
    for name, option, good, bad in counted:
        loss = of_loss(f"{name}_loss", *plain)(option)
        yield f"{name}_loss", Option(option, loss, good, bad)
        yield name, Option(option, of_metric(name)(option), good, bad)
    for name, option, good, bad in relaxed:
        fixed = {"width": 0.75} if option == "threshold" and "cos" in name else {}
        call = of_relaxation(name, **fixed)(option)
        yield name, Option(option, call, good, bad, per_class=True)


def other_rows():
    """Whose result is no smooth function of the option, or has no scores."""

    def weights(lib, data, value):
        return lib.class_balanced_weights(data.sizes, beta=value)

    def informed(lib, data, value):
        matrix = data.cost + 1
        return lib.confusion_informed_weights(matrix, smoothing=value)

    def wider(lib, data, value):
        return lib.costs.with_abstention(data.cost, value)

    def abstain(lib, data, value):
        return lib.decisions.abstain(data.q, data.cost, price=value)

    def ordinal(lib, data, value):
        return lib.costs.ordinal(4, power=value)

    yield "class_balanced_weights", Option("beta", weights, 0.9, (1.0, *BELOW_ZERO))
    yield (
        "confusion_informed",
        Option("smoothing", informed, 0.5, BELOW_ZERO, learned=False),
    )
    yield "with_abstention", Option("price", wider, 0.5, NO_NUMBER)
    yield "abstain", Option("price", abstain, 0.5, NO_NUMBER, learned=False)
    yield "ordinal", Option("power", ordinal, 1.5, NOT_ABOVE_ZERO, learned=False)


OPTIONS = {f"{of}-{row.name}": row for of, row in (*rows(), *other_rows())}
LEARNED = {name: row for name, row in OPTIONS.items() if row.learned}

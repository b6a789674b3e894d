"""Bad arguments are refused by the mirror in the words of the core."""

import inspect

import numpy as np
import pytest

import batch_losses
import costfn
import costfn_jax
from both_libraries import one_language, to_jax, to_torch
from losses import CASES

# jaxtyping's checks come before ours.
pytestmark = [pytest.mark.unchecked, pytest.mark.usefixtures("quick")]

NAN = float("nan")
FIRST = {}
for case in CASES:
    FIRST.setdefault((case.loss.name, case.form), case)
FIRST = list(FIRST.values())


def spoil(i, change):
    """Arguments of which one is changed, if there is such a one."""

    def spoilt(arguments):
        if i >= len(arguments) or arguments[i] is None:
            return None
        return [*arguments[:i], change(arguments[i]), *arguments[i + 1 :]]

    return spoilt


def entry(value):
    def change(x):
        x = np.array(x)
        x.flat[0] = value
        return x

    return change


SPOILT = {
    f"{name} {word}": spoil(i, change)
    for i, name in enumerate(("logits", "target", "extra"))
    for word, change in {
        "as a list": lambda x: x.tolist(),
        "of integers": lambda x: x.astype(np.int32) + 7,
        "of booleans": lambda x: x > 0,
        "complex": lambda x: x.astype(np.complex64),
        "of floats": lambda x: x.astype(np.float32) + np.float32(0.25),
        "without an axis": lambda x: x[0],
        "with an axis": lambda x: x[None],
        "shorter": lambda x: x[:-1],
        "narrower": lambda x: x[..., :1],
        "below 0": lambda x: -1 - abs(x),
        "NaN": lambda x: entry(NAN)(x.astype(np.float32)),
        "infinite": lambda x: entry(np.inf)(x.astype(np.float32)),
    }.items()
}


def outcome(package, convert, name, arguments, options):
    try:
        function = getattr(package, name)
        function(
            *map(convert, arguments), **{k: convert(v) for k, v in options.items()}
        )
    except (TypeError, ValueError) as error:
        return type(error).__name__, one_language(str(error))
    return "accepted"


def assert_same(name, arguments, options):
    core = outcome(costfn, to_torch, name, arguments, options)
    assert core == outcome(costfn_jax, to_jax, name, arguments, options)
    return core


@pytest.mark.parametrize("case", FIRST, ids=repr)
def test_spoilt_arguments_of_losses_per_example(case):
    drawn = case.draw(batch=(3,))
    arguments = [drawn.logits, drawn.target, *drawn.extras]
    assert assert_same(case.loss.name, arguments, case.options) == "accepted"
    refused = 0
    for spoilt in SPOILT.values():
        changed = spoilt(arguments)
        if changed is not None:
            outcome = assert_same(case.loss.name, changed, case.options)
            refused += outcome != "accepted"
    assert refused > 10


BAD_OPTIONS = [
    (case, options)
    for case in FIRST
    for options in case.loss.bad_options
    if case.form == case.loss.forms[0]
]


@pytest.mark.parametrize("case, options", BAD_OPTIONS, ids=repr)
def test_bad_options_of_losses_per_example(case, options):
    drawn = case.draw(batch=(3,))
    arguments = [drawn.logits, drawn.target, *drawn.extras]
    options = {**case.options, **options}
    assert assert_same(case.loss.name, arguments, options)[0] == "ValueError"


LOGITS = np.random.default_rng(0).normal(size=(4, 3))
LABELS = np.array([0, 1, 2, 1])
KEEP = np.array([True, True, False, True])
COUNTING = [
    {"task": "several"},
    {"scope": "image"},
    {"scope": "example"},
    {"where": KEEP[:3]},
    {"where": LABELS},
    {"where": [True] * 4},
    {"sample_weight": LOGITS[:, 0]},
    {"sample_weight": np.ones(3)},
    {"sample_weight": KEEP},
    {"sample_weight": np.full(4, np.inf)},
    {"task": "binary"},
    {"task": "multilabel"},
    {"zero_division": 0.5},
    {"average": "mean"},
    {"average": "micro"},
    {"average": "binary"},
    {"average": "samples"},
    {"absent": "leave"},
    {"beta": 0.0},
    {"beta": NAN},
    {"alpha": -1.0},
    {"gamma": 0.0},
    {"smooth": -1.0},
    {"weighting": "cubic"},
    {"weights": "cubic"},
    {"adjusted": True},
]


@pytest.mark.parametrize("name", batch_losses.NAMES)
def test_losses_of_counts(name):
    takes = inspect.signature(getattr(costfn, name)).parameters
    cost = batch_losses.COST.numpy()
    extras = [cost] if "cost" in takes else []
    arguments = [LOGITS, LABELS, *extras]
    assert assert_same(name, arguments, {}) == "accepted"
    for options in COUNTING:
        if set(options) <= set(takes) or not set(options) & {"beta", "gamma"}:
            assert_same(name, arguments, options)
    for spoilt in SPOILT.values():
        changed = spoilt(arguments)
        if changed is not None:
            assert_same(name, changed, {})


SETS = (LOGITS > 0) + 0.0


@pytest.mark.parametrize("bad", [2.0, -1.0, 1.5, -0.25, NAN])
@pytest.mark.parametrize("task", ["binary", "multilabel"])
def test_label_sets(task, bad):
    each = np.s_[:, 0] if task == "binary" else np.s_[:]
    sets = entry(bad)(SETS)
    kinds = [sets] if bad != bad or bad % 1 else [sets, sets.astype(int)]
    for target in kinds:
        arguments = [LOGITS[each], target[each]]
        for name in ("f_beta_loss", "accuracy_loss"):
            outcome = assert_same(name, arguments, {"task": task})
            assert outcome[0] == "ValueError"


OTHERS = [
    ("reduce", [LOGITS], {"reduction": "max"}),
    ("reduce", [LABELS], {}),
    ("reduce", [LOGITS], {"where": KEEP}),
    ("reduce", [LOGITS], {"weight": -abs(LOGITS)}),
    ("counts", [LABELS, LABELS], {}),
    ("counts", [LABELS, LABELS], {"classes": 2}),
    ("confusion_matrix", [LABELS, LABELS], {}),
    ("confusion_matrix", [LABELS, LABELS + 1], {"classes": 3}),
    ("soft_targets", [LOGITS[0]], {"temperature": 1.0}),
    ("soft_targets", [LOGITS[:3]], {"temperature": 0.0}),
    ("unmix", [LOGITS, LOGITS[:3]], {}),
    ("class_balanced_weights", [LABELS], {"beta": 1.0}),
    ("class_balanced_weights", [-LABELS], {"beta": 0.5}),
    ("confusion_informed_weights", [LOGITS], {}),
    ("confusion_informed_weights", [abs(LOGITS[:3])], {"smoothing": -1.0}),
    ("metric_loss", [None], {"of": "tables"}),
    ("lovasz_softmax_loss", [LOGITS, LABELS], {"classes": "some"}),
    ("lovasz_softmax_loss", [LOGITS, LOGITS], {}),
    ("lovasz_softmax_loss", [LOGITS, LABELS], {"where": LABELS}),
    ("lovasz_hinge_loss", [LOGITS[:, 0], LABELS], {}),
    ("lovasz_hinge_loss", [LOGITS[:, 0], LOGITS[:, 0]], {}),
    ("q_error_loss", [LOGITS, LOGITS[:3]], {}),
    ("q_error_loss", [LOGITS, LABELS], {}),
    ("q_error_loss", [LOGITS, LOGITS], {"log_space": False}),
    ("q_error_loss", [LOGITS, LOGITS], {"floor": 0.0}),
    ("q_error_loss", [LOGITS, -abs(LOGITS)], {"log_space": False}),
]


@pytest.mark.parametrize("name, arguments, options", OTHERS, ids=str)
def test_other_functions(name, arguments, options):
    core = assert_same(name, arguments, options)
    assert core != "accepted" or options == {"floor": 0.0}


OF_NAMESPACES = [
    ("costs", "ordinal", [1], {}),
    ("costs", "ordinal", [3], {"power": -1.0}),
    ("costs", "zero_one", [0], {}),
    ("costs", "from_weights", [LOGITS], {}),
    ("costs", "from_utility", [LOGITS[0]], {}),
    ("costs", "metric_closure", [LOGITS], {}),
    ("costs", "metric_closure", [LOGITS[:3]], {}),
    ("costs", "with_abstention", [LOGITS[0], 1.0], {}),
    ("costs", "diagnose", [LOGITS[0]], {}),
    ("costs", "diagnose", [LOGITS[:3] * NAN], {}),
    ("costs", "cost_vector", [LABELS, LOGITS[:2]], {}),
    ("decisions", "expected_costs", [LOGITS, LOGITS[:3]], {}),
    ("decisions", "minimum_cost_decision", [LOGITS, LOGITS[:3]], {}),
    ("decisions", "calibrate_temperature", [LOGITS * NAN, LABELS], {}),
    ("decisions", "calibrate_temperature", [LOGITS, LABELS + 1], {}),
    ("decisions", "plug_in_decision", [LOGITS, None], {}),
    ("metrics", "precision", [LOGITS], {}),
    ("metrics", "precision", [abs(LOGITS[:3])], {"zero_division": 2.0}),
    ("metrics", "cohen_kappa", [abs(LOGITS[:3])], {"weights": "cubic"}),
    ("metrics", "expected_cost", [abs(LOGITS[:3]), LOGITS[:2]], {}),
    ("confusion", "one_vs_rest", [LOGITS], {}),
    ("relaxations", "softmax", [], {"temperature": 0.0}),
    ("relaxations", "sigmoid", [], {"slope": NAN}),
    ("relaxations", "amplified", [], {"slope": 0.0}),
    ("relaxations", "raised_cosine", [], {"width": 0.0}),
    ("relaxations", "piecewise_linear", [], {"threshold": 1.0}),
    ("relaxations", "piecewise_linear", [], {"delta": 0.5}),
    ("relaxations", "straight_through", [], {"of": 3}),
]


@pytest.mark.parametrize("space, name, arguments, options", OF_NAMESPACES, ids=str)
def test_functions_of_namespaces(space, name, arguments, options):
    core, mirror = (getattr(package, space) for package in (costfn, costfn_jax))
    words = outcome(core, to_torch, name, arguments, options)
    assert words != "accepted"
    assert words == outcome(mirror, to_jax, name, arguments, options)

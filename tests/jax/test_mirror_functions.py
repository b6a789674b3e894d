"""What is no loss: the same numbers from torch and JAX, in float64."""

import inspect
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import costfn
import costfn_jax
from both_libraries import function, to_jax, to_torch

pytestmark = [pytest.mark.shapes, pytest.mark.usefixtures("quick")]

rng = np.random.default_rng(5)
LOGITS = 2 * rng.normal(size=(12, 3))
TIES = np.array([[0.0, 0.0, 0.0], [-1.0, 2.0, 2.0], [3.0, -1.0, 3.0]])
PROBS = np.exp(LOGITS) / np.exp(LOGITS).sum(-1, keepdims=True)
LABELS = rng.integers(3, size=12)
COST = np.array([[0.0, 1.0, 5.0], [2.0, 0.0, 1.5], [4.0, 7.0, 0.0]])
COSTS = rng.random((12, 3, 3))
# A class that is never decided, one that is never true, and neither.
TABLES = {
    "full": np.array([[5.0, 1.0, 2.0], [0.0, 7.0, 3.0], [1.0, 1.0, 4.0]]),
    "undecided": np.array([[5.0, 0.0, 2.0], [3.0, 0.0, 3.0], [1.0, 0.0, 4.0]]),
    "absent": np.array([[5.0, 1.0, 2.0], [0.0, 0.0, 0.0], [1.0, 1.0, 4.0]]),
    "two": np.array([[8.0, 2.0], [3.0, 5.0]]),
}
TABLES["several"] = np.stack([TABLES["full"], TABLES["absent"]])
SETS = rng.integers(2, size=(12, 3))
KEEP = rng.random(12) < 0.7
WEIGHT = rng.random(12)
CALLS = [
    ("costs.cost_vector", [LABELS, COST], {}),
    ("costs.cost_vector", [PROBS, COST], {}),
    ("costs.cost_vector", [LABELS, COSTS], {}),
    ("costs.diagnose", [COST], {}),
    ("costs.diagnose", [np.abs(np.subtract.outer(range(4), range(4))) + 0.0], {}),
    ("costs.diagnose", [1 - np.eye(3)], {}),
    ("costs.diagnose", [np.append(COST, np.full((3, 1), 9.0), axis=1)], {}),
    ("costs.from_hierarchy", [[("a", "x"), ("a", "y"), ("b", "z")]], {}),
    ("costs.from_utility", [COST], {}),
    ("costs.from_weights", [COST[1]], {}),
    ("costs.metric_closure", [COST], {}),
    ("costs.ordinal", [4], {}),
    ("costs.ordinal", [4, 2.0], {}),
    ("costs.with_abstention", [COST, 0.5], {}),
    ("costs.zero_one", [3], {}),
    ("decisions.abstain", [PROBS, COST], {"price": 0.7}),
    ("decisions.calibrate_temperature", [LOGITS, LABELS], {}),
    ("decisions.expected_costs", [PROBS, COST], {}),
    ("decisions.expected_costs", [PROBS, COSTS], {}),
    ("decisions.minimum_cost_decision", [PROBS, COST], {}),
    ("confusion.one_vs_rest", [TABLES["full"]], {}),
    ("confusion_matrix", [LABELS, LABELS[::-1].copy()], {"classes": 3}),
    ("confusion_matrix", [PROBS, LABELS], {"sample_weight": WEIGHT, "where": KEEP}),
    ("counts", [LABELS, LABELS[::-1].copy()], {"classes": 4}),
    ("counts", [PROBS, LABELS], {"sample_weight": WEIGHT, "where": KEEP}),
    ("counts", [PROBS, PROBS[::-1].copy()], {}),
    ("counts", [PROBS, SETS], {"task": "multilabel", "where": KEEP}),
    ("counts", [PROBS[:, 0], SETS[:, 0]], {"task": "binary"}),
    ("counts", [PROBS.reshape(3, 4, 3), LABELS.reshape(3, 4)], {"scope": "example"}),
    ("reduce", [WEIGHT], {"weight": WEIGHT[::-1].copy(), "where": KEEP}),
    ("reduce", [WEIGHT], {"reduction": "sum"}),
    ("reduce", [WEIGHT], {"reduction": "sum", "weight": WEIGHT[::-1].copy()}),
    ("reduce", [WEIGHT], {"reduction": "none", "where": KEEP}),
    ("reduce", [WEIGHT], {"reduction": "none", "weight": WEIGHT[::-1].copy()}),
    ("soft_targets", [COST], {"temperature": 0.5}),
    ("unmix", [PROBS, 0.8 * np.eye(3) + 0.2 / 3], {}),
    ("class_balanced_weights", [np.array([90.0, 9.0, 0.0])], {"beta": 0.9}),
    ("confusion_informed_weights", [TABLES["full"]], {}),
    ("confusion_informed_weights", [TABLES["absent"]], {"smoothing": 0.5}),
]
RELAXATIONS = [
    ("amplified", {}),
    ("amplified", {"slope": 5.0}),
    ("piecewise_linear", {"threshold": 0.4, "delta": 0.1}),
    ("piecewise_linear", {"threshold": 0.7}),
    ("raised_cosine", {}),
    ("raised_cosine", {"threshold": 0.4, "width": 0.3}),
    ("sigmoid", {"slope": 3.0, "threshold": 0.2}),
    ("softmax", {"temperature": 0.3}),
    ("straight_through", {}),
]
OPTIONS = {
    "adjusted": True,
    "weights": "quadratic",
    "smooth": 0.5,
    "average": "weighted",
    "zero_division": 1.0,
    "absent": "drop",
    "beta": 2.0,
    "alpha": 0.3,
    "gamma": 1.5,
    "weighting": "simple",
}
METRICS = [
    name
    for name in costfn.metrics.__all__
    if inspect.isfunction(getattr(costfn.metrics, name))
]


def parts(value):
    """Numbers and words, however they are held."""
    if hasattr(value, "__dataclass_fields__"):
        value = [getattr(value, name) for name in value.__dataclass_fields__]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (tuple, list)):
        return [part for each in value for part in parts(each)]
    if isinstance(value, torch.Tensor):
        return [value.detach().numpy()]
    return [np.asarray(value) if isinstance(value, jax.Array) else value]


def assert_same(found, expected, tolerance=1e-12):
    found, expected = parts(found), parts(expected)
    assert len(found) == len(expected) > 0
    for a, b in zip(found, expected, strict=True):
        if not isinstance(b, np.ndarray):
            assert a == pytest.approx(b) if isinstance(b, float) else a == b
            continue
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("path, arguments, options", CALLS)
def test_functions(path, arguments, options):
    ours = function(costfn, path)(
        *map(to_torch, arguments), **{k: to_torch(v) for k, v in options.items()}
    )
    found = function(costfn_jax, path)(
        *map(to_jax, arguments), **{k: to_jax(v) for k, v in options.items()}
    )
    # Costs that are made of Python numbers are in each framework's default dtype.
    assert_same(found, ours, 1e-6 if isinstance(arguments[0], int | list) else 1e-12)


def test_every_function_is_compared():
    public = {
        *(name for name in costfn_jax.__all__ if name.islower()),
        *(f"{s}.{name}" for s in SPACES for name in getattr(costfn_jax, s).__all__),
    }
    compared = {path for path, _, _ in CALLS}
    compared |= {f"relaxations.{name}" for name, _ in RELAXATIONS}
    compared |= {f"metrics.{name}" for name in METRICS}
    compared |= {*SPACES, "metrics", "relaxations", "decisions.plug_in_decision"}
    compared |= {"cost_of", "with_metrics", "from_jax"}
    compared |= {"confusion.counts", "confusion.confusion_matrix"}
    functions = {
        path
        for path in public
        if not path.endswith("_loss") and path.rpartition(".")[2].islower()
    }
    assert functions == compared


SPACES = ("confusion", "costs", "decisions", "metrics", "relaxations")


@pytest.mark.parametrize("name, options", RELAXATIONS)
def test_relaxations_and_their_gradients(name, options):
    ours, mirror = (
        getattr(package.relaxations, name)(**options)
        for package in (costfn, costfn_jax)
    )
    logits = np.concatenate([LOGITS, TIES])
    weight = np.linspace(-1, 1, logits.size).reshape(logits.shape)
    z = torch.tensor(logits, requires_grad=True)
    value = ours(z)
    (value * torch.tensor(weight)).sum().backward()
    found, pull = jax.vjp(mirror, jnp.asarray(logits))
    assert_same(found, value)
    assert_same(pull(jnp.asarray(weight))[0], z.grad, 1e-11)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("name", METRICS)
def test_metrics(name, table):
    ours, mirror = (getattr(p.metrics, name) for p in (costfn, costfn_jax))
    matrix = TABLES[table]
    taken = inspect.signature(ours).parameters
    if "cost" in taken:
        classes = matrix.shape[-1]
        cost = COST[:classes, :classes]
        assert_same(
            mirror(jnp.asarray(matrix), jnp.asarray(cost)),
            ours(torch.tensor(matrix), torch.tensor(cost)),
        )
        return
    given = [{}, *({key: OPTIONS[key]} for key in OPTIONS if key in taken)]
    if "average" in taken:
        given += [{"average": None}, {"average": "macro", "absent": "drop_unseen"}]
        given += [{"average": "binary"}] if matrix.shape[-1] == 2 else []
    for options in given:
        found = mirror(jnp.asarray(matrix), **options)
        assert_same(found, ours(torch.tensor(matrix), **options))


@pytest.mark.parametrize("name", ["f_beta", "mcc", "balanced_accuracy"])
def test_the_plug_in_decision_and_the_cost_of_a_metric(name):
    ours, mirror = (getattr(p.metrics, name) for p in (costfn, costfn_jax))
    found = costfn_jax.decisions.plug_in_decision(jnp.asarray(PROBS), mirror)
    expected = costfn.decisions.plug_in_decision(torch.tensor(PROBS), ours)
    assert_same(found, expected, 1e-9)
    matrix = TABLES["full"]
    assert_same(
        costfn_jax.cost_of(mirror, jnp.asarray(matrix)),
        costfn.cost_of(ours, torch.tensor(matrix)),
    )


def test_a_loss_with_metrics():
    found = costfn_jax.with_metrics(
        costfn_jax.f_beta_loss, hits=partial(costfn_jax.accuracy_loss)
    )(jnp.asarray(LOGITS), jnp.asarray(LABELS))
    expected = costfn.with_metrics(costfn.f_beta_loss, hits=costfn.accuracy_loss)(
        torch.tensor(LOGITS), torch.tensor(LABELS)
    )
    assert_same(found, expected)

"""Array-likes: where no gradient is involved they are as good as tensors."""

import re
from decimal import Decimal
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import torch

import costfn
import costfn_jax
from both_libraries import called
from costfn._foundation.arrays import as_tensor, as_tensors
from costfn_jax._foundation.arrays import as_array

# Annotations say what is meant; these are about what is not.
pytestmark = [pytest.mark.unchecked, pytest.mark.usefixtures("quick")]

READ_ONLY = np.eye(2)
READ_ONLY.flags.writeable = False
F32 = np.float32
# What it is, what NumPy says that it holds, and in which dtype: "default" for Python's.
READ = {
    "float64": (np.array([0.5, 2.0]), [0.5, 2.0], "float64"),
    "float32": (np.array([0.5, 2.0], F32), [0.5, 2.0], "float32"),
    "float16": (np.array([0.5, 2.0], np.float16), [0.5, 2.0], "float16"),
    "longdouble": (np.array([0.5, 2.0], np.longdouble), [0.5, 2.0], "float64"),
    "big-endian": (np.array([0.5, 2.0], ">f4"), [0.5, 2.0], "float32"),
    "integers": (np.array([3, 1]), [3, 1], "int64"),
    "uint8": (np.array([255, 1], np.uint8), [255, 1], "uint8"),
    "booleans": (np.array([True, False]), [True, False], "bool"),
    "read-only": (READ_ONLY, [[1, 0], [0, 1]], "float64"),
    "reversed": (np.arange(3.0)[::-1], [2, 1, 0], "float64"),
    "transposed": (np.arange(6).reshape(2, 3).T, [[0, 3], [1, 4], [2, 5]], "int64"),
    "no axes": (np.array(2.5), 2.5, "float64"),
    "a NumPy scalar": (F32(2.5), 2.5, "float32"),
    "no examples": (np.zeros((0, 3)), np.zeros((0, 3)), "float64"),
    "a list": ([[0, 1], [5, 0]], [[0, 1], [5, 0]], "int64"),
    "a list of floats": ([[0.0, 1], [5, 0]], [[0, 1], [5, 0]], "default"),
    "a tuple": ((0.25, 0.75), [0.25, 0.75], "default"),
    "a list of booleans": ([True, False], [True, False], "bool"),
    "a list of arrays": ([np.ones(2), np.zeros(2)], [[1, 1], [0, 0]], "float64"),
    "a list of scalars": ([np.float64(0.5), F32(2)], [0.5, 2], "float64"),
    "an empty list": ([], [], "default"),
    "a number": (2.5, 2.5, "default"),
    "a data frame": (pd.DataFrame({"a": [1], "b": [0.5]}), [[1, 0.5]], "float64"),
    "a frame of integers": (pd.DataFrame({"a": [1], "b": [2]}), [[1, 2]], "int64"),
    "a series": (pd.Series([1, 2], index=[7, 3]), [1, 2], "int64"),
    "a nullable series": (pd.Series([1, 2], dtype="Int64"), [1, 2], "int64"),
    "nothing masked": (np.ma.array([1.0, 2.0]), [1, 2], "float64"),
    "a JAX array": (jnp.array([0.5, 2.0], jnp.float32), [0.5, 2], "float32"),
    "JAX's bfloat16": (jnp.array([0.5, 2.0], jnp.bfloat16), [0.5, 2], "bfloat16"),
    "a list of JAX arrays": ([jnp.ones(2), jnp.zeros(2)], [[1, 1], [0, 0]], "float64"),
    "a tensor": (torch.tensor([0.5, 2.0]), [0.5, 2], "float32"),
    "a list of tensors": ([torch.ones(1), torch.zeros(1)], [[1], [0]], "float32"),
    "a tensor and a list": ([torch.ones(1).double(), [2]], [[1], [2]], "float64"),
}


def plain(x):
    return np.asarray(jnp.asarray(x, float) if isinstance(x, jax.Array) else x.double())


@pytest.mark.parametrize("value, holds, dtype", READ.values(), ids=READ)
def test_what_is_read(value, holds, dtype):
    found = as_tensor("x", value)
    default = str(torch.get_default_dtype()).removeprefix("torch.")
    assert found.dtype == getattr(torch, default if dtype == "default" else dtype)
    np.testing.assert_array_equal(plain(found), np.asarray(holds, float))
    mirror = as_array("x", value)
    assert isinstance(mirror, jax.Array)
    assert mirror.dtype == ("float64" if dtype == "default" else dtype)
    np.testing.assert_array_equal(plain(mirror), np.asarray(holds, float))


MASKED = np.ma.array([1.0, 2.0], mask=[False, True])
REFUSED = {
    "None": (None, TypeError, "array-like .*got NoneType"),
    "text": ("cat", TypeError, "array-like .*got str"),
    "bytes": (b"cat", TypeError, "array-like .*got bytes"),
    "a dict": ({0: 1}, TypeError, "array-like .*got dict"),
    "a set": ({0, 1}, TypeError, "array-like .*got set"),
    "a range of numbers to come": (iter([1]), TypeError, "array-like .*list_iterator"),
    "an object": (object(), TypeError, "array-like .*got object"),
    "words": (["cat", "dog"], TypeError, "numbers, got text; number the classes"),
    "an array of words": (np.array(["cat"]), TypeError, "got text"),
    "a series of words": (pd.Series(["cat"]), TypeError, "got text"),
    "numbers as words": ([["0", "1"], ["5", "0"]], TypeError, "got text"),
    "something missing": ([1, None], TypeError, "entries of type NoneType, int"),
    "a nullable gap": (pd.Series([1, None], dtype=object), TypeError, "NoneType"),
    "decimals": ([Decimal("0.5")], TypeError, r"Decimal; \.astype\(float\)"),
    "beyond int64": ([2**70], TypeError, "entries of type int"),
    "dates": (np.array(["2020-01-01"], "datetime64[D]"), TypeError, "datetime64"),
    "ragged": ([[1, 2], [3]], ValueError, "one length, got rows of different lengths"),
    "ragged arrays": ([np.ones(2), np.ones(3)], ValueError, "one length"),
    "ragged tensors": ([torch.ones(2), torch.ones(3)], ValueError, "one length"),
    "ragged JAX arrays": ([jnp.ones(2), jnp.ones(3)], ValueError, "one length"),
    "masked entries": (MASKED, ValueError, r"no masked entries.*\.filled"),
}


@pytest.mark.parametrize("read", [as_tensor, as_array])
@pytest.mark.parametrize("value, error, words", REFUSED.values(), ids=REFUSED)
def test_what_is_refused(read, value, error, words):
    with pytest.raises(error, match=f"^cost must .*{words}"):
        read("cost", value)


def test_a_tensor_stays_what_it_is_and_anything_else_is_copied():
    tensor = torch.ones(2, requires_grad=True)
    assert as_tensor("x", tensor) is tensor
    array = jnp.ones(2)
    assert as_array("x", array) is array
    given = np.ones(2)
    found, mirror = as_tensor("x", given), as_array("x", given)
    given[0] = 7
    assert found.tolist() == mirror.tolist() == [1, 1]


def test_a_tensor_with_a_gradient_is_no_array():
    """Its gradient would be lost without a word."""
    with pytest.raises(TypeError, match=r"^x must be readable.*requires grad"):
        as_array("x", torch.ones(2, requires_grad=True))


def test_pythons_floats_take_the_dtype_that_is_asked_for_and_arrays_their_own():
    read = partial(as_tensor, "x", floats=torch.float64)
    assert read([0.1]).dtype == torch.float64
    assert read([0.1])[0].item() == 0.1
    assert read(np.array([0.1], F32)).dtype == torch.float32
    assert read([1]).dtype == torch.int64
    assert read(torch.ones(1)).dtype == torch.float32


def test_arrays_go_to_the_device_of_the_tensors():
    there, here, none = as_tensors(a=[1.0], b=torch.ones(1, device="meta"), c=None)
    assert there.device == here.device == torch.device("meta")
    assert none is None


def test_integers_that_jax_would_wrap():
    with jax.enable_x64(False):
        assert as_array("x", np.array([7, -1])).dtype == np.int32
        with pytest.raises(ValueError, match=r"^x must fit .*int32 .*4294967296"):
            as_array("x", np.array([2**32]))


RNG = np.random.default_rng(3)
PROBS = RNG.dirichlet([1.0, 1.0, 1.0], size=6)
LABELS = RNG.integers(3, size=6)
SETS = RNG.integers(2, size=(6, 3))
LOGITS = RNG.normal(size=(6, 3))
COST = np.array([[0.0, 1.0, 5.0], [2.0, 0.0, 1.5], [4.0, 7.0, 0.0]])
TABLE = np.array([[5, 1, 2], [0, 7, 3], [1, 1, 4]])
WEIGHT = RNG.random(6)
KEEP = np.array([True, True, False, True, True, True])
MIXED = 0.8 * np.eye(3) + 0.2 / 3
# Name, arguments as they come from NumPy, options.
TAKE_ARRAYS = [
    ("class_balanced_weights", [np.array([90.0, 9.0, 1.0])], {"beta": 0.9}),
    ("class_balanced_weights", [np.array([90, 9, 0])], {"beta": 0.9}),
    ("confusion_informed_weights", [TABLE], {}),
    ("confusion_matrix", [LABELS, LABELS[::-1]], {"classes": 3}),
    ("confusion_matrix", [PROBS, LABELS], {"sample_weight": WEIGHT, "where": KEEP}),
    ("confusion.one_vs_rest", [TABLE], {}),
    ("counts", [LABELS, LABELS[::-1]], {"classes": 3}),
    ("counts", [LABELS, LABELS[::-1]], {"classes": 3, "sample_weight": WEIGHT}),
    ("counts", [SETS, SETS[::-1]], {"task": "multilabel", "where": KEEP}),
    ("counts", [SETS[:, 0] > 0, SETS[:, 1]], {"task": "binary"}),
    ("costs.cost_vector", [LABELS, COST], {}),
    ("costs.cost_vector", [PROBS, COST], {}),
    ("costs.diagnose", [COST], {}),
    ("costs.from_utility", [COST], {}),
    ("costs.from_weights", [COST[1]], {}),
    ("costs.metric_closure", [COST], {}),
    ("costs.with_abstention", [COST, 0.5], {}),
    ("decisions.abstain", [PROBS, COST], {"price": 0.7}),
    ("decisions.calibrate_temperature", [LOGITS, LABELS], {}),
    ("decisions.expected_costs", [PROBS, COST], {}),
    ("decisions.minimum_cost_decision", [PROBS, COST], {}),
    ("metrics.expected_cost", [TABLE, COST], {}),
    ("metrics.normalized_cost", [TABLE, COST], {}),
    ("metrics.regret", [TABLE, COST], {}),
    ("metrics.savings", [TABLE, COST], {}),
    ("metrics.cohen_kappa", [TABLE], {"weights": "quadratic"}),
    *((f"metrics.{name}", [TABLE], {}) for name in ("accuracy", "mcc", "hss", "dice")),
    *((f"metrics.{name}", [TABLE], {}) for name in ("balanced_accuracy", "g_mean")),
    ("metrics.f_beta", [TABLE], {"average": None}),
    ("metrics.recall", [TABLE], {"average": "weighted"}),
    ("metrics.generalized_dice", [TABLE], {}),
    ("soft_targets", [COST], {"temperature": 0.5}),
    ("unmix", [PROBS, MIXED], {}),
]
FORMS = {
    "arrays": lambda x: x,
    "lists": lambda x: x.tolist(),
    "tuples": lambda x: tuple(map(tuple, x)) if x.ndim > 1 else tuple(x),
    "frames": lambda x: pd.DataFrame(x) if x.ndim > 1 else pd.Series(x),
    "JAX arrays": jnp.asarray,
    "tensors": lambda x: torch.from_numpy(np.ascontiguousarray(x)),
    "columns of Fortran": np.asfortranarray,
}


def leaves(found):
    if isinstance(found, torch.Tensor | jax.Array):
        return [found]
    return list(found) if isinstance(found, tuple) else [found]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name, arguments, options", TAKE_ARRAYS, ids=str)
def test_functions_without_a_gradient_take_arrays(name, arguments, options, form):
    for package, own, kind in (
        (costfn, FORMS["tensors"], torch.Tensor),
        (costfn_jax, FORMS["JAX arrays"], jax.Array),
    ):
        expected = leaves(called(package, name, arguments, options, own))
        found = leaves(called(package, name, arguments, options, FORMS[form]))
        for a, b in zip(found, expected, strict=True):
            assert type(a) is type(b)
            if not isinstance(b, kind):
                assert a == b
                continue
            if form not in ("lists", "tuples"):
                assert a.dtype == b.dtype
            np.testing.assert_allclose(a.tolist(), b.tolist(), rtol=1e-6, atol=1e-7)


def test_the_usual_calls():
    """Probabilities of scikit-learn, and costs as they are written down."""
    probs = np.array([[0.75, 0.25], [0.9, 0.1]])
    written = [[0, 1], [5, 0]]
    for package in (costfn, costfn_jax):
        chosen = package.decisions.minimum_cost_decision(probs, written)
        assert chosen.tolist() == [1, 0]
        costs = package.decisions.expected_costs(probs, written)
        assert str(costs.dtype).endswith("float64")
        np.testing.assert_allclose(costs.tolist(), [[1.25, 0.75], [0.5, 0.9]], 1e-15)
    assert costfn.decisions.expected_costs(probs.astype(F32), written).dtype == (
        torch.float32
    )
    # 0.1 in float32 is another number.
    exact = costfn.decisions.expected_costs([[0.5, 0.5]], [[0.0, 0.1], [0.3, 0.0]])
    assert exact.tolist() == [[0.15, 0.05]]


def test_costs_of_the_metric_and_the_plug_in_rule_take_arrays():
    probs = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.55, 0.45]])
    for package in (costfn, costfn_jax):
        recall = package.metrics.recall
        found = package.decisions.plug_in_decision(probs, recall)
        assert found.decisions.tolist() == [0, 0, 1, 1]
        for metric in ("mcc", "f_beta", "accuracy"):
            metric = getattr(package.metrics, metric)
            given = package.cost_of(metric, TABLE)
            listed = package.cost_of(metric, TABLE.tolist())
            floats = package.cost_of(metric, (TABLE + 0.0).tolist())
            assert given.tolist() == listed.tolist() == floats.tolist()


def test_a_single_precision_matrix_is_used_as_it_came():
    for package in (costfn, costfn_jax):
        table = TABLE.astype(F32)
        assert str(package.metrics.mcc(table).dtype).endswith("float32")


LOSSES = [
    ("focal_loss", [LOGITS, LABELS]),
    ("expected_cost_loss", [LOGITS, LABELS, COST]),
    ("f_beta_loss", [LOGITS, LABELS]),
    ("lovasz_softmax_loss", [LOGITS, LABELS]),
    ("q_error_loss", [LOGITS, LOGITS]),
    ("reduce", [LOGITS]),
]


@pytest.mark.parametrize(
    "name, arguments, i",
    [(name, arguments, i) for name, arguments in LOSSES for i in range(len(arguments))],
    ids=str,
)
def test_a_loss_says_how_to_convert(name, arguments, i):
    for convert in (FORMS["arrays"], FORMS["lists"]):
        for package, own, word in (
            (costfn, FORMS["tensors"], "torch.as_tensor("),
            (costfn_jax, FORMS["JAX arrays"], "jnp.asarray("),
        ):
            given = [own(x) for x in arguments]
            given[i] = convert(arguments[i])
            with pytest.raises(TypeError, match=rf"^\w+ must be .*{re.escape(word)}"):
                getattr(package, name)(*given)

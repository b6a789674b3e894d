"""What builds costs refuses what makes no sense, in the same words in torch and JAX."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import costfn
import costfn_jax
from both_libraries import called, function, one_language, to_jax, to_torch

# jaxtyping's checks come before ours.
pytestmark = [pytest.mark.unchecked, pytest.mark.usefixtures("quick")]

NAN, INF = float("nan"), float("inf")
SQUARE = [[0.0, 1.0], [5.0, 0.0]]
LABELLED = np.array([[2.0, 0.0, -1.0], [0.0, 1.0, -INF]])
REFUSED = [
    *(
        ("costs." + builder, [classes], {}, error, words)
        for builder in ("zero_one", "ordinal")
        for classes, error, words in (
            (2.5, TypeError, "classes must be an integer, got float"),
            (3.0, TypeError, "classes must be an integer, got float"),
            (np.float64(3), TypeError, "classes must be an integer, got float64"),
            (True, TypeError, "classes must be an integer, got bool"),
            ("3", TypeError, "classes must be an integer, got str"),
            (None, TypeError, "classes must be an integer, got NoneType"),
            ([3], TypeError, "classes must be an integer, got list"),
            (1, ValueError, "classes must be at least 2, got 1"),
            (0, ValueError, "classes must be at least 2, got 0"),
            (-3, ValueError, "classes must be at least 2, got -3"),
            (np.int64(1), ValueError, "classes must be at least 2, got 1"),
        )
    ),
    *(
        ("costs.ordinal", [5], {"power": power}, error, f"power must be {words}")
        for power, error, words in (
            (0.0, ValueError, "above 0 and finite, got 0.0"),
            (-1, ValueError, "above 0 and finite, got -1"),
            (NAN, ValueError, "above 0 and finite, got nan"),
            (INF, ValueError, "above 0 and finite, got inf"),
            (1000, ValueError, r"such that 4 \*\* power is finite in float\d\d, got"),
            (1e300, ValueError, r"such that 4 \*\* power is finite in float\d\d, got"),
            (np.array(-1.5), ValueError, "above 0 and finite, got -1.5"),
            (np.array([1.0, 2.0]), ValueError, "one number, got .* shape"),
            ("2", TypeError, "a number or a tensor of one element, got str"),
            (True, TypeError, "a number or a tensor of one element, got bool"),
            (None, TypeError, "a number or a tensor of one element, got NoneType"),
        )
    ),
    *(
        ("costs.from_weights", [weights], {}, error, f"weights must {words}")
        for weights, error, words in (
            ([-1.0, 2.0], ValueError, "be at least 0 and finite, got values from -1"),
            ([-1, 2], ValueError, "be at least 0 and finite, got values from -1 to 2"),
            ([NAN, 2.0], ValueError, "be at least 0 and finite, got"),
            ([INF, 2.0], ValueError, "be at least 0 and finite, got"),
            ([1.0], ValueError, r"be one number per class, .*got \(1,\)"),
            ([], ValueError, r"be one number per class, .*got \(0,\)"),
            (3.0, ValueError, r"be one number per class, .*got \(\)"),
            (SQUARE, ValueError, r"be one number per class, .*got \(2, 2\)"),
            ([True, False], TypeError, "hold real numbers, got bool"),
            ([1j, 2], TypeError, "hold real numbers, got complex"),
            ("12", TypeError, "be a .*array-like .*got str"),
            (None, TypeError, "be a .*array-like .*got NoneType"),
        )
    ),
    *(
        ("costs.from_hierarchy", [paths], {}, error, f"paths must {words}")
        for paths, error, words in (
            (
                ["cat", "car", "dog"],
                TypeError,
                r"hold a sequence of names .*\('cat',\)",
            ),
            ([("a", "cat"), "dog"], TypeError, "hold a sequence of names .*got 'dog'"),
            ("cat", TypeError, "be a sequence with one path per class, got str"),
            (None, TypeError, "be a sequence with one path per class, got NoneType"),
            ({"a": 1, "b": 2}, TypeError, "be a sequence with .*got dict"),
            ({("a",)}, TypeError, "be a sequence with .*got set"),
            ([1, 2], TypeError, "hold a sequence of names .*got 1"),
            ([("a", 1), ("b",)], TypeError, "hold names, got 1 of type int in"),
            ([("a", None), ("b",)], TypeError, "hold names, got None"),
            ([("a", NAN), ("b",)], TypeError, "hold names, got nan"),
            ([("a", ""), ("b",)], ValueError, "hold names, got an empty one"),
            ([], ValueError, "be those of 2 or more classes, got"),
            ([("a",)], ValueError, "be those of 2 or more classes, got"),
            ([("a",), ()], ValueError, "lead to leaves"),
            ([("a",), ("a", "b")], ValueError, "lead to leaves"),
            ([("a",), ("a",)], ValueError, "be distinct, got .* twice"),
        )
    ),
    *(
        (f"costs.{builder}", [cost], {}, ValueError, words)
        for builder, name in (
            ("from_utility", "utility"),
            ("metric_closure", "cost"),
            ("diagnose", "cost"),
        )
        for cost, words in (
            ([[0.0, NAN], [1.0, 0.0]], f"^{name} must be finite, got nan"),
            ([[0.0, INF], [1.0, 0.0]], f"^{name} must be finite, got inf"),
            ([[0.0, 1.0]], f"^{name} must have 2 or more classes"),
            ([0.0, 1.0], f"^{name} must be a matrix"),
            ([], f"^{name} must be a matrix"),
        )
    ),
    (
        "costs.from_utility",
        [np.array([[1.7e308, -1.7e308], [0.0, 1.0]])],
        {},
        ValueError,
        "must be finite, got inf",
    ),
    (
        "costs.metric_closure",
        [[[0.0, -1.0], [1.0, 0.0]]],
        {},
        ValueError,
        "^cost must be at least 0",
    ),
    (
        "costs.metric_closure",
        [[[0.0, 1.0], [1.0, 0.5]]],
        {},
        ValueError,
        "^cost must be 0 on its diagonal",
    ),
    ("costs.metric_closure", [np.ones((2, 3))], {}, ValueError, "^cost must have"),
    *(
        ("costs.with_abstention", [SQUARE, price], {}, error, f"price must be {words}")
        for price, error, words in (
            (NAN, ValueError, "finite, got nan"),
            (-INF, ValueError, "finite, got -inf"),
            (np.array([1.0, 2.0]), ValueError, "one number, got"),
            ("1", TypeError, "a number or a tensor of one element, got str"),
            (False, TypeError, "a number or a tensor of one element, got bool"),
        )
    ),
    (
        "costs.with_abstention",
        [np.eye(2, dtype=np.float32), 1e39],
        {},
        ValueError,
        "price must be finite in float32, got 1e",
    ),
    *(
        (
            "soft_targets",
            [SQUARE],
            {"temperature": value},
            error,
            "^temperature must be",
        )
        for value, error in (
            (0.0, ValueError),
            (-1.0, ValueError),
            (np.array(-1.5), ValueError),
            (np.float32(-1), ValueError),
            ("1", TypeError),
        )
    ),
    *(
        ("class_balanced_weights", [[3, 4]], {"beta": beta}, error, "^beta must be")
        for beta, error in (
            (1.0, ValueError),
            (-0.1, ValueError),
            (NAN, ValueError),
            (np.array(1.5), ValueError),
            (np.array([0.5, 0.5]), ValueError),
            ("0.9", TypeError),
            (True, TypeError),
        )
    ),
    *(
        ("class_balanced_weights", [counts], {"beta": 0.9}, ValueError, words)
        for counts, words in (
            ([-1, 2], "^counts must be at least 0 and finite, got values from -1 to 2"),
            ([NAN, 2], "^counts must be at least 0 and finite"),
            ([2], "^counts must be one number per class"),
        )
    ),
    *(
        ("confusion_informed_weights", [table], options, ValueError, words)
        for table, options, words in (
            ([[1.0, -2.0], [0.0, 3.0]], {}, "^table must be at least 0 and finite"),
            ([[1.0, NAN], [0.0, 3.0]], {}, "^table must be at least 0 and finite"),
            ([[1, 2, 3], [4, 5, 6]], {}, "must be square"),
            ([[1, 2], [3, 4]], {"smoothing": -1}, "^smoothing must be at least 0"),
            ([[1, 2], [3, 4]], {"smoothing": NAN}, "^smoothing must be at least 0"),
        )
    ),
    *(
        ("decisions.calibrate_temperature", [logits, labels], {}, ValueError, words)
        for logits, labels, words in (
            (LABELLED, [0, 2], "^labels must be of classes not masked out, got"),
            (np.full((2, 2), -INF), [0, 0], "^labels must be of classes not masked"),
            (np.array([[0.0, INF]]), [0], "^logits must be finite, or -inf"),
            (np.array([[0.0, NAN]]), [0], "^logits must be finite, or -inf"),
            (np.zeros((2, 1)), [0, 0], "^logits must end in an axis of 2 or more"),
            (np.zeros((0, 2)), [], ""),
        )
    ),
    (
        "decisions.plug_in_decision",
        [[[0.5, 0.5]], 3],
        {},
        TypeError,
        "^metric must be callable, got int",
    ),
]


@pytest.mark.parametrize("name, arguments, options, error, words", REFUSED, ids=str)
def test_what_makes_no_sense(name, arguments, options, error, words):
    said = []
    for package, convert in ((costfn, to_torch), (costfn_jax, to_jax)):
        with pytest.raises((TypeError, ValueError)) as caught:
            called(package, name, arguments, options, convert)
        said.append((caught.type, one_language(str(caught.value))))
    # JAX is run in float64, and torch in its default.
    core, mirror = said
    assert core[0] is mirror[0]
    assert mirror[1].replace("float64", "float32") == core[1].replace(
        "float64", "float32"
    )
    if words:
        assert core[0] is error
        with pytest.raises(error, match=words):
            raise core[0](core[1])


@pytest.mark.parametrize("iterations", [2.5, True, "3"])
def test_the_number_of_iterations(iterations):
    for package in (costfn, costfn_jax):
        decide = package.decisions.plug_in_decision
        with pytest.raises(TypeError, match=r"^iterations must be an integer, got"):
            decide([[0.5, 0.5]], package.metrics.mcc, iterations=iterations)
        with pytest.raises(ValueError, match=r"^metric must give a scalar, got shape"):
            decide([[0.5, 0.5]], lambda m: m.sum(-1))


def test_integers_of_numpy_are_numbers_of_classes():
    for classes in (np.int64(3), np.uint8(3), np.int32(3)):
        for package in (costfn, costfn_jax):
            assert package.costs.zero_one(classes).shape == (3, 3)
            assert package.costs.ordinal(classes).max() == 2


def test_every_power_that_the_dtype_can_hold():
    limit = np.log(np.finfo(np.float32).max) / np.log(4)
    for power in (0.01, 1, 2.5, 63, limit * (1 - 1e-6)):
        cost = costfn.costs.ordinal(5, power)
        assert cost.isfinite().all()
        np.testing.assert_allclose(cost[0, 4], 4.0**power, rtol=2e-5)
    with pytest.raises(ValueError, match="power must be such that"):
        costfn.costs.ordinal(5, limit * (1 + 1e-6))
    # Two classes are 1 apart, at any power.
    for package in (costfn, costfn_jax):
        assert package.costs.ordinal(2, 1e300).tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_numbers_may_be_tensors_of_one_element(shape):
    calls = [
        ("costs.ordinal", [4], "power", 2.0),
        ("soft_targets", [SQUARE], "temperature", 0.5),
        ("class_balanced_weights", [[30, 2]], "beta", 0.9),
        ("confusion_informed_weights", [[[3, 1], [2, 4]]], "smoothing", 0.5),
        ("costs.with_abstention", [SQUARE], "price", 0.25),
        ("decisions.abstain", [[[0.6, 0.4]], SQUARE], "price", 0.25),
    ]
    for name, arguments, option, value in calls:
        for package, convert in ((costfn, torch.tensor), (costfn_jax, jnp.array)):
            call = function(package, name)
            expected = call(*arguments, **{option: value})
            for given in (np.float32(value), np.full(shape, value)):
                found = call(*arguments, **{option: given})
                np.testing.assert_allclose(found.tolist(), expected.tolist(), 1e-6)
            found = call(*arguments, **{option: convert(np.full(shape, value))})
            assert found.shape == expected.shape
            np.testing.assert_allclose(found.tolist(), expected.tolist(), 1e-6)


def test_a_learned_temperature_and_a_learned_power():
    temperature = torch.nn.Parameter(torch.tensor([0.5], dtype=torch.float64))
    cost = costfn.costs.ordinal(3).double()
    assert torch.autograd.gradcheck(
        lambda t: costfn.soft_targets(cost, temperature=t), temperature
    )
    power = torch.nn.Parameter(torch.tensor(1.5))
    costfn.costs.ordinal(3, power).sum().backward()
    # Twice 2 ** p, whose slope is log(2) 2 ** p; 1 ** p and 0 ** p have none.
    assert power.grad.item() == pytest.approx(2 * np.log(2) * 2**1.5, rel=1e-6)


def test_a_temperature_far_below_the_costs_is_one_hot():
    for package in (costfn, costfn_jax):
        for temperature in (1e-30, 1e-38):
            rows = package.soft_targets([[5.0, 7.0], [0.0, 1.0]], temperature=1e-38)
            assert rows.tolist() == [[1, 0], [1, 0]], temperature


CONSTANT = [
    [[1.0, 1.0], [3.0, 3.0]],
    [[0.0, 0.0, 0.0], [-7.0, -7.0, -7.0]],
    [[2.0, -INF, 2.0], [1.0, 1.0, -INF]],
    [[2.0, -INF, -INF], [1.0, -INF, -INF]],
]


@pytest.mark.parametrize("logits", CONSTANT, ids=str)
def test_where_no_temperature_is_better_than_another_it_is_1(logits):
    for package in (costfn, costfn_jax):
        found = package.decisions.calibrate_temperature(logits, [0, 0])
        assert found == 1


def test_masked_classes_change_no_temperature():
    rng = np.random.default_rng(2)
    logits, labels = 3 * rng.normal(size=(400, 3)), rng.integers(3, size=400)
    logits[np.arange(400), labels] += 2
    wider = np.concatenate([logits, np.full((400, 2), -INF)], axis=1)
    one_more = np.concatenate([wider, [[9.0, -INF, -INF, -INF, -INF]]])
    for package in (costfn, costfn_jax):
        calibrate = package.decisions.calibrate_temperature
        expected = calibrate(logits, labels).item()
        assert 0.1 < expected < 10
        assert calibrate(wider, labels).item() == pytest.approx(expected, rel=1e-12)
        # What has one class left says nothing of the temperature.
        found = calibrate(one_more, np.append(labels, 0)).item()
        assert found == pytest.approx(expected, rel=1e-9)


def test_labels_of_one_class_only():
    """Ranked first throughout: the lower end, as documented; else it is inside."""
    for package in (costfn, costfn_jax):
        calibrate = package.decisions.calibrate_temperature
        first = calibrate([[2.0, 0.0], [3.0, 1.0]], [0, 0]).item()
        assert first == pytest.approx(1e-3)
        last = calibrate([[0.0, 2.0], [1.0, 3.0]], [0, 0]).item()
        assert last == pytest.approx(1e3)
        # Of two examples one is ranked last: sigmoid(2 / t) is 3 parts of 4.
        both = calibrate([[2.0, 0.0]] * 3 + [[0.0, 2.0]], [0] * 4).item()
        assert both == pytest.approx(2 / np.log(3), rel=1e-6)


SMALL = np.array([[0.0, 1e-12], [5e-12, 0.0]])
LINE = np.array([[0.0, 0.1, 0.3], [0.1, 0.0, 0.2], [0.3, 0.2, 0.0]])


@pytest.mark.parametrize("unit", [1e-30, 1e-9, 1.0, 1e30])
def test_the_unit_of_the_costs_changes_no_fact(unit):
    for package in (costfn, costfn_jax):
        found = package.costs.diagnose(SMALL * unit)
        assert (found.symmetric, found.reasonable, found.uniform) == (
            False,
            True,
            False,
        )
        assert found.zero_diagonal and not found.negative
        assert package.costs.diagnose(unit * (1 - np.eye(3))).uniform
        assert package.costs.diagnose(-SMALL * unit).negative


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.float64])
def test_rounded_distances_on_a_line_are_a_metric(dtype):
    for package in (costfn, costfn_jax):
        found = package.costs.diagnose(LINE.astype(dtype))
        assert found.metric
        assert found.conditionally_negative_definite
        longer = LINE.astype(dtype)
        longer[0, 2] = longer[2, 0] = 0.31
        assert not package.costs.diagnose(longer).metric


def test_a_mistake_that_is_not_alike_is_not_uniform():
    cost = 1 - np.eye(3)
    cost[0, 1] += 1e-6
    for package in (costfn, costfn_jax):
        assert not package.costs.diagnose(cost).uniform
        assert not package.costs.diagnose(np.ones((3, 3))).uniform


def test_many_classes_are_examined_at_once():
    found = costfn.costs.diagnose(costfn.costs.ordinal(400))
    assert found.metric and found.dominated == ()


def test_many_at_a_time_by_vmap():
    """Also with the axis of the batch in the middle, where checks must not trip."""
    rng = np.random.default_rng(4)
    cost = rng.integers(1, 9, size=(5, 3, 3)) * (1 - np.eye(3))
    rows = 0.8 * np.eye(3) + 0.2 * rng.dirichlet(np.ones(3), size=(5, 3))
    probs = rng.dirichlet(np.ones(3), size=(5, 3))
    calls = [
        ("costs.metric_closure", [cost], {}),
        ("costs.from_utility", [cost], {}),
        ("soft_targets", [cost], {"temperature": 2.0}),
        ("unmix", [probs, rows], {}),
        ("decisions.minimum_cost_decision", [probs, cost], {}),
        ("decisions.expected_costs", [probs, cost], {}),
        ("decisions.calibrate_temperature", [cost, rng.integers(3, size=(5, 3))], {}),
        ("class_balanced_weights", [cost[:, 0]], {"beta": 0.5}),
    ]
    for name, arguments, options in calls:
        for package, convert, vmap in (
            (costfn, torch.tensor, torch.func.vmap),
            (costfn_jax, jnp.array, jax.vmap),
        ):
            f = partial(function(package, name), **options)
            one_by_one = [f(*each) for each in zip(*arguments, strict=True)]
            expected = np.array([x.tolist() for x in one_by_one])
            in_front = [convert(x) for x in arguments]
            found = vmap(f)(*in_front)
            np.testing.assert_allclose(found.tolist(), expected, 1e-12)
            inside = [convert(np.moveaxis(x, 0, 1)) for x in arguments]
            found = vmap(f, 1)(*inside)
            np.testing.assert_allclose(found.tolist(), expected, 1e-12)


def test_a_bad_one_among_many_is_refused():
    cost = np.stack([1 - np.eye(3), np.ones((3, 3))])
    with pytest.raises(ValueError, match=r"^cost must be 0 on its diagonal"):
        torch.func.vmap(costfn.costs.metric_closure)(torch.tensor(cost))
    rows = torch.stack([torch.eye(3), torch.full((3, 3), 1 / 3)])
    with pytest.raises(ValueError, match=r"^soft_targets must be .* rank 1 for 3"):
        torch.func.vmap(costfn.unmix)(rows, rows)

"""The strategies keep their promises, refuse what they cannot do; the profiles load."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

import costfn
from costfn import testing
from costfn.testing import (
    COST_KINDS,
    EDGES,
    batches,
    binary_batches,
    cost_matrices,
    edge_batches,
    labels,
    load_profile,
    logits,
    multilabel_batches,
    regression_batches,
    soft_labels,
)
from new_interpreter import run


def exact_in_every_dtype(values):
    for dtype in (torch.float16, torch.bfloat16):
        if not (torch.tensor(values).to(dtype).double().numpy() == values).all():
            return False
    return True


@given(logits(classes=(2, 3), sizes=(0, 4), largest=8))
def test_logits(z):
    assert z.shape in [(0, 2), (0, 3), (4, 2), (4, 3)]
    assert z.dtype == np.float64 and (abs(z) <= 8).all()
    assert (z.astype(np.float16) == z).all()
    assert exact_in_every_dtype(z)
    assert ((z == 0) | (abs(z) >= np.finfo(np.float16).tiny)).all()


@given(labels(classes=3, sizes=(1, 5)))
def test_labels(y):
    assert y.shape in [(1,), (5,)] and y.dtype == np.int64
    assert ((y >= 0) & (y < 3)).all()


@given(soft_labels(classes=(2, 5)))
def test_soft_labels(q):
    assert (q >= 0).all() and (q.sum(-1) == 1).all()
    assert exact_in_every_dtype(q)
    costfn.soft_target_loss(torch.zeros(q.shape), torch.tensor(q).half())


def triangle_holds(cost):
    through = (cost[:, :, None] + cost[None]).min(1)
    return (cost <= through).all()


def depends_on_distance(cost):
    rank = np.arange(len(cost))
    distance = abs(rank[:, None] - rank)
    levels = [set(cost[distance == d]) for d in rank]
    values = [level.pop() for level in levels if len(level) == 1]
    return len(values) == len(cost) and values == sorted(set(values))


PROMISES = {
    "any": lambda cost: True,
    "plain": lambda cost: (cost >= 0).all() and (cost.diagonal() == 0).all(),
    "zero_one": lambda cost: (cost == 1 - np.eye(len(cost))).all(),
    "symmetric": lambda cost: (cost == cost.T).all(),
    "asymmetric": lambda cost: (cost != cost.T).any(),
    "ordinal": depends_on_distance,
    "non_metric": lambda cost: not triangle_holds(cost),
}


@pytest.mark.parametrize("kind", COST_KINDS)
@pytest.mark.parametrize("abstain", [False, True])
def test_cost_matrices(kind, abstain):
    @given(cost_matrices(kind, classes=(3, 4), abstain=abstain))
    def promise(cost):
        k = len(cost)
        assert cost.shape == (k, k + abstain) and k in (3, 4)
        if kind != "any":
            assert PROMISES["plain"](cost)
        assert exact_in_every_dtype(cost) and -8 <= cost.min() <= cost.max() <= 24
        assert (cost[:, k:] == cost[0, k:]).all()
        assert PROMISES[kind](cost[:, :k])

    promise()


def test_any_cost_is_each_of_the_others_now_and_then():
    seen = set()
    wilder = {
        "negative": lambda cost: (cost < 0).any(),
        "of being right": lambda cost: cost.diagonal().any(),
    }

    @settings(max_examples=200)
    @given(cost_matrices(classes=3))
    def look(cost):
        each = PROMISES | wilder
        seen.update(kind for kind, keeps in each.items() if keeps(cost))

    look()
    assert seen == {*COST_KINDS, *wilder}


@pytest.mark.parametrize("inputs", [batches(), binary_batches(), multilabel_batches()])
def test_few_batches_have_a_single_label(inputs):
    """47 % had, when Hypothesis filled arrays with one entry."""
    alone = []

    @settings(max_examples=200)
    @given(inputs)
    def look(batch):
        if len(batch[1]) > 1:
            alone.append(len(np.unique(batch[1])) == 1)

    look()
    assert len(alone) > 20 and np.mean(alone) < 0.2


@pytest.mark.parametrize(
    "low, high", [(0.3, 0.31), (-0.3, 0.1), (1e-6, 0.5), (-65504, 65504), (-20.3, 0)]
)
def test_bounds_that_no_short_number_meets(low, high):
    @given(regression_batches(smallest=low, largest=high))
    def look(batch):
        for x in batch:
            assert (x >= low).all() and (x <= high).all() and exact_in_every_dtype(x)

    look()


@given(batches(target="probs", cost="plain", abstain=True, classes=3))
def test_batches_fit_together(batch):
    z, q, cost = batch
    assert z.shape == (len(q), 4) and q.shape[1] == 3 and cost.shape == (3, 4)
    costfn.log_cost_loss(*map(torch.tensor, batch))


@given(batches(cost="non_metric"))
def test_a_default_of_two_classes_is_left_out_where_there_must_be_three(batch):
    assert len(batch[2]) > 2


@given(st.one_of(binary_batches(), multilabel_batches()))
def test_members(batch):
    z, t = batch
    assert z.shape == t.shape and np.isin(t, (0, 1)).all()


@given(regression_batches(smallest=0.25, largest=4))
def test_regression(batch):
    assert all(((x >= 0.25) & (x <= 4)).all() for x in batch)


EDGE = {
    "one sample": lambda z, y: len(y) == 1,
    "absent class": lambda z, y: 2 not in y and len(y) > 1,
    "saturated": lambda z, y: np.isin(abs(z), (30, 88, 1e4)).all(),
    "tied": lambda z, y: (z == z[:, :1]).all(),
    "empty": lambda z, y: z.shape == (0, 3) and y.shape == (0,),
}


@pytest.mark.parametrize("kind", EDGES)
def test_edges(kind):
    @given(edge_batches([kind], classes=3))
    def at(batch):
        z, y = batch
        assert EDGE[kind](z, y) and set(y) <= {0, 1, 2}
        losses = costfn.focal_loss(torch.tensor(z), torch.tensor(y))
        assert losses.isfinite().all()

    at()


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: logits(classes=0), "classes must be at least 1, got 0"),
        (lambda: logits(sizes=-1), "sizes must be at least 0, got -1"),
        (lambda: logits(classes=()), "classes must be at least 1"),
        (lambda: logits(largest=1e6).example(), "between two of float16"),
        (
            lambda: regression_batches(smallest=0.3, largest=0.3001).example(),
            "between two of bfloat16",
        ),
        (lambda: cost_matrices("square"), "kind must be one of any, plain"),
        (lambda: cost_matrices("non_metric", classes=2), "at least 3, got 2"),
        (lambda: batches(target="hot"), "target must be 'labels' or 'probs'"),
        (lambda: batches(abstain=True), "abstain must come with a cost"),
        (lambda: edge_batches(["odd"]), "kinds must be of one sample"),
    ],
)
@pytest.mark.filterwarnings("ignore:The `.example")
def test_what_cannot_be_drawn(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.fixture
def profile_kept():
    before = settings.get_current_profile_name()
    yield
    settings.load_profile(before)


@pytest.mark.parametrize(
    "environment, expected",
    [
        ({}, "dev"),
        ({"CI": "true"}, "ci"),
        ({"CI": "true", "HYPOTHESIS_PROFILE": "nightly"}, "nightly"),
        ({"CI": ""}, "dev"),
    ],
)
def test_the_profile_of_an_environment(
    environment, expected, monkeypatch, profile_kept
):
    for name in ("CI", "HYPOTHESIS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert load_profile() == settings.get_current_profile_name() == expected
    loaded = settings()
    assert loaded.deadline is None
    assert loaded.derandomize == (expected == "ci")
    assert loaded.max_examples == (500 if expected == "nightly" else 15)


def test_a_profile_by_name(profile_kept):
    assert load_profile("nightly") == "nightly"
    with pytest.raises(InvalidArgument):
        load_profile("weekly")


def test_without_hypothesis_it_says_what_to_install():
    found = run(
        "sys.modules['hypothesis'] = None\n"
        "import costfn\n"
        "try:\n"
        "    costfn.testing\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    assert found.returncode == 0, found.stderr
    assert "costfn.testing needs hypothesis" in found.stdout
    assert "pip install 'costfn[testing]'" in found.stdout


def test_importing_costfn_imports_no_hypothesis():
    found = run(
        "import costfn\n"
        "assert 'hypothesis' not in sys.modules\n"
        "assert 'testing' in dir(costfn) and costfn.testing.batches\n"
    )
    assert found.returncode == 0, found.stderr


def test_all_lists_what_is_there_and_documented():
    assert sorted(testing.__all__) == sorted(
        name for name in dir(testing) if not name.startswith("_")
    )
    for name in testing.__all__:
        value = getattr(testing, name)
        if not callable(value):
            continue
        text = value.__doc__
        assert len(text.splitlines()[0]) <= 80
        if not isinstance(value, type):
            for section in ("Args:", "Returns:", "Raises:", "Example:"):
                assert f"\n    {section}\n" in text, (name, section)

"""Torch, JAX and the textbook in 110 digits: the first problem of every loss.

`python -m tests.crosscheck` is the same for all of them. The numbers of a fault that is
planted here must be seen, or the cross-check would prove nothing.
"""

from functools import wraps

import jax
import pytest
import torch
from mpmath import mp

import batch_losses
import costfn
import costfn_jax
from losses import CASES, LOSSES
from tests.crosscheck._oracle import reference
from tests.crosscheck._runs import check, firsts, table
from tests.crosscheck._tolerance import EXCEPTIONS, LIMIT, SHARP, limits
from textbook import exact

# The same numbers come with shapes checked, at twice the time.
pytestmark = [pytest.mark.slow, pytest.mark.unchecked]

FIRST = firsts()
FAULT = 2e-5
losses = pytest.mark.parametrize("loss", list(FIRST))


def plan(torch=(), jax=(), dtypes=("float64", "float32", "bfloat16")):
    """Runs in these modes of the frameworks, and in these dtypes."""
    modes = {"torch": list(torch), "jax": list(jax)}
    return lambda name, loss, framework, dtype: (
        modes[framework] if dtype in dtypes else []
    )


def failures(loss, **modes):
    return [r for r in check(FIRST[loss], "cpu", plan(**modes)) if not r.passed]


def test_every_loss_is_checked():
    public = {name for name in costfn.__all__ if name.endswith("_loss")}
    assert public - {"metric_loss"} == set(FIRST)
    problems = {repr(problem) for problem, _ in table().values()}
    assert len(problems) == len(table())
    of_tables = {(case.loss.name, case.form) for case in CASES}
    of_tables |= {(name, "labels") for name in batch_losses.NAMES}
    assert of_tables <= {(p.name, p.kind) for p, _ in table().values()}


def test_no_tolerance_is_above_the_stated_one():
    assert LIMIT == (16, 32, 64)
    for loss in FIRST:
        if loss not in EXCEPTIONS:
            assert all(c <= most for c, most in zip(limits(loss), LIMIT, strict=True))
    assert set().union(*SHARP) <= set(FIRST)
    assert all(len(cause) > 80 for _, cause in EXCEPTIONS.values())


@losses
def test_both_frameworks_are_right(loss, quick):
    """Half precision is tested by rounding, in `test_mirror_numbers.py`."""
    run = plan(["eager"], ["compiled"], dtypes=("float64", "float32"))
    found = check(FIRST[loss], "cpu", run)
    assert len(found) == 6
    assert not [r for r in found if not r.passed]


@pytest.mark.parametrize("loss", ["focal_loss", "mcc_loss", "energy_cost_loss"])
def test_differences_agree_with_those_of_mpmath(loss):
    problem, _ = table()[FIRST[loss]]
    expected = reference(problem)
    logits, *others = next(problem.situations())
    direction = problem.direction[0]
    with mp.workdps(60):

        def along(t):
            moved = exact(logits) + exact(direction) * t
            return problem.formula(moved, *map(exact_if_real, others))

        slope, curvature = (mp.diff(along, 0, n) for n in (1, 2))
    found = (expected.truth.gradient[0], expected.truth.curvature[0])
    for derivative, difference in zip((slope, curvature), found, strict=True):
        assert (direction * difference).sum() == pytest.approx(float(derivative))


def exact_if_real(x):
    return exact(x) if x.dtype.kind == "f" else x


def steeper(monkeypatch, package, name):
    """The loss as it is, with derivatives that are too large by 2e-5."""
    right = getattr(package, name)
    constant = torch.detach if package is costfn else jax.lax.stop_gradient

    @wraps(right)
    def wrong(*arguments, **options):
        value = right(*arguments, **options)
        return value + FAULT * (value - constant(value))

    monkeypatch.setattr(package, name, wrong)


@losses
def test_a_small_fault_in_torch_is_seen(loss, monkeypatch):
    steeper(monkeypatch, costfn, loss)
    dtypes = {r.dtype for r in failures(loss, torch=["eager"])}
    # Where the condition is large, float32 itself may be as far off.
    hidden = loss == "forward_corrected_loss"
    assert dtypes == {"float64"} | (set() if hidden else {"float32"})


@pytest.mark.parametrize("loss", ["focal_loss", "mcc_loss"])
def test_a_small_fault_in_jax_is_seen(loss, monkeypatch, quick):
    steeper(monkeypatch, costfn_jax, loss)
    found = failures(loss, torch=["eager"], jax=["compiled"])
    assert {(r.framework, r.dtype) for r in found} == {
        (framework, dtype)
        for framework in ("jax", "both")
        for dtype in ("float64", "float32")
    }


@pytest.mark.parametrize("loss", ["focal_loss", "logit_adjusted_loss"])
def test_a_small_fault_in_one_derivative_is_seen(loss, monkeypatch, quick):
    """In `softplus`, and through it in every cross entropy."""
    right = costfn_jax._foundation.math.softplus
    wrong = jax.custom_jvp(right)

    @wrong.defjvp
    def _(at, towards):
        value, slope = jax.jvp(right, at, towards)
        return value, (1 + FAULT) * slope

    monkeypatch.setattr(costfn_jax._foundation.math, "softplus", wrong)
    found = failures(loss, jax=["compiled"])
    assert {r.dtype for r in found} == {"float64", "float32"}
    assert all(r.c.value <= r.limit.value for r in found)


WITH_COST = [loss.name for loss in LOSSES if loss.takes == ("cost",)]


@pytest.mark.parametrize("loss", [*WITH_COST, *batch_losses.COSTS])
@pytest.mark.parametrize("package", [costfn, costfn_jax], ids=["torch", "jax"])
def test_a_transposed_matrix_is_seen(loss, package, monkeypatch, quick):
    right = getattr(package, loss)

    @wraps(right)
    def wrong(logits, target, **given):
        given["cost"] = given["cost"].T
        return right(logits, target, **given)

    monkeypatch.setattr(package, loss, wrong)
    ours = {"torch": ["eager"]} if package is costfn else {"jax": ["compiled"]}
    found = failures(loss, **ours, dtypes=["float32"])
    assert len(found) == 1 and found[0].c.value > 100


def test_a_fault_of_both_frameworks_is_seen(monkeypatch, quick):
    """Torch and JAX agree here: only the textbook tells."""
    for package in (costfn, costfn_jax):
        steeper(monkeypatch, package, "energy_cost_loss")
    found = failures(
        "energy_cost_loss", torch=["eager"], jax=["compiled"], dtypes=["float32"]
    )
    assert {r.framework for r in found} == {"torch", "jax"}

"""The doctor of JAX losses: the same report from the jaxpr."""

import importlib
import os

import numpy as np
import pytest

pytest.importorskip("jax", reason="the extra jax is not installed")

import jax
import jax.numpy as jnp
import optax

import costfn_jax
from costfn.testing import assert_trains
from costfn_doctor import BrokenLossError
from costfn_jax.doctor import diagnose
from doctor_corpus.case import REGISTRY

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick")]
importlib.import_module("doctor_corpus.jax_cases")
CASES = [case for case in REGISTRY.values() if case.framework == "jax"]
rng = np.random.default_rng(0)
LOGITS, LABELS = rng.normal(size=(8, 3)), rng.integers(0, 3, 8)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_labelled_losses(case):
    loss, example = case.make()
    report = diagnose(loss, *example(0), budget_seconds=120)
    if not case.broken:
        assert report.verdict == "ok", str(report)
        return
    first = report.findings[0]
    assert report.verdict == "broken"
    assert first.cause in case.causes
    assert case.culprit.replace(" ", "") in first.code.replace(" ", "")


@pytest.mark.parametrize(
    "loss, target, cause",
    [
        (lambda p, t: jnp.mean(jax.nn.logsumexp(p, 1)), LABELS, "TARGET_IGNORED"),
        (lambda p, t: jnp.sum((p - t) ** 2, 0), LOGITS + 1, "NOT_SCALAR"),
        (
            lambda p, t: -jnp.mean(jax.nn.log_softmax(p, 0)[jnp.arange(8), t]),
            LABELS,
            "WRONG_DIM",
        ),
    ],
    ids=["target", "vector", "axis"],
)
def test_further_faults(loss, target, cause):
    report = diagnose(loss, LOGITS, target, budget_seconds=120)
    assert report.findings[0].cause == cause, str(report)
    assert os.path.samefile(report.findings[0].file, __file__)


def test_rank_promotion():
    def loss(p, t):
        return jnp.mean((p - t) ** 2)

    report = diagnose(loss, LOGITS[:, :1], LOGITS[:, 1], budget_seconds=60)
    assert report.findings[0].cause == "BROADCAST", str(report)
    assert report.findings[0].code == "return jnp.mean((p - t) ** 2)"
    assert "in one shape" in report.findings[0].evidence


@pytest.mark.parametrize(
    "prediction, options, error, words",
    [
        (LABELS, {}, TypeError, "floating-point array, got int"),
        ((LOGITS,), {}, TypeError, "got tuple; wrap a loss of several"),
        (LOGITS[:0], {}, ValueError, "must not be empty"),
        (LOGITS, {"kind": "x"}, ValueError, "kind must be one of 'logits'"),
        (LOGITS, {"allow": {"X"}}, ValueError, "allow must name causes"),
        (LOGITS, {"budget_seconds": 0}, ValueError, "positive"),
        (LOGITS, {"batch_dim": 2}, ValueError, "batch_dim must be"),
    ],
)
def test_wrong_arguments_are_refused(prediction, options, error, words):
    with pytest.raises(error, match=words):
        diagnose(lambda p, t: p, prediction, LABELS, **options)


def test_as_an_assertion():
    def hits(p, t):
        return jnp.mean(p.argmax(1) == t)

    with pytest.raises(BrokenLossError, match="INDEX_OP"):
        assert_trains(hits, jnp.asarray(LOGITS), jnp.asarray(LABELS))
    report = assert_trains(
        costfn_jax.accuracy_loss, jnp.asarray(LOGITS), jnp.asarray(LABELS)
    )
    assert report.verdict != "broken"


BINARY = 1.0 * (LOGITS > 0.3)
DOUBLE = {
    "softmax in cross entropy": (
        lambda p, t: jnp.mean(
            optax.softmax_cross_entropy_with_integer_labels(jax.nn.softmax(p), t)
        ),
        LABELS,
    ),
    "softmax in log softmax": (
        lambda p, t: -jnp.mean(jnp.sum(t * jax.nn.log_softmax(jax.nn.softmax(p)), -1)),
        np.eye(3)[LABELS],
    ),
    "softmax twice": (
        lambda p, t: jnp.mean((jax.nn.softmax(jax.nn.softmax(p)) - t) ** 2),
        np.eye(3)[LABELS],
    ),
    "sigmoid in cross entropy": (
        lambda p, t: jnp.mean(optax.sigmoid_binary_cross_entropy(jax.nn.sigmoid(p), t)),
        BINARY,
    ),
    "sigmoid twice": (
        lambda p, t: jnp.mean((jax.nn.sigmoid(jax.nn.sigmoid(p)) - t) ** 2),
        BINARY,
    ),
}


@pytest.mark.parametrize("name", DOUBLE)
def test_two_activations(name):
    loss, truth = DOUBLE[name]
    report = diagnose(loss, LOGITS, truth, budget_seconds=60)
    first = report.findings[0]
    assert (first.cause, first.severity) == ("DOUBLE_ACTIVATION", "error"), str(report)
    assert "already went through" in first.message
    assert os.path.samefile(first.file, __file__)


ONCE = {
    "a mixture": lambda p, t: jnp.mean(
        optax.softmax_cross_entropy(jax.nn.softmax(p) @ jnp.asarray(LOGITS[:3]), t)
    ),
    "attention of itself": lambda p, t: jnp.mean(
        optax.softmax_cross_entropy(p * jax.nn.softmax(p), t)
    ),
    "the logarithm, sharpened": lambda p, t: jnp.mean(
        (jax.nn.softmax(2 * jnp.log(jax.nn.softmax(p))) - t) ** 2
    ),
    "normalised again": lambda p, t: jnp.mean(
        (jax.nn.softmax(p) / jax.nn.softmax(p).sum(-1, keepdims=True) - t) ** 2
    ),
    "both kinds beside each other": lambda p, t: jnp.mean(
        optax.softmax_cross_entropy(p, t)
        + jnp.sum(optax.sigmoid_binary_cross_entropy(p, t), -1)
    ),
}


@pytest.mark.parametrize("name", ONCE)
def test_one_activation(name):
    report = diagnose(ONCE[name], LOGITS, np.eye(3)[LABELS], budget_seconds=60)
    causes = [found.cause for found in report.findings]
    assert "DOUBLE_ACTIVATION" not in causes, str(report)


def test_probabilities_given_to_a_loss_of_logits():
    probs = np.exp(LOGITS) / np.exp(LOGITS).sum(-1, keepdims=True)

    def loss(p, t):
        return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(p, t))

    report = diagnose(loss, probs, LABELS, budget_seconds=60)
    told = [f for f in report.findings if f.cause == "DOUBLE_ACTIVATION"]
    assert [f.severity for f in told] == ["warning"], str(report)


PER_EXAMPLE = {
    "optax cross entropy": (
        optax.softmax_cross_entropy_with_integer_labels,
        LOGITS,
        LABELS,
    ),
    "optax focal, per entry": (
        optax.losses.sigmoid_focal_loss,
        LOGITS,
        1.0 * (LOGITS > 0.5),
    ),
    "costfn focal": (costfn_jax.focal_loss, LOGITS, LABELS),
    "squares": (lambda p, t: jnp.sum((p - t) ** 2, 1), LOGITS, LOGITS + 1),
}


@pytest.mark.parametrize("name", PER_EXAMPLE)
def test_one_loss_per_example_is_reduced_and_said(name):
    loss, prediction, truth = PER_EXAMPLE[name]
    report = assert_trains(
        loss, jnp.asarray(prediction), jnp.asarray(truth), budget_seconds=60
    )
    assert report.verdict == "ok", str(report)
    told = [found for found in report.findings if found.cause == "NOT_SCALAR"]
    assert [found.severity for found in told] == ["information"]
    assert "one loss per example" in told[0].message
    assert any("order of samples" in said for said in report.checked)


def losses():
    """Losses of costfn_jax that take logits and labels alone."""
    import inspect

    module = importlib.import_module("costfn_jax")
    for name in getattr(module, "__all__", ()):
        if not name.endswith("_loss") or name == "metric_loss":
            continue
        parameters = inspect.signature(getattr(module, name)).parameters.values()
        needed = [
            p.name
            for p in parameters
            if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
        ]
        yield name, needed


GIVEN = {
    "cost": 1 - np.eye(3) + np.triu(np.ones((3, 3)), 1),
    "transition": np.full((3, 3), 0.1) + 0.7 * np.eye(3),
    "prior": np.array([0.5, 0.3, 0.2]),
    "labels": LABELS,
    "target": LABELS,
    "target_probs": np.full((8, 3), 0.1) + 0.7 * np.eye(3)[LABELS],
    "temperature": 0.5,
    "epsilon": 0.5,
}


LOSSES = dict(losses())


def marked(names):
    """The first loss of each file; the others take minutes of compiling."""
    seen = set()
    for name in names:
        home = getattr(importlib.import_module("costfn_jax"), name).__module__
        others = home in seen and not os.environ.get("COSTFN_DOCTOR_ALL")
        reason = "one of each file, unless COSTFN_DOCTOR_ALL is set"
        marks = [pytest.mark.skip(reason=reason)] if others else []
        yield pytest.param(name, marks=marks)
        seen.add(home)


@pytest.mark.skipif(not LOSSES, reason="costfn_jax has no losses here")
@pytest.mark.parametrize("name", list(marked(LOSSES)) or ["none"])
def test_losses_of_costfn_jax(name):
    needed = LOSSES[name]
    module = importlib.import_module("costfn_jax")
    prediction, truth = LOGITS, GIVEN.get(needed[1], LABELS)
    if name == "lovasz_hinge_loss":
        prediction, truth = LOGITS[:, 0], (LABELS > 0).astype(int)
    if name in ("sigmoid_focal_loss", "asymmetric_loss"):
        truth = np.eye(3)[LABELS]
    if name == "q_error_loss":
        prediction = truth = np.abs(LOGITS) + 0.5
    extras = {key: jnp.asarray(GIVEN[key]) for key in needed[2:]}

    def loss(p, t):
        return jnp.mean(getattr(module, name)(p, t, **extras))

    # Compiling is slow: what a second allows, the flow of the gradient above all.
    report = diagnose(loss, prediction, truth, budget_seconds=1)
    assert report.verdict != "broken", str(report)

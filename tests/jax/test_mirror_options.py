"""Options of the mirror under `jit`, and the two that make a loss kinked."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import costfn_jax

pytestmark = [pytest.mark.shapes, pytest.mark.usefixtures("quick")]


@pytest.mark.unchecked  # some are annotated as numbers
def test_options_may_be_traced():
    logits, labels = (
        jnp.asarray(np.random.default_rng(1).normal(size=(4, 3))),
        jnp.array([0, 1, 2, 1]),
    )
    cost = costfn_jax.costs.ordinal(3)
    for name, extras, options in (
        ("expected_cost_loss", [cost], {"risk": 0.5}),
        ("expected_cost_loss", [cost], {"risk": 0.0}),
        ("cost_regularized_loss", [cost], {"strength": 2.0}),
        ("soft_decision_cost_loss", [cost], {"temperature": 0.5}),
        ("focal_loss", [], {"gamma": 1.5}),
        ("logit_adjusted_loss", [jnp.array([3.0, 2, 1])], {"temperature": 0.5}),
        ("f_beta_loss", [], {"beta": 2.0, "smooth": 0.5, "zero_division": 1.0}),
        ("tversky_loss", [], {"alpha": 0.3, "beta": 0.7}),
        ("focal_tversky_loss", [], {"gamma": 1.5}),
        ("mcc_loss", [], {"zero_division": np.nan}),
    ):
        loss = getattr(costfn_jax, name)
        given = jax.jit(lambda o, f=loss, e=extras: f(logits, labels, *e, **o))(options)
        expected = loss(logits, labels, *extras, **options)
        np.testing.assert_allclose(given, expected, rtol=1e-11)


def test_kinks_do_not_hide_nan():
    cost = costfn_jax.costs.ordinal(3)
    for name, options in (
        ("cost_regression_loss", {"one_sided": True, "smooth": False}),
        ("sum_to_zero_loss", {"phi": "hinge"}),
    ):
        loss = getattr(costfn_jax, name)
        of_logits = jax.grad(lambda z, f=loss, o=options: f(z, jnp.array(0), cost, **o))
        assert jnp.isnan(of_logits(jnp.array([jnp.nan, 0.0, 0.0]))).any()


LOGITS, LABELS = jnp.zeros((2, 3)), jnp.array([1, 2])
ONES = jnp.ones((2, 3))
COST = costfn_jax.costs.ordinal(3)
# One argument is of values that are refused where they are seen.
REFUSED = {
    "a prior of 0": (
        lambda x: costfn_jax.logit_adjusted_loss(LOGITS, LABELS, x),
        [0.0, 0.5, 0.5],
    ),
    "a negative prior": (
        lambda x: costfn_jax.logit_adjusted_loss(LOGITS, LABELS, x),
        [-0.25, 0.75, 0.5],
    ),
    "a negative cost": (
        lambda x: costfn_jax.log_cost_loss(LOGITS, LABELS, x),
        -COST,
    ),
    "a negative weight": (
        lambda x: costfn_jax.reduce(jnp.ones(2), weight=x),
        [1.0, -0.5],
    ),
    "a negative weight of counts": (
        lambda x: costfn_jax.mcc_loss(LOGITS, LABELS, sample_weight=x),
        [1.0, -0.5],
    ),
    "labels of 3": (
        lambda x: costfn_jax.f_beta_loss(LOGITS, x, task="multilabel"),
        3 * ONES,
    ),
    "labels below 0": (
        lambda x: costfn_jax.f_beta_loss(LOGITS, x, task="multilabel"),
        -ONES / 2,
    ),
    "no probabilities": (
        lambda x: costfn_jax.expected_cost_loss(LOGITS, x, COST),
        ONES,
    ),
    "no transition": (
        lambda x: costfn_jax.forward_corrected_loss(LOGITS, LABELS, x),
        COST,
    ),
    "a negative quantity": (
        lambda x: costfn_jax.q_error_loss(ONES, x, log_space=False),
        -ONES,
    ),
    "probabilities to unmix": (
        lambda x: costfn_jax.unmix(x, jnp.eye(3)),
        ONES,
    ),
    "no soft targets": (lambda x: costfn_jax.unmix(ONES / 3, x), COST),
}


@pytest.mark.parametrize("function, bad", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused_gives_nan_where_it_is_not_seen(function, bad):
    bad = jnp.asarray(bad)
    with pytest.raises(ValueError, match="must be"):
        function(bad)
    assert jnp.isnan(jax.jit(function)(bad)).any()

"""Options of the mirror under `jit`, and the two that make a loss kinked."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import costfn_jax


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


@pytest.mark.parametrize("prior", [[0.0, 0.5, 0.5], [-0.25, 0.75, 0.5]])
def test_a_prior_that_is_refused_gives_nan_where_it_is_not_seen(prior):
    def loss(prior):
        labels = jnp.array([1, 2])
        return costfn_jax.logit_adjusted_loss(jnp.zeros((2, 3)), labels, prior)

    assert jnp.isnan(jax.jit(loss)(jnp.array(prior))).all()
    with pytest.raises(ValueError, match=r"^prior must be above 0"):
        loss(jnp.array(prior))

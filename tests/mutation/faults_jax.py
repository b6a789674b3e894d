"""Faults of formulas and of numbers, planted in `costfn_jax`."""

# A file, a text that is in it once, what takes its place, and what that is.
FAULTS: tuple[tuple[str, str, str, str], ...] = (
    (
        "_losses/cost_vector.py",
        "(class_probs(target, classes, cost.dtype), cost)",
        "(class_probs(target, classes, cost.dtype), cost.mT)",
        "a transposed cost",
    ),
    (
        "_losses/cost_vector.py",
        "return rows(cost, index)",
        "return rows(cost.mT, index)",
        "a transposed cost",
    ),
    (
        "_losses/scoring_rules.py",
        "select_costs(target, costs)",
        "select_costs(target, costs.mT)",
        "a transposed cost",
    ),
    (
        "_losses/soft_targets.py",
        "select_costs(target, log_noise.T)",
        "select_costs(target, log_noise)",
        "a transposed transition",
    ),
    (
        "_foundation/counting.py",
        "sums = _contracted(q, weighted, scope)",
        "sums = _contracted(weighted, q, scope)",
        "a transposed matrix",
    ),
    (
        "_foundation/reduce.py",
        "values, weights = values.astype(wide), checked_weights(weight, wide)",
        "values = values.astype(wide)\n        weights = jnp.ones_like(values)",
        "a dropped weight",
    ),
    (
        "_losses/transport.py",
        'z, target, "multiclass", classes, sample_weight, where, trusted=True',
        'z, target, "multiclass", classes, None, where, trusted=True',
        "a dropped weight",
    ),
    (
        "_foundation/counting.py",
        "sum_over(values if weight is None else weight * values, axes)",
        "sum_over(values, axes)",
        "a dropped weight",
    ),
    (
        "_foundation/math.py",
        "return jnp.where(top, of_top, log1p(jnp.where(top, 0.0, -p)))",
        "return log1p(-p)",
        "1 - p in place of the small side",
    ),
    (
        "_foundation/math.py",
        "return softplus(-log_odds(logits, target))",
        "return -(one_hot(target, logits.shape[-1], logits.dtype)"
        " * log_softmax(logits)).sum(-1)",
        "the small side lost in cross entropy",
    ),
    (
        "_losses/scoring_rules.py",
        "distance = below_p * above_q - above_p * below_q",
        "distance = below_p - below_q",
        "cancellation in the tails",
    ),
    (
        "_losses/cost.py",
        "losses = of_base + typed(share, z.dtype) * _expected_cost(z, c, 0.0)",
        "losses = of_base + typed(share, z.dtype) * _expected_cost(z, c, 0.0)\n"
        "    losses = losses + 1e-4 * (losses - stop_gradient(losses))",
        "a relative error of 1e-4 in the gradient",
    ),
    (
        "_foundation/math.py",
        "return -softplus(-x)",
        "y = -softplus(-x)\n    return y + 2e-5 * (y - stop_gradient(y))",
        "a relative error of 2e-5 in the gradient",
    ),
    (
        "_foundation/groups.py",
        "total_loss / jnp.where(empty, 1.0, amount)",
        "total_loss",
        "a swapped reduction",
    ),
    (
        "_losses/imbalance.py",
        "modulated = jnp.exp(power * log_sigmoid(-margin)) * log_sigmoid(margin)",
        "from jax.lax import stop_gradient\n"
        "        factor = stop_gradient(jnp.exp(power * log_sigmoid(-margin)))\n"
        "        modulated = factor * log_sigmoid(margin)",
        "a detached factor",
    ),
    (
        "_metrics/averaging.py",
        "return self.false_negative + self.true_negative",
        "return self.other",
        "a wrong cell",
    ),
    (
        "_losses/cost_vector.py",
        "z = upcast(logits)",
        "z = logits",
        "an upcast left out",
    ),
    (
        "_foundation/reduce.py",
        "values = upcast(losses)",
        "values = losses",
        "an upcast left out",
    ),
    (
        "_losses/cost.py",
        "return -(c * log_complement(z)).sum(-1)",
        "return -(c * jnp.maximum(log_complement(z), -16.0)).sum(-1)",
        "a clamp that kills the gradient",
    ),
    (
        "_losses/regression.py",
        "return jnp.expm1(bounded) + (size - bounded) * jnp.exp(bounded)",
        "return jnp.expm1(bounded)",
        "a clamp that kills the gradient",
    ),
    (
        "_metrics/f_measures.py",
        "square = typed(recall_weight * recall_weight,",
        "square = typed(recall_weight,",
        "a formula one power off",
    ),
    (
        "_losses/imbalance.py",
        "gamma: float | Array = 2.0",
        "gamma: float | Array = 1.0",
        "a default that drifts",
    ),
    (
        "_metrics/tversky.py",
        "target: AnyTarget,\n    *,\n    alpha: float | Array = 0.5,\n"
        "    beta: float | Array = 0.5,\n    gamma: float | Array = 0.75,",
        "target: AnyTarget,\n    *,\n    alpha: float | Array = 0.5,\n"
        "    beta: float | Array = 0.5,\n    gamma: float | Array = 0.7,",
        "a default that drifts",
    ),
    (
        "_losses/soft_targets.py",
        'divergence: Divergence = "cross_entropy"',
        'divergence: Divergence = "kl"',
        "a default that drifts",
    ),
    (
        "_foundation/math.py",
        "return (wide < 0) | (wide >= classes)",
        "return wide >= classes",
        "a check left out under jit",
    ),
    (
        "_metrics/batch_loss.py",
        "z = jnp.where(where if each else where[..., None], z, 0.0)",
        "z = z * (where if each else where[..., None])",
        "0 times NaN where a mask should hide it",
    ),
)

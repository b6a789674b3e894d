"""Faults that no operator makes: what goes wrong when people write losses.

Each is a file, a text that is in it once, what takes its place, and what that is.
"""

Fault = tuple[str, str, str, str]

TORCH: tuple[Fault, ...] = (
    (
        "_cost_vector.py",
        "return times(class_probs(target, classes, cost.dtype), cost)",
        "return times(class_probs(target, classes, cost.dtype), cost.mT)",
        "a transposed cost",
    ),
    (
        "_cost_vector.py",
        "rows = cost.index_select(0, index.reshape(-1))",
        "rows = cost.mT.index_select(0, index.reshape(-1))",
        "a transposed cost",
    ),
    (
        "_scoring_rules.py",
        "select_costs(target, costs)",
        "select_costs(target, costs.mT)",
        "a transposed cost",
    ),
    (
        "_cost.py",
        "times(z.softmax(-1), cost.to(z.dtype))",
        "times(z.softmax(-1), cost.to(z.dtype).mT)",
        "a transposed cost",
    ),
    (
        "decisions.py",
        "return times(p, cost.to(p.dtype))",
        "return times(p, cost.to(p.dtype).mT)",
        "a transposed cost",
    ),
    (
        "_cost_metrics.py",
        "constant = (m.sum(-1, keepdim=True) * c).sum(-2).amin(-1)",
        "constant = (m.sum(-1, keepdim=True) * c.mT).sum(-2).amin(-1)",
        "a transposed cost",
    ),
    (
        "confusion.py",
        "return times(q.reshape(-1, width).mT, rows)",
        "return times(q.reshape(-1, width).mT, rows).mT",
        "a transposed matrix",
    ),
    (
        "confusion.py",
        "predicted=m.sum(-2),\n        actual=m.sum(-1),",
        "predicted=m.sum(-1),\n        actual=m.sum(-2),",
        "truth and decision exchanged",
    ),
    (
        "_soft_targets.py",
        "column = log_noise.T.index_select",
        "column = log_noise.index_select",
        "a transposed transition",
    ),
    (
        "_reduce.py",
        "weights = non_negative(weight).to(values.dtype)",
        "weights = torch.ones_like(non_negative(weight).to(values.dtype))",
        "a dropped weight",
    ),
    (
        "_transport.py",
        "reduce(x, weight=sample_weight, where=where,",
        "reduce(x, where=where,",
        "a dropped weight",
    ),
    (
        "confusion.py",
        "one = one if weight is None else weight * one",
        "one = one",
        "a dropped weight",
    ),
    (
        "_metric_loss.py",
        "return confusion_matrix(a, y, sample_weight=w, where=keep)",
        "return confusion_matrix(a, y, where=keep)",
        "a dropped weight",
    ),
    (
        "_math.py",
        "return torch.log1p(-p).scatter(-1, top, of_top)",
        "return torch.log1p(-logits.softmax(-1))",
        "1 - p in place of the small side",
    ),
    (
        "_math.py",
        "torch.where(x > 0, 1 - torch.sigmoid(-x), torch.sigmoid(x))",
        "1 - torch.sigmoid(-x)",
        "1 - p in place of the small side",
    ),
    (
        "_math.py",
        "return -log_sigmoid(log_odds(logits, target))",
        "return -torch.log_softmax(logits, -1)"
        ".gather(-1, target.long().unsqueeze(-1)).squeeze(-1)",
        "the small side lost in cross entropy",
    ),
    (
        "relaxations.py",
        "return others.scatter(-1, top, 1 - others.sum(-1, keepdim=True))",
        "return p",
        "1 - p in place of the small side",
    ),
    (
        "_scoring_rules.py",
        "distance = below_p * above_q - above_p * below_q",
        "distance = below_p - below_q",
        "cancellation in the tails",
    ),
    (
        "_cost.py",
        "return (of_base + strength * _expected_cost(z, c, 0.0)).to(logits.dtype)",
        "out = (of_base + strength * _expected_cost(z, c, 0.0)).to(logits.dtype)\n"
        "    return out + 1e-4 * (out - out.detach())",
        "a relative error of 1e-4 in the gradient",
    ),
    (
        "_math.py",
        "return -softplus(-x)",
        "y = -softplus(-x)\n    return y + 2e-5 * (y - y.detach())",
        "a relative error of 2e-5 in the gradient",
    ),
    (
        "_metric_loss.py",
        "loss = measure(table)\n",
        "loss = measure(table)\n    loss = loss + 1e-4 * (loss - loss.detach())\n",
        "a relative error of 1e-4 in the gradient",
    ),
    (
        "_lovasz.py",
        "return losses.mean().to(logits.dtype)",
        "return losses.sum().to(logits.dtype)",
        "a swapped reduction",
    ),
    (
        "_metric_loss.py",
        'loss.mean(0) if scope == "example"',
        'loss.sum(0) if scope == "example"',
        "a swapped reduction",
    ),
    (
        "_imbalance.py",
        "torch.exp(gamma * log_complement(z)) *",
        "torch.exp(gamma * log_complement(z)).detach() *",
        "a detached factor",
    ),
    (
        "_transport.py",
        "f = -epsilon * to_columns.logsumexp(-1)",
        "f = -epsilon * to_columns.logsumexp(-1).detach()",
        "a detached factor",
    ),
    (
        "_margin.py",
        "s = z - z.mean(-1, keepdim=True)",
        "s = z - z.detach().mean(-1, keepdim=True)",
        "a detached factor",
    ),
    (
        "_averaging.py",
        "rest = others(c.predicted), others(c.actual)",
        "rest = others(c.predicted.detach()), others(c.actual)",
        "a detached factor",
    ),
    (
        "_margin.py",
        "z = upcast(logits)\n    c = non_negative(cost).to(z.dtype)",
        "z = logits\n    c = non_negative(cost).to(z.dtype)",
        "an upcast left out",
    ),
    (
        "_metric_loss.py",
        "z = upcast(logits)",
        "z = logits",
        "an upcast left out",
    ),
    (
        "_reduce.py",
        "values = upcast(losses)",
        "values = losses",
        "an upcast left out",
    ),
    (
        "_cost.py",
        "return -(c * log_complement(z)).sum(-1)",
        "return -(c * log_complement(z).clamp(min=-16)).sum(-1)",
        "a clamp that kills the gradient",
    ),
    (
        "_margin.py",
        "return bounded.exp() * (1 + s - bounded)",
        "return bounded.exp()",
        "a clamp that kills the gradient",
    ),
    (
        "_regression.py",
        "return torch.expm1(bounded) + (size - bounded) * bounded.exp()",
        "return torch.expm1(bounded)",
        "a clamp that kills the gradient",
    ),
    (
        "_overlap_metrics.py",
        "square = beta * beta",
        "square = beta",
        "a formula one power off",
    ),
    (
        "_overlap_metrics.py",
        "return alpha * c.false_positive + beta * c.false_negative",
        "return beta * c.false_positive + alpha * c.false_negative",
        "false positives and negatives exchanged",
    ),
    (
        "_table_losses.py",
        "zero_division: float = nan,",
        "zero_division: float = 0.0,",
        "a default that drifts",
    ),
    (
        "_overlap_losses.py",
        "    gamma: float = 0.75,",
        "    gamma: float = 0.7,",
        "a default that drifts",
    ),
    (
        "_soft_targets.py",
        'divergence: Divergence = "cross_entropy"',
        'divergence: Divergence = "kl"',
        "a default that drifts",
    ),
    (
        "_rate_losses.py",
        "        metrics.markedness,\n        zero_division=zero_division,\n"
        "        absent=absent,",
        "        metrics.markedness,\n        zero_division=zero_division,",
        "an option not passed on",
    ),
    (
        "_math.py",
        "invalid = (index < 0) | (index >= classes)",
        "invalid = index >= classes",
        "a check left out under the transforms",
    ),
    (
        "_check.py",
        " & (wide.amin(-1) >= -tolerance)",
        "",
        "a check left out",
    ),
    (
        "_metric_loss.py",
        "z = torch.where(_keep(where, z, task), z, 0.0)",
        "z = z * _keep(where, z, task)",
        "0 times NaN where a mask should hide it",
    ),
)

JAX: tuple[Fault, ...] = (
    (
        "_cost_vector.py",
        "return times(class_probs(target, classes, cost.dtype), cost)",
        "return times(class_probs(target, classes, cost.dtype), cost.mT)",
        "a transposed cost",
    ),
    (
        "_cost_vector.py",
        "costs = rows(cost, index)",
        "costs = rows(cost.mT, index)",
        "a transposed cost",
    ),
    (
        "_scoring_rules.py",
        "select_costs(target, costs)",
        "select_costs(target, costs.mT)",
        "a transposed cost",
    ),
    (
        "_soft_targets.py",
        "select_costs(target, log_noise.T)",
        "select_costs(target, log_noise)",
        "a transposed transition",
    ),
    (
        "confusion.py",
        "return _contracted(class_probs(target, width, a.dtype), a, scope)",
        "return _contracted(a, class_probs(target, width, a.dtype), scope)",
        "a transposed matrix",
    ),
    (
        "_reduce.py",
        "weights = non_negative(weight).astype(values.dtype)",
        "weights = jnp.ones_like(non_negative(weight).astype(values.dtype))",
        "a dropped weight",
    ),
    (
        "_transport.py",
        "reduce(x, weight=sample_weight, where=where,",
        "reduce(x, where=where,",
        "a dropped weight",
    ),
    (
        "confusion.py",
        "weighted = values if weight is None else weight * values",
        "weighted = values",
        "a dropped weight",
    ),
    (
        "_math.py",
        "return jnp.where(top, of_top, log1p(jnp.where(top, 0.0, -p)))",
        "return log1p(-p)",
        "1 - p in place of the small side",
    ),
    (
        "_math.py",
        "return -log_sigmoid(log_odds(logits, target))",
        "return -(one_hot(target, logits.shape[-1], logits.dtype)"
        " * log_softmax(logits)).sum(-1)",
        "the small side lost in cross entropy",
    ),
    (
        "_scoring_rules.py",
        "distance = below_p * above_q - above_p * below_q",
        "distance = below_p - below_q",
        "cancellation in the tails",
    ),
    (
        "_cost.py",
        "return (of_base + strength * _expected_cost(z, c, 0.0)).astype(logits.dtype)",
        "out = (of_base + strength * _expected_cost(z, c, 0.0)).astype(logits.dtype)\n"
        "    return out + 1e-4 * (out - stop_gradient(out))",
        "a relative error of 1e-4 in the gradient",
    ),
    (
        "_math.py",
        "return -softplus(-x)",
        "y = -softplus(-x)\n    return y + 2e-5 * (y - stop_gradient(y))",
        "a relative error of 2e-5 in the gradient",
    ),
    (
        "_metric_loss.py",
        'loss.mean(0) if scope == "example"',
        'loss.sum(0) if scope == "example"',
        "a swapped reduction",
    ),
    (
        "_imbalance.py",
        "modulated = jnp.exp(gamma * log_sigmoid(-margin)) * log_sigmoid(margin)",
        "from jax.lax import stop_gradient\n"
        "        factor = stop_gradient(jnp.exp(gamma * log_sigmoid(-margin)))\n"
        "        modulated = factor * log_sigmoid(margin)",
        "a detached factor",
    ),
    (
        "_averaging.py",
        "rest = others(c.predicted), others(c.actual)",
        "rest = 0 * c.predicted + others(c.actual), others(c.actual)",
        "a wrong cell",
    ),
    (
        "_margin.py",
        "c = non_negative(cost).astype(z.dtype)",
        "z = logits\n    c = non_negative(cost).astype(z.dtype)",
        "an upcast left out",
    ),
    ("_reduce.py", "values = upcast(losses)", "values = losses", "an upcast left out"),
    (
        "_cost.py",
        "return -(c * log_complement(z)).sum(-1)",
        "return -(c * jnp.maximum(log_complement(z), -16.0)).sum(-1)",
        "a clamp that kills the gradient",
    ),
    (
        "_regression.py",
        "return jnp.expm1(bounded) + (size - bounded) * jnp.exp(bounded)",
        "return jnp.expm1(bounded)",
        "a clamp that kills the gradient",
    ),
    (
        "_overlap_metrics.py",
        "square, extra = number(beta * beta, dtype)",
        "square, extra = number(beta, dtype)",
        "a formula one power off",
    ),
    (
        "_imbalance.py",
        "gamma: float | Array = 2.0",
        "gamma: float | Array = 1.0",
        "a default that drifts",
    ),
    (
        "_overlap_losses.py",
        "    gamma: float = 0.75,",
        "    gamma: float = 0.7,",
        "a default that drifts",
    ),
    (
        "_soft_targets.py",
        'divergence: Divergence = "cross_entropy"',
        'divergence: Divergence = "kl"',
        "a default that drifts",
    ),
    (
        "_math.py",
        "invalid = (wide < 0) | (wide >= classes)",
        "invalid = wide >= classes",
        "a check left out under jit",
    ),
    (
        "_metric_loss.py",
        "z = jnp.where(_keep(where, z, task), z, 0.0)",
        "z = z * _keep(where, z, task)",
        "0 times NaN where a mask should hide it",
    ),
)
FAULTS = {"torch": TORCH, "jax": JAX}

"""Faults of formulas and of numbers, planted in `costfn`."""

# A file, a text that is in it once, what takes its place, and what that is.
FAULTS: tuple[tuple[str, str, str, str], ...] = (
    (
        "_losses/cost_vector.py",
        "(class_probs(target, cost.shape[-2], cost.dtype), cost)",
        "(class_probs(target, cost.shape[-2], cost.dtype), cost.mT)",
        "a transposed cost",
    ),
    (
        "_losses/cost_vector.py",
        "rows = cost.index_select(0, index.reshape(-1))",
        "rows = cost.mT.index_select(0, index.reshape(-1))",
        "a transposed cost",
    ),
    (
        "_losses/scoring_rules.py",
        "select_costs(target, costs)",
        "select_costs(target, costs.mT)",
        "a transposed cost",
    ),
    (
        "_losses/cost.py",
        "rows_times_matrix(z.softmax(-1), checked_costs(cost, z.dtype))",
        "rows_times_matrix(z.softmax(-1), checked_costs(cost, z.dtype).mT)",
        "a transposed cost",
    ),
    (
        "decisions.py",
        "expected = rows_times_matrix(probs.to(wide), checked_costs(cost, wide))",
        "expected = rows_times_matrix(probs.to(wide), checked_costs(cost, wide).mT)",
        "a transposed cost",
    ),
    (
        "_metrics/cost.py",
        "constant = (m.sum(-1, keepdim=True) * c).sum(-2).amin(-1)",
        "constant = (m.sum(-1, keepdim=True) * c.mT).sum(-2).amin(-1)",
        "a transposed cost",
    ),
    (
        "_foundation/counting.py",
        "sums = product(q.mT, rows)",
        "sums = product(q.mT, rows).mT",
        "a transposed matrix",
    ),
    (
        "_foundation/counts.py",
        "actual = m.sum(-1)\n    return Counts(\n        true_positive=right,\n"
        "        predicted=m.sum(-2),",
        "actual = m.sum(-2)\n    return Counts(\n        true_positive=right,\n"
        "        predicted=m.sum(-1),",
        "truth and decision exchanged",
    ),
    (
        "_losses/soft_targets.py",
        "column = log_noise.T.index_select",
        "column = log_noise.index_select",
        "a transposed transition",
    ),
    (
        "_foundation/reduce.py",
        "weights = checked_weights(weight, wide)",
        "weights = torch.ones_like(checked_weights(weight, wide))",
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
        "weighted = values if weight is None else weight * values",
        "weighted = values",
        "a dropped weight",
    ),
    (
        "_foundation/counting.py",
        "weighted = a if weight is None else weight * a",
        "weighted = a",
        "a dropped weight",
    ),
    (
        "_foundation/math.py",
        "return torch.log1p(-p).scatter(-1, top, of_top)",
        "return torch.log1p(-logits.softmax(-1))",
        "1 - p in place of the small side",
    ),
    (
        "_foundation/math.py",
        "torch.where(x > 0, 1 - torch.sigmoid(-x), torch.sigmoid(x))",
        "1 - torch.sigmoid(-x)",
        "1 - p in place of the small side",
    ),
    (
        "_foundation/math.py",
        "return softplus(-log_odds(logits, target))",
        "return -torch.log_softmax(logits, -1)"
        ".gather(-1, target.long().unsqueeze(-1)).squeeze(-1)",
        "the small side lost in cross entropy",
    ),
    (
        "_foundation/soft_decisions.py",
        "return others.scatter(-1, top, 1 - others.sum(-1, keepdim=True))",
        "return p",
        "1 - p in place of the small side",
    ),
    (
        "_losses/scoring_rules.py",
        "distance = below_p * above_q - above_p * below_q",
        "distance = below_p - below_q",
        "cancellation in the tails",
    ),
    (
        "_losses/cost.py",
        "losses = of_base + share * _expected_cost(z, c, 0.0)",
        "losses = of_base + share * _expected_cost(z, c, 0.0)\n"
        "    losses = losses + 1e-4 * (losses - losses.detach())",
        "a relative error of 1e-4 in the gradient",
    ),
    (
        "_foundation/math.py",
        "return -softplus(-x)",
        "y = -softplus(-x)\n    return y + 2e-5 * (y - y.detach())",
        "a relative error of 2e-5 in the gradient",
    ),
    (
        "_metrics/batch_loss.py",
        "return cast_back(losses, logits)",
        "losses = losses + 1e-4 * (losses - losses.detach())\n"
        "    return cast_back(losses, logits)",
        "a relative error of 1e-4 in the gradient",
    ),
    (
        "_metrics/lovasz.py",
        "return cast_back(losses.mean(), logits)",
        "return cast_back(losses.sum(), logits)",
        "a swapped reduction",
    ),
    (
        "_foundation/groups.py",
        "weighted.sum(0) / torch.where(empty, 1.0, amount)",
        "weighted.sum(0)",
        "a swapped reduction",
    ),
    (
        "_losses/imbalance.py",
        "torch.exp(focus * log_complement(z)) *",
        "torch.exp(focus * log_complement(z)).detach() *",
        "a detached factor",
    ),
    (
        "_losses/transport.py",
        "f = -epsilon * to_columns.logsumexp(-1)",
        "f = -epsilon * to_columns.logsumexp(-1).detach()",
        "a detached factor",
    ),
    (
        "_losses/margin.py",
        "s = z - z.sum(-1, keepdim=True) / number",
        "s = z - z.detach().sum(-1, keepdim=True) / number",
        "a detached factor",
    ),
    (
        "_metrics/averaging.py",
        "return self.false_negative + self.true_negative",
        "return (self.false_negative + self.true_negative).detach()",
        "a detached factor",
    ),
    (
        "_losses/cost_vector.py",
        "z = upcast(logits)",
        "z = logits",
        "an upcast left out",
    ),
    (
        "_metrics/batch_loss.py",
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
        "return -(c * log_complement(z).clamp(min=-16)).sum(-1)",
        "a clamp that kills the gradient",
    ),
    (
        "_losses/margin.py",
        "return bounded.exp() * (1 + s - bounded)",
        "return bounded.exp()",
        "a clamp that kills the gradient",
    ),
    (
        "_losses/regression.py",
        "return torch.expm1(bounded) + (size - bounded) * bounded.exp()",
        "return torch.expm1(bounded)",
        "a clamp that kills the gradient",
    ),
    (
        "_metrics/f_measures.py",
        "square = recall_weight * recall_weight",
        "square = recall_weight",
        "a formula one power off",
    ),
    (
        "_metrics/tversky.py",
        "errors = false_alarm * c.false_positive + miss * c.false_negative",
        "errors = miss * c.false_positive + false_alarm * c.false_negative",
        "false positives and negatives exchanged",
    ),
    (
        "_metrics/accuracy.py",
        "target: AnyTarget,\n    *,\n    adjusted: bool = False,\n"
        "    zero_division: float = nan,",
        "target: AnyTarget,\n    *,\n    adjusted: bool = False,\n"
        "    zero_division: float = 0.0,",
        "a default that drifts",
    ),
    (
        "_metrics/tversky.py",
        "target: AnyTarget,\n    *,\n    alpha: float | Tensor = 0.5,\n"
        "    beta: float | Tensor = 0.5,\n    gamma: float | Tensor = 0.75,",
        "target: AnyTarget,\n    *,\n    alpha: float | Tensor = 0.5,\n"
        "    beta: float | Tensor = 0.5,\n    gamma: float | Tensor = 0.7,",
        "a default that drifts",
    ),
    (
        "_losses/soft_targets.py",
        'divergence: Divergence = "cross_entropy"',
        'divergence: Divergence = "kl"',
        "a default that drifts",
    ),
    (
        "_metrics/informedness.py",
        "averaging = Averaging(average, zero_division, absent, classes, class_weight)\n"
        "    return averaged_loss(logits, target, counting, averaging, _markedness)",
        'averaging = Averaging(average, zero_division, "keep", classes, class_weight)\n'
        "    return averaged_loss(logits, target, counting, averaging, _markedness)",
        "an option not passed on",
    ),
    (
        "_foundation/hidden.py",
        "return (labels < 0) | (labels >= classes)",
        "return labels >= classes",
        "a check left out under the transforms",
    ),
    (
        "_foundation/check.py",
        " & (wide.amin(-1) >= -tolerance)",
        "",
        "a check left out",
    ),
    (
        "_metrics/batch_loss.py",
        "z = torch.where(where if each else where.unsqueeze(-1), z, 0.0)",
        "z = z * (where if each else where.unsqueeze(-1))",
        "0 times NaN where a mask should hide it",
    ),
)

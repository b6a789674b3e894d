"""Faults of what users meet at the edges, planted in `costfn_jax`.

What is ignored, what cannot be seen, weights of images and classes, sums over very many
examples, half precision, options, and objects that are saved.
"""

# A file, a text that is in it once, what takes its place, and what that is.
FAULTS: tuple[tuple[str, str, str, str], ...] = (
    (
        "_metrics/averaging.py",
        "*c.other_cells(), other)",
        "*c.other_cells()[:2], sum_of_others(c.predicted) - c.other_cells()[1]\n"
        "        if c.one_label else c.other_cells()[2], other)",
        "a gradient reversed through the others",
    ),
    (
        "_foundation/counting.py",
        "true_negative=add(jnp.where(hot, 0.0, 1 - a))",
        "true_negative=total[..., None] - add(a) - add(jnp.where(hot, 1 - a, 0.0))",
        "a small count as a difference of large ones",
    ),
    (
        "_foundation/math.py",
        "BLOCK = 1024",
        "BLOCK = 2**40",
        "one long sum in float32",
    ),
    (
        "_metrics/lovasz.py",
        "steps = gain / union.astype(errors.dtype)",
        "jaccard = 1 - left.astype(errors.dtype) / union.astype(errors.dtype)\n"
        "    steps = 0 * gain + jnp.diff(jaccard, prepend=0.0)",
        "a step as a difference of values near 1",
    ),
    (
        "_losses/margin.py",
        "z = centered(upcast(logits))\n    c = checked_costs(cost, z.dtype)\n    if",
        "z = upcast(logits)\n    c = checked_costs(cost, z.dtype)\n    if",
        "an offset common to all logits left in",
    ),
    (
        "_losses/cost.py",
        "return _learned_risk(z, c, risk.astype(z.dtype))",
        "apart = jnp.where(risk == 0, 1.0, risk.astype(z.dtype))\n"
        "        return jnp.where(risk == 0, _mean(z, c), _entropic_mean(z, c, apart))",
        "no gradient at a special value of an option",
    ),
    (
        "decisions.py",
        "tie = regret - least <= rounding * jnp.abs(least)",
        "tie = regret <= least",
        "rounding that decides among equals",
    ),
    (
        "_foundation/hidden.py",
        "return ~((target >= 0) & (target <= 1))",
        "return target > 1",
        "a target of -1 not seen under jit",
    ),
    (
        "_foundation/hidden.py",
        "wide = floating(cost).astype(dtype)\n"
        "    if check.readable_values(cost) is not None:",
        "wide = floating(cost).astype(dtype)\n"
        "    if check.readable_values(cost) is not None or not is_floating(cost):",
        "integers not checked under jit",
    ),
    (
        "_foundation/hidden.py",
        "return cast_back(losses + poisoned(bad, invalid), logits)",
        "return cast_back(jnp.where(invalid, jnp.nan, losses), logits)",
        "NaN in the value and not in the gradient",
    ),
    (
        "_foundation/hidden.py",
        "return values * huge * huge * none * huge * huge + nan",
        "return values * none + nan",
        "NaN in the value and not in the gradient",
    ),
    (
        "_foundation/options.py",
        "return jnp.where(rule.holds(found), found, nan)",
        "return found",
        "an option not checked under jit",
    ),
    (
        "_foundation/groups.py",
        "keep = some & ~(jnp.isnan(losses) & _beside(known, classes))",
        "keep = some & ~jnp.isnan(losses)",
        "NaN of the inputs taken for 0/0",
    ),
    (
        "_foundation/groups.py",
        "each = jnp.where(keep, each, 0.0)",
        "each = jnp.where(keep, each, each)",
        "images that are ignored in a mean",
    ),
    (
        "_foundation/groups.py",
        "amount = sum_over(each, (0,))",
        "amount = sum_over(jnp.where(keep, jnp.ones_like(each), 0.0), (0,))",
        "weights of images that do not enter the sum of weights",
    ),
    (
        "_foundation/reduce.py",
        'if reduction == "mean" and weights.size:',
        "if weights.size:",
        "a scaled weight",
    ),
    (
        "_metrics/averaging.py",
        "cells = Cells(*(x[..., index] for x in cells))",
        "cells = Cells(*(x[..., : len(index)] for x in cells))",
        "a choice of classes ignored",
    ),
    (
        "_metrics/averaging.py",
        "weight = weight * weight_of_class",
        "weight = weight * jnp.ones_like(weight_of_class)",
        "weights of classes ignored",
    ),
    (
        "_foundation/math.py",
        "return labels if labels.dtype.itemsize >= 4 else labels.astype(jnp.int32)",
        "return labels",
        "labels compared in a narrow type",
    ),
    (
        "_foundation/math.py",
        "return (q * jnp.where(impossible, 0.0, values)).sum(-1)",
        "return (q * values).sum(-1)",
        "0 times infinity of a class that is masked out",
    ),
    (
        "_foundation/math.py",
        "values = values - jnp.where(jnp.isfinite(plain), excess, 0.0)",
        "values = values + 0.0 * excess",
        "a loss beyond float16",
    ),
    (
        "_losses/per_label.py",
        "shares = jnp.where(SHARE.holds(shares), shares, jnp.nan)\n"
        "    return shares, 1 - shares",
        "shares = jnp.where(SHARE.holds(shares), shares, jnp.nan)\n"
        "    return 1 - shares, shares",
        "weights of the present and the absent exchanged",
    ),
    (
        "_losses/per_label.py",
        'power = typed(number("gamma_pos", gamma_pos, AT_LEAST_ZERO), z.dtype)',
        "gamma_pos, gamma_neg = gamma_neg, gamma_pos\n"
        '    power = typed(number("gamma_pos", gamma_pos, AT_LEAST_ZERO), z.dtype)',
        "options of the present and the absent exchanged",
    ),
    (
        "_losses/per_label.py",
        "above = sigmoid(logits) - shift",
        "above = sigmoid(logits) + shift",
        "a sign",
    ),
    (
        "relaxations.py",
        "    return Softmax(temperature)",
        "    made = Softmax(temperature)\n    return lambda logits: made(logits)",
        "an object that cannot be pickled",
    ),
)

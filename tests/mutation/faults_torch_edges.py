"""Faults of what users meet at the edges, planted in `costfn` and `costfn_nn`.

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
        "_metrics/agreement.py",
        "(predicted * unpredicted).sum(-1)",
        "(predicted * sum_of_others(predicted)).sum(-1)",
        "a gradient reversed through the others",
    ),
    (
        "_foundation/counting.py",
        "true_negative=add((1 - a).scatter(-1, column, 0.0))",
        "true_negative=total.unsqueeze(-1) - add(a) - of_label(each * (1 - own))",
        "a small count as a difference of large ones",
    ),
    (
        "_foundation/counting.py",
        "sums = empty.scatter_add(-1, where, flat)",
        "sums = empty.float().scatter_add(-1, where, flat.float()).to(flat)",
        "counts summed in float32",
    ),
    (
        "_foundation/counting.py",
        "rows = weighted.to(sum_type(weighted))",
        "rows = weighted",
        "counts summed in float32",
    ),
    (
        "_metrics/lovasz.py",
        "steps = torch.where(foreground == 1, 1 / union, of_background)",
        "jaccard = (1 - missed / union).to(errors.dtype)\n"
        "    steps = torch.cat([jaccard[:1], jaccard.diff(dim=0)])",
        "a step as a difference of values near 1",
    ),
    (
        "_losses/margin.py",
        "z = centered(upcast(logits))\n    c = checked_costs(cost, z.dtype)\n    if",
        "z = upcast(logits)\n    c = checked_costs(cost, z.dtype)\n    if",
        "an offset common to all logits left in",
    ),
    (
        "_foundation/math.py",
        "z = centered(logits)\n    index =",
        "z = logits\n    index =",
        "an offset common to all logits left in",
    ),
    (
        "_losses/cost.py",
        "return _learned_risk(z, c, risk.to(z.dtype))",
        "plain = (c * z.softmax(-1)).sum(-1)\n"
        "        apart = torch.where(risk == 0, 1.0, risk.to(z.dtype))\n"
        "        return torch.where(risk == 0, plain, _entropic_mean(z, c, apart))",
        "no gradient at a special value of an option",
    ),
    (
        "decisions.py",
        "tie = regret - least <= _rounding(probs, cost) * least.abs()",
        "tie = regret <= least",
        "rounding that decides among equals",
    ),
    (
        "_foundation/hidden.py",
        "return ~((wide >= 0) & (wide <= 1))",
        "return wide > 1",
        "a target of -1 not seen under the transforms",
    ),
    (
        "_foundation/hidden.py",
        "if check.readable_values(cost) is not None:\n        return wide",
        "if check.readable_values(cost) is not None or not cost.is_floating_point():\n"
        "        return wide",
        "integers not checked under the transforms",
    ),
    (
        "_foundation/hidden.py",
        "bad = ~wide.isfinite()",
        "bad = wide.isnan()",
        "an infinite cost not seen under the transforms",
    ),
    (
        "_foundation/hidden.py",
        "return cast_back(losses + poisoned(bad, invalid), logits)",
        "return cast_back(losses.masked_fill(invalid, torch.nan), logits)",
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
        "return torch.where(rule.holds(found), found, nan)",
        "return found",
        "an option not checked under the transforms",
    ),
    (
        "_foundation/groups.py",
        "keep = some & ~(losses.isnan() & _beside(known, classes))",
        "keep = some & ~losses.isnan()",
        "NaN of the inputs taken for 0/0",
    ),
    (
        "_foundation/groups.py",
        "each = torch.where(keep, each, 0.0)",
        "each = torch.where(keep, each, each)",
        "images that are ignored in a mean",
    ),
    (
        "_foundation/groups.py",
        "each = each * _beside(weight.to(each.dtype), classes)",
        "losses = losses * _beside(weight.to(each.dtype), classes)",
        "weights of images that do not enter the sum of weights",
    ),
    (
        "_foundation/groups.py",
        "sample_weight = torch.where(kept, sample_weight, 0)",
        "sample_weight = sample_weight * kept",
        "0 times NaN where a mask should hide it",
    ),
    (
        "_foundation/reduce.py",
        "values = values.masked_fill(~where, 0.0)",
        "values = values * where",
        "0 times NaN where a mask should hide it",
    ),
    (
        "_foundation/check.py",
        "(wide if where is None else wide.masked_fill(~where, 0))\n"
        "    if seen is None:",
        "(wide)\n    if seen is None:",
        "a check of what is masked",
    ),
    (
        "_foundation/reduce.py",
        'if reduction == "mean" and weights.numel():',
        "if weights.numel():",
        "a scaled weight",
    ),
    (
        "_metrics/averaging.py",
        "cells = Cells(*(x[..., index] for x in cells))",
        "cells = Cells(*(x[..., : len(index)] for x in cells))",
        "a choice of classes ignored",
    ),
    (
        "_metrics/accuracy.py",
        "return found[0][..., index], found[1][..., index], found[2][..., index]",
        "return found",
        "a choice of classes ignored",
    ),
    (
        "_metrics/lovasz.py",
        "errors, truth = errors[:, chosen], truth[:, chosen]",
        "errors, truth = errors[:, : len(chosen)], truth[:, : len(chosen)]",
        "a choice of classes ignored",
    ),
    (
        "_metrics/averaging.py",
        "weight = weight * weight_of_class",
        "weight = weight * torch.ones_like(weight_of_class)",
        "weights of classes ignored",
    ),
    (
        "_metrics/averaging.py",
        "weight_of_class = weight_of_class[index]",
        "weight_of_class = weight_of_class[: len(index)]",
        "weights of other classes",
    ),
    (
        "_foundation/check.py",
        "return value if value.is_floating_point() else value.long()",
        "return value",
        "labels compared in a narrow type",
    ),
    (
        "costfn_nn/_foundation/class_axis.py",
        "wide = target if target.is_floating_point() else target.long()",
        "wide = target",
        "labels compared in a narrow type",
    ),
    (
        "_foundation/math.py",
        "return (q * torch.where(impossible, 0.0, values)).sum(-1)",
        "return (q * values).sum(-1)",
        "0 times infinity of a class that is masked out",
    ),
    (
        "_losses/margin.py",
        "z = possible(centered(upcast(logits)))",
        "z = centered(upcast(logits))",
        "0 times infinity of a class that is masked out",
    ),
    (
        "_losses/margin.py",
        "number = (~out).to(z.dtype).sum(-1, keepdim=True)",
        "number = torch.ones_like(z).sum(-1, keepdim=True)",
        "a class that is masked out in a mean",
    ),
    (
        "_foundation/math.py",
        "return values.to(torch.float32)",
        "return values.to(like.dtype)",
        "half precision out of autocast",
    ),
    (
        "_foundation/math.py",
        "with torch.autocast(device, enabled=False):",
        "with torch.autocast(device, enabled=True):",
        "a product in half precision under autocast",
    ),
    (
        "_foundation/math.py",
        "values = values - torch.where(plain.isfinite(), excess, 0.0)",
        "values = values + 0.0 * excess",
        "a loss beyond float16",
    ),
    (
        "_foundation/math.py",
        "plain = values.detach()\n        excess",
        "plain = values\n        excess",
        "a clamp that kills the gradient",
    ),
    (
        "_losses/per_label.py",
        "share = torch.where(SHARE.holds(share), share, torch.nan)\n"
        "    return share, 1 - share",
        "share = torch.where(SHARE.holds(share), share, torch.nan)\n"
        "    return 1 - share, share",
        "weights of the present and the absent exchanged",
    ),
    (
        "_losses/per_label.py",
        'power = _like(z, number("gamma_pos", gamma_pos, AT_LEAST_ZERO))',
        "gamma_pos, gamma_neg = gamma_neg, gamma_pos\n"
        '    power = _like(z, number("gamma_pos", gamma_pos, AT_LEAST_ZERO))',
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
    (
        "costfn_nn/_foundation/held.py",
        "return partial(_object, type(value))",
        "return lambda parts: _object(type(value), parts)",
        "an object that cannot be pickled",
    ),
    (
        "costfn_nn/_foundation/held.py",
        "module.register_parameter(name, value)",
        "module.register_buffer(name, value.detach())",
        "an option that is learned, but not by the optimiser",
    ),
    (
        "costs/_hierarchy.py",
        "height[node] = max(height.get(node, 0), len(path) - depth)",
        "height[node] = len(path) - depth",
        "the last of several in place of the largest",
    ),
    (
        "_foundation/arrays.py",
        "wanted = floats or torch.get_default_dtype()",
        "wanted = torch.get_default_dtype()",
        "numbers of Python rounded to float32",
    ),
)

"""The published formulas, written naively from their sources.

Each takes one example: scores `z` (one for each decision, or for each class where
they are logits of classes), the class probabilities `q` of the target (one-hot for
a label), then what the loss takes. Numbers are those of mpmath, 60 digits, so
that `1 - p` and `log` may be written as in the papers and still be right.
"""

import numpy as np
from mpmath import mp, mpf

mp.dps = 60

exact = np.frompyfunc(lambda x: mpf(x.item() if hasattr(x, "item") else x), 1, 1)
exp = np.frompyfunc(mp.exp, 1, 1)
log = np.frompyfunc(mp.log, 1, 1)


def softmax(z):
    e = exp(z)
    return e / e.sum()


def log_sum_exp(z):
    return mp.log(exp(z).sum())


def softplus(x):
    return log(1 + exp(x))


def relu(x):
    return np.where(x > 0, x, 0 * x)


def expectation(q, of_label):
    """Mean over the label: a class that has no probability does not count."""
    return sum(q[y] * of_label(y) for y in range(len(q)) if q[y] > 0)


def cross_entropy(z, q):
    return expectation(q, lambda y: log_sum_exp(z) - z[y])


def expected_cost(z, q, cost, *, risk=0.0):
    c = q @ cost
    if risk == 0:
        return (c * softmax(z)).sum()
    return (log_sum_exp(z + mpf(risk) * c) - log_sum_exp(z)) / mpf(risk)


def log_cost(z, q, cost):
    return -((q @ cost) * log(1 - softmax(z))).sum()


def cost_regularized(z, q, cost, *, base="cross_entropy", strength=1.0):
    first = cross_entropy(z, q) if base == "cross_entropy" else log_cost(z, q, cost)
    return first + mpf(strength) * expected_cost(z, q, cost)


def softmax_margin(z, q, cost):
    return expectation(q, lambda y: log_sum_exp(z + cost[y] - cost[y, y]) - z[y])


def cost_hinge(z, q, cost):
    return expectation(q, lambda y: max(z + cost[y] - cost[y, y]) - z[y])


def soft_target(z, q, *, divergence="cross_entropy"):
    entropy = -expectation(q, lambda y: mp.log(q[y]))
    return cross_entropy(z, q) - (entropy if divergence == "kl" else 0)


def forward_corrected(z, q, transition):
    observed = softmax(z) @ transition
    return -expectation(q, lambda y: mp.log(observed[y]))


def energy_cost(z, q, cost):
    p = softmax(z)
    return p @ (q @ cost) - p @ cost @ p / 2


def ranked_probability(z, q):
    gap = np.cumsum(softmax(z)) - np.cumsum(q)
    return (gap[:-1] ** 2).sum()


def cost_regression(z, q, cost, *, one_sided=False, smooth=True):
    c = q @ cost
    if not one_sided:
        return ((z - c) ** 2).sum()
    sign = np.array([1 if c_j == min(c) else -1 for c_j in c])
    return (softplus if smooth else relu)(sign * (z - c)).sum()


def exponential_with_a_tangent_above_30(s):
    return np.where(s > 30, mp.exp(30) * (s - 29), exp(np.where(s > 30, 30, s)))


def sum_to_zero(z, q, cost, *, phi="exp"):
    s = z - z.mean()
    of_score = {
        "exp": exponential_with_a_tangent_above_30,
        "softplus": softplus,
        "hinge": lambda s: relu(mpf(1) / (len(z) - 1) + s),
    }
    return ((q @ cost) * of_score[phi](s)).sum()


def soft_decision_cost(z, q, cost, *, temperature):
    decision = softmax(-(softmax(z) @ cost) / mpf(temperature))
    return (q @ cost) @ decision


def focal(z, q, *, gamma=2.0):
    p = softmax(z)
    return -expectation(q, lambda y: (1 - p[y]) ** mpf(gamma) * mp.log(p[y]))


def sigmoid(z):
    return 1 / (1 + exp(-z))


def sigmoid_focal(z, q, *, alpha=0.25, gamma=2.0):
    """The sum over labels, each there with probability `q`."""
    p = sigmoid(z)
    a = exact(np.broadcast_to(0.5 if alpha is None else alpha, z.shape))
    there, absent = a * (1 - p) ** mpf(gamma), (1 - a) * p ** mpf(gamma)
    total = -(q * there * log(p) + (1 - q) * absent * log(1 - p)).sum()
    return 2 * total if alpha is None else total


def asymmetric(z, q, *, gamma_pos=0.0, gamma_neg=4.0, margin=0.05):
    """The sum over labels, each there with probability `q`."""
    p = sigmoid(z)
    shifted = relu(p - mpf(margin))
    there = (1 - p) ** mpf(gamma_pos) * log(p)
    absent = shifted ** mpf(gamma_neg) * log(1 - shifted)
    return -(q * there + (1 - q) * absent).sum()


def logit_adjusted(z, q, prior, *, temperature=1.0):
    return cross_entropy(z + mpf(temperature) * log(prior / prior.sum()), q)


def entropic_transport(rows, columns, cost, epsilon):
    """Least <P, C> + epsilon KL(P | rows x columns) over plans with these marginals.

    Scaled in float64, then by Newton's steps, until both marginals fit to the last
    digit. A class without mass has no row in the plan.
    """
    some, any_ = np.flatnonzero(rows > 0), np.flatnonzero(columns > 0)
    # The heaviest column last: its scaling stays, which those of next to no mass
    # could not do without making the equations of all others nearly dependent.
    any_ = any_[np.argsort(columns[any_].astype(float), kind="stable")]
    rows, columns, cost = rows[some], columns[any_], cost[np.ix_(some, any_)]
    kernel = rows[:, None] * columns * exp(-cost / mpf(epsilon))
    roughly, v = kernel.astype(float), np.ones(len(columns))
    for _ in range(100):
        u = rows.astype(float) / (roughly @ v)
        v = columns.astype(float) / (roughly.T @ u)
    u, v = exact(u), exact(v)
    for _ in range(100):
        plan = u[:, None] * kernel * v
        missing = np.append(rows - plan.sum(1), (columns - plan.sum(0))[:-1])
        if max(abs(missing)) < 100 * mp.eps:
            break
        # One equation follows from the others: the last scaling stays. Each is taken
        # in the unit of its mass, or one of 1e-17 would pass for rounding.
        slope = np.block([[np.diag(plan.sum(1)), plan], [plan.T, np.diag(plan.sum(0))]])
        unit = np.append(rows, columns)[:-1] ** mpf(0.5)
        slope = slope[:-1, :-1] / (unit[:, None] * unit)
        step = mp.lu_solve(mp.matrix(slope.tolist()), mp.matrix(missing / unit))
        step = exp(np.append(np.array(step.T.tolist()[0]) / unit, 0))
        u, v = u * step[: len(u)], v * step[len(u) :]
    divergence = plan * log(plan / (rows[:, None] * columns))
    return (plan * cost).sum() + mpf(epsilon) * divergence.sum()


def sinkhorn(z, q, cost, *, epsilon, debias=True, iterations=50):
    p = softmax(z)
    loss = entropic_transport(q, p, cost, epsilon)
    if debias:
        loss -= entropic_transport(p, p, cost, epsilon) / 2
        loss -= entropic_transport(q, q, cost, epsilon) / 2
    return loss


def generalized_wasserstein_dice(z, q, cost, *, background=0):
    """The loss of a whole batch: here `z` and `q` have a row for each example."""
    cost = cost / cost.max()
    transport = [q_s @ cost @ softmax(z_s) for z_s, q_s in zip(z, q, strict=True)]
    weight = [1 if background is None else q_s @ cost[:, background] for q_s in q]
    kept = sum(w * (1 - t) for w, t in zip(weight, transport, strict=True))
    if 2 * kept + sum(transport) == 0:
        return mpf(0)
    return sum(transport) / (2 * kept + sum(transport))

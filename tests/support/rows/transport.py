"""Rows of the table: losses of transport."""

import numpy as np
from mpmath import mp, mpf

from cases import Loss
from rows.shared import HALVES, NO_NUMBER, A, U
from textbook import exact, exp, log, softmax


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


ROWS = (
    Loss(
        name="sinkhorn_loss",
        textbook=sinkhorn,
        options=(
            {"epsilon": 8.0, "iterations": 30},
            {"epsilon": 8.0, "iterations": 30, "debias": False},
        ),
        required=("epsilon",),
        forms=("probs",),
        by_hand=(
            (HALVES, [0.0, 1, 0, 0], [A], {"epsilon": 0.5, "debias": False}, 1.875),
            (HALVES, [0.5, 0.25, 0.125, 0.125], [U], {"epsilon": 4.0}, 0.0),
        ),
        numbers={"epsilon": 2.0},
        bad_options=(
            *({"epsilon": x} for x in (0.0, -1.0, *NO_NUMBER)),
            {"epsilon": 1.0, "iterations": 0},
        ),
        sharp=("value",),
    ),
    Loss(
        name="generalized_wasserstein_dice_loss",
        textbook=generalized_wasserstein_dice,
        options=({}, {"background": None}, {"background": 1}),
        forms=("labels", "probs"),
        by_hand=(
            # W = 1.875/8 and a = 1/8: TP = 49/512, W = 120/512. Golden.
            ([HALVES], [1], [A], {}, 120 / (98 + 120)),
            ([HALVES], [1], [A], {"background": None}, 120 / (784 + 120)),
            # The second example adds W = 3/8 and a (1 - W) = 1/2 * 5/8.
            ([HALVES, HALVES], [1, 2], [A], {}, (120 + 192) / (98 + 320 + 120 + 192)),
        ),
        bad_options=({"background": 3}, {"background": -1}),
        vanishes=True,
        sharp=("value",),
    ),
)

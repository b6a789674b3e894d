"""Arguments where floating point is hardest, and the textbook's gradient there."""

import numpy as np
from mpmath import mp

from cases import Arguments
from losses import CASES
from textbook import exact

COST = np.array([[0.0, 1, 3], [2, 0, 1], [1, 4, 0]])
LABELLED = [case for case in CASES if case.form in ("labels", "marks")]
REACHED = np.array([0.25, 0.0, 0.75])
EXTREMES = [
    [1e4, -1e4, 0.0],
    [-1e4, 1e4, 1e4],
    [1e4, 1e4, 1e4],
    [80.0, -80, 79.5],
    [-80.0, -80, -80],
    [1e4, 80.0, -1e-4],
    [0.0, 88.8, -104],
]


def extras_for(case):
    options = {"transition": [[0.5, 0.25, 0.25], [0, 1, 0], [0.125, 0.125, 0.75]]}
    options["prior"] = [0.5, 0.375, 0.125]
    options["cost"] = COST
    if case.form == "actions":
        options["cost"] = np.concatenate([COST, np.full((3, 1), 0.5)], -1)
    return tuple(np.array(options[name]) for name in case.takes)


def at(case, logits, label=0):
    """The arguments of this form at given logits of three classes."""
    logits = np.array(logits, float)
    extras = extras_for(case)
    if case.form == "actions" and case.loss.entry.scores == "decisions":
        logits = np.append(logits, -logits[:1])
    if case.form == "vector":
        return Arguments(logits, None, (COST[label],))
    target = np.array(label)
    if case.form == "marks":
        target = np.arange(3) == label
    elif case.form in ("probs", "memberships"):
        target = REACHED
    arguments = Arguments(logits, target, extras)
    if not case.loss.per_sample:
        arguments = arguments._replace(logits=logits[None], target=target[None])
    return arguments


def derivative(case, arguments):
    """The textbook's gradient by central differences in 60 digits."""
    q = np.eye(3)[arguments.target] if case.form == "labels" else 1.0 * arguments.target
    z = exact(arguments.logits)
    extras = [exact(extra) for extra in arguments.extras]

    def loss(x):
        return case.loss.textbook(x, exact(q), *extras, **case.options)

    step = mp.mpf(10) ** -20
    gradient = np.empty(z.shape)
    for i in np.ndindex(*z.shape):
        move = np.full(z.shape, mp.mpf(0))
        move[i] = step
        gradient[i] = float((loss(z + move) - loss(z - move)) / (2 * step))
    return gradient


def on_simplex(probs):
    """Multiples of 1/128 with sums of 1, which both types hold."""
    parts = np.floor(128 * probs) / 128
    likeliest = parts == parts.max(-1, keepdims=True)
    first = likeliest & (likeliest.cumsum(-1) == 1)
    return parts + first * (1 - parts.sum(-1, keepdims=True))


def many(case):
    """64 examples whose distributions both types hold."""
    arguments = case.draw(batch=(64,))
    simplex = case.takes in (("transition",), ("prior",))
    arguments = arguments._replace(
        logits=arguments.logits / 2,
        extras=tuple(on_simplex(x) if simplex else x for x in arguments.extras),
    )
    if case.form == "probs":
        return arguments._replace(target=on_simplex(arguments.target))
    return arguments

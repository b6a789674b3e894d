"""float32 against float64 at two million examples, where sums decide.

At that size 110 digits would take days. But the same loss in float64 was compared with
them at few examples, and a sum of 2e6 numbers of 53 bits is right to 1e-9 of a unit of
float32 in whatever order: so it is the truth here.

One half of the examples are rows of the problem, from easy to saturated, moved by
noise. The other half are one row over and over: equal numbers all round to the same
side, and a sum that adds them one by one is then off the most.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import torch
from torch.func import grad_and_value, jvp

import costfn
import costfn_jax

from ._problems import Array, Problem, generator
from ._runs import firsts, table
from ._tolerance import LIMIT, ROUNDOFF

EXAMPLES = 2_000_000
# Of the steps of a transport; 30 of them would keep 13 GB for the gradient.
SHORT = {"iterations": 1}
# Where errors are sorted, those equal up to rounding may change places, and two
# gradients with them: each alone may be off, so that all are judged by their norm.
BY_NORM = ("lovasz_hinge_loss", "lovasz_softmax_loss")


class Large(NamedTuple):
    """The worst C of value and gradient in one framework."""

    loss: str
    framework: str
    value: float
    gradient: float

    @property
    def passed(self) -> bool:
        """Whether both are within the limits of the other comparisons."""
        return self.value <= LIMIT.value and self.gradient <= LIMIT.gradient


def check(loss: str, examples: int = EXAMPLES, jax_too: bool = True) -> list[Large]:
    """The first problem of a loss, with so many examples."""
    problem = table()[firsts()[loss]][0]
    arguments = grown(problem, examples)
    truth, scale = _truth(problem, arguments)
    backends = {"torch": _of_torch} | ({"jax": _of_jax} if jax_too else {})
    results = []
    for framework, backend in backends.items():
        found = backend(problem, arguments)
        norm = loss in BY_NORM
        c = (
            _worst(x, right, condition, size, norm and right.ndim > 0)
            for x, right, condition, size in zip(
                found, truth[:2], truth[2:], scale, strict=True
            )
        )
        results.append(Large(loss, framework, *c))
    return results


def _worst(
    found: Array, right: Array, condition: Array, scale: float, norm: bool
) -> float:
    """The largest C, or that of the root mean squares."""
    error, size = abs(np.float64(found) - right), abs(right) + condition + scale
    if norm:
        error, size = (np.sqrt((x**2).mean()) for x in (error, size))
    worst = (error / (ROUNDOFF["float32"] * size)).max()
    return float(np.inf if np.isnan(worst) else worst)


def grown(problem: Problem, examples: int) -> dict[str, Array | None]:
    """The arguments of many examples, in float32."""
    rng = generator(problem, "large")
    axes = 1 if problem.batched else 2
    drawn = np.zeros(examples, int)
    of_each = {"logits": problem.logits, "target": problem.target}
    of_each |= {k: v for k, v in problem.extras.items() if k not in problem.shared}
    rows = {
        k: v.reshape(-1, *v.shape[axes:]) for k, v in of_each.items() if v is not None
    }
    count = len(rows["logits"])
    drawn[::2] = rng.integers(count, size=len(drawn[::2]))
    grown: dict[str, Array | None] = {k: v[drawn] for k, v in rows.items()}
    if problem.kind != "values":
        noise = rng.normal(size=grown["logits"].shape)
        noise[1::2] = 0
        grown["logits"] = grown["logits"] + noise
    # The labels of the equal rows must differ, or there would be one class of them.
    if grown["target"] is not None and grown["target"].dtype.kind == "i":
        odd = grown["target"][1::2]
        highest = rows["target"].max() + 1
        grown["target"][1::2] = rng.integers(highest, size=odd.shape)
    shared = {k: v for k, v in problem.extras.items() if k in problem.shared}
    everything = {"target": None} | grown | shared
    return {
        k: v if v is None or v.dtype.kind == "i" else v.astype(np.float32)
        for k, v in everything.items()
    }


def _function(package: Any, problem: Problem) -> Callable[..., Any]:
    """The loss, reduced to its mean where it gives one of each example."""
    options = problem.options | {k: SHORT[k] for k in SHORT if k in problem.options}
    function = getattr(package, problem.name)
    names = list(problem.extras)

    def mean(logits: Any, target: Any, *extras: Any) -> Any:
        found = function(
            logits, target, **dict(zip(names, extras, strict=True)), **options
        )
        return package.reduce(found) if found.ndim else found

    return mean


def _ordered(problem: Problem, arguments: dict[str, Array | None]) -> list[Any]:
    return [arguments[k] for k in ("logits", "target", *problem.extras)]


def _truth(
    problem: Problem, arguments: dict[str, Array | None]
) -> tuple[tuple[Array, ...], tuple[float, ...]]:
    """Value, gradient, the condition of each; and the scale of each."""
    f = _function(costfn, problem)
    z, *others = (
        x
        if x is None
        else torch.tensor(x.astype(np.float64) if x.dtype.kind == "f" else x)
        for x in _ordered(problem, arguments)
    )
    signs = torch.tensor(generator(problem, "signs").choice([-1.0, 1.0], z.shape))

    def slope(z: Any) -> Any:
        return grad_and_value(lambda z: f(z, *others))(z)

    (gradient, value), (moved, _) = jvp(slope, (z,), (z * signs,))
    condition = (z * gradient).abs().sum()
    rest, at_rest = grad_and_value(lambda z: f(z, *others))(
        torch.tensor(
            problem.rest(*(x.numpy() if x is not None else x for x in (z, others[0])))
        )
    )
    floor = 1 / len(z)
    truth = (value, gradient, condition, moved.abs())
    scale = (max(float(at_rest.abs()), floor), max(float(rest.abs().max()), floor))
    return tuple(x.detach().numpy() for x in truth), scale


def _of_torch(
    problem: Problem, arguments: dict[str, Array | None]
) -> tuple[Array, ...]:
    z, *others = (
        x if x is None else torch.tensor(x) for x in _ordered(problem, arguments)
    )
    z.requires_grad_()
    value = _function(costfn, problem)(z, *others)
    value.backward()
    return value.detach().numpy(), z.grad.numpy()


def _of_jax(problem: Problem, arguments: dict[str, Array | None]) -> tuple[Array, ...]:
    z, *others = (
        x if x is None else jnp.asarray(x) for x in _ordered(problem, arguments)
    )
    f = jax.jit(jax.value_and_grad(_function(costfn_jax, problem)))
    value, gradient = f(z, *others)
    assert value.dtype == gradient.dtype == jnp.float32
    return np.asarray(value), np.asarray(gradient)

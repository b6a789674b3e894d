"""Relative accuracy of the numerical primitives where they saturate, in both libraries.

The error of each entry may be `C eps` times the sum of its size and its condition: how
far it moves when the scores move by a relative eps. C is 8 for values, 16 for gradients
and 32 for second derivatives. The bound does not depend on the largest entry.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from mpmath import mp

import costfn._foundation.math as torch_side
import costfn_jax._foundation.math as jax_side
from textbook import exact

POINTS = [-300.0, -120, -100, -88, -40, -17, -1, 0, 0.5, 3, 17, 40, 88, 104, 300]
SCORES = [
    [0.0, 0.0, 0.0],
    [40.0, 0.0, -3.0],
    [-60.0, 30.0, 29.0],
    [-3.0, 80.0, 79.5],
    [20.0, 20.0, -20.0],
]
ELEMENTWISE = {
    "softplus": lambda x: mp.log1p(mp.exp(x)),
    "log_sigmoid": lambda x: -mp.log1p(mp.exp(-x)),
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
}
BOUND = (8, 16, 32)


def of_torch(function, points, dtype, order):
    points = torch.tensor(points, dtype=getattr(torch, dtype))
    ways = (lambda f: f, torch.func.grad, torch.func.hessian)[: order + 1]
    return [torch.func.vmap(way(function))(points).double().numpy() for way in ways]


def of_jax(function, points, dtype, order):
    points = jnp.array(points, dtype)
    ways = (lambda f: f, jax.grad, jax.hessian)[: order + 1]
    return [np.asarray(jax.vmap(way(function))(points), np.float64) for way in ways]


SIDES = {"torch": (torch_side, of_torch), "jax": (jax_side, of_jax)}


def assert_sharp(found, true, condition, dtype):
    info = np.finfo(dtype)
    rows = zip(found, true, condition, BOUND[: len(found)], strict=True)
    for got, expected, moved, bound in rows:
        expected = np.array(expected, dtype=object)
        error = np.abs(got.astype(object) - expected)
        size = np.abs(expected) + np.array(moved, dtype=object)
        # On the CPU, JAX flushes numbers below the smallest normal one to 0.
        allowed = bound * float(info.eps) / 2 * size + 2 * float(info.tiny)
        assert np.all(error <= allowed), (got, expected)


@pytest.fixture(autouse=True)
def digits():
    with mp.workdps(300):
        yield


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("side", SIDES)
def test_elementwise_primitives_are_sharp(side, name, dtype):
    module, derivatives = SIDES[side]
    found = derivatives(getattr(module, name), POINTS, dtype, 2)
    for i, x in enumerate(POINTS):
        true = mp.taylor(ELEMENTWISE[name], mp.mpf(x), 2)
        true[2] *= 2
        assert_sharp([y[i] for y in found], true, (0, 0, 0), dtype)


def log_odds(z, label=0):
    others = sum(mp.exp(x) for i, x in enumerate(z) if i != label)
    return z[label] - mp.log(others)


def differences(function, z):
    """Value, gradient and their conditions, from differences in 300 digits."""
    h, z = mp.mpf(10) ** -70, exact(np.array(z))
    steps = np.eye(len(z), dtype=int) * h

    def slopes(f):
        return lambda z: [(f(z + e) - f(z - e)) / (2 * h) for e in steps]

    gradient = slopes(function)
    of_value = sum(abs(g * x) for g, x in zip(gradient(z), z, strict=True))
    of_entries = [
        sum(abs(g * x) for g, x in zip(slopes(entry)(z), z, strict=True))
        for entry in (lambda z, i=i: gradient(z)[i] for i in range(len(z)))
    ]
    return (function(z), gradient(z)), (of_value, of_entries)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("side", SIDES)
def test_log_odds_are_sharp(side, dtype):
    module, derivatives = SIDES[side]
    label = torch.tensor(0) if side == "torch" else jnp.array(0)
    found = derivatives(lambda z: module.log_odds(z, label), SCORES, dtype, 1)
    for i, z in enumerate(SCORES):
        assert_sharp([y[i] for y in found], *differences(log_odds, z), dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("k", range(3))
@pytest.mark.parametrize("side", SIDES)
def test_log_complements_are_sharp(side, k, dtype):
    module, derivatives = SIDES[side]
    found = derivatives(lambda z: module.log_complement(z)[k], SCORES, dtype, 1)
    for i, z in enumerate(SCORES):
        true = differences(lambda x: -mp.log1p(mp.exp(log_odds(x, k))), z)
        assert_sharp([y[i] for y in found], *true, dtype)

"""Predictions and targets of the third set."""

import torch


def _generator(seed):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=_generator(seed))


def uniform(*shape, seed=0):
    return torch.rand(*shape, generator=_generator(seed))


def integer(high, *shape, seed=0):
    return torch.randint(high, shape, generator=_generator(seed))


def boxes(n, seed=0):
    corner = uniform(n, 2, seed=seed) * 50
    return torch.cat([corner, corner + 5 + uniform(n, 2, seed=seed + 1) * 40], 1)


def missing(seed=0):
    target = normal(16, 4, seed=seed + 1)
    target[uniform(16, 4, seed=seed + 2) < 0.3] = float("nan")
    return target


def normals(*shape):
    def ex(seed=0):
        return normal(*shape, seed=seed), normal(*shape, seed=seed + 1)

    return ex


def uniforms(*shape):
    def ex(seed=0):
        return uniform(*shape, seed=seed), uniform(*shape, seed=seed + 1)

    return ex


def classes(n, c):
    def ex(seed=0):
        return normal(n, c, seed=seed), integer(c, n, seed=seed)

    return ex


def binary(*shape):
    def ex(seed=0):
        return normal(*shape, seed=seed), integer(2, *shape, seed=seed).float()

    return ex

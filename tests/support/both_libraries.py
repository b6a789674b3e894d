"""The same call in torch and in JAX: its arguments, its function and its words."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import torch


def to_torch(x):
    return torch.tensor(x) if isinstance(x, np.ndarray) else x


def to_jax(x):
    return jnp.asarray(x) if isinstance(x, np.ndarray) else x


def in_jax(x):
    return None if x is None else jnp.asarray(x.numpy())


def as_torch(x):
    return torch.tensor(jax.device_get(x), dtype=torch.float64)


def convert(x, dtype):
    if x is None:
        return None
    real = jnp.issubdtype(x.dtype, jnp.floating)
    return jnp.asarray(x, dtype if real else None)


def function(package, name):
    found = package
    for part in name.split("."):
        found = getattr(found, part)
    return found


def called(package, name, arguments, options, convert):
    def change(x):
        return convert(x) if isinstance(x, np.ndarray) else x

    return function(package, name)(
        *map(change, arguments), **{k: change(v) for k, v in options.items()}
    )


def one_language(words):
    """The message with the names of the two frameworks made one."""
    words = words.replace("a jax.Array", "a tensor").replace("costfn_jax", "costfn")
    words = words.replace("target.astype(int)", "target.long()")
    words = words.replace("jnp.asarray", "as_tensor")
    words = re.sub(r"\b(ArrayImpl|Tensor)\b", "array", words)
    return words.replace("torch.", "")

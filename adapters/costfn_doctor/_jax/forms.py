"""What a loss of JAX takes and returns, in all the forms that this may have."""

import contextlib
import inspect
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._method.source import home_of
from .._method.subject import SCALAR


def is_array(value: Any) -> bool:
    """Whether a value is an array of NumPy or JAX."""
    return isinstance(value, (np.ndarray, jax.Array))


def without_log(result: Any) -> Any:
    """The loss alone, if the result is a loss and a dictionary for the log."""
    pair = isinstance(result, tuple) and len(result) == 2
    return result[0] if pair and isinstance(result[1], dict) else result


def returned(result: Any) -> tuple[str, tuple[int, ...]]:
    """What a loss returned, in words, and its shape."""
    if isinstance(result, (list, tuple, dict)):
        return f"a {type(result).__name__}", ()
    shape = jnp.shape(result)
    return SCALAR if shape == () else f"an array of shape {shape}", shape


def home(loss: Any) -> str | None:
    """Folder of the package that defines a loss, if it has a file."""
    with contextlib.suppress(TypeError, OSError):
        return home_of(inspect.getsourcefile(inspect.unwrap(loss)))
    return None

"""Array-likes as JAX arrays, where no gradient is involved."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray


@runtime_checkable
class SupportsArray(Protocol):
    """What NumPy can read: arrays, data frames and series, tensors of any library."""

    def __array__(self) -> Any:
        """The values as a NumPy array."""


ArrayLike = SupportsArray | Sequence[Any]

# NumPy's letters for booleans, integers, floating-point and complex numbers. Each
# argument has its own check of which of these it may hold.
_NUMBERS = "biufc"


def as_array(name: str, value: object) -> Array:
    """The values as a JAX array: an array as it is, anything else copied.

    In the dtype of an array if JAX has that enabled; Python's numbers in JAX's default.
    """
    if isinstance(value, Array):
        return value
    if isinstance(value, list | tuple) and _any_array(value):
        return _stacked(name, value)
    array = as_numpy(name, value)
    plain = array.dtype == np.float64 and _is_plain(value)
    found = jnp.array(array, dtype=jnp.result_type(float) if plain else None)
    if array.dtype.kind in "iu" and not np.array_equal(np.asarray(found), array):
        raise ValueError(
            f"{name} must fit JAX's integers, {found.dtype} here, got values from "
            f"{array.min()} to {array.max()}"
        )
    return found


def as_arrays(**arguments: object) -> list[Any]:
    """Arguments as JAX arrays, each by its name; None stays."""
    return [
        None if value is None else as_array(name, value)
        for name, value in arguments.items()
    ]


def as_numpy(name: str, value: object) -> NDArray[Any]:
    """The values of an array-like as a NumPy array of numbers, or the reason why not.

    In C order, native bytes and a dtype that JAX has too.
    """
    if not isinstance(value, SupportsArray | list | tuple | bool | int | float):
        raise TypeError(
            f"{name} must be a jax.Array or array-like (a NumPy array, list or data "
            f"frame), got {type(value).__name__}"
        )
    if np.ma.is_masked(value):
        raise ValueError(
            f"{name} must have no masked entries, got a masked array; leave those "
            "examples out, or give them values by .filled(...)"
        )
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        if "inhomogeneous" in str(error):
            raise ValueError(
                f"{name} must be an array of numbers, all rows of one length, got rows "
                "of different lengths"
            ) from error
        raise TypeError(
            f"{name} must be readable as a NumPy array, got "
            f"{type(value).__name__}: {error}"
        ) from error
    if array.dtype.kind not in _NUMBERS and array.dtype.name != "bfloat16":
        raise TypeError(f"{name} must hold numbers, got {_described(array)}")
    # Neither library has extended precision.
    wide = np.float64 if array.dtype == np.longdouble else array.dtype.newbyteorder("=")
    return np.ascontiguousarray(array, dtype=wide).reshape(array.shape)


def _described(array: NDArray[Any]) -> str:
    kinds = {type(x).__name__ for x in array.reshape(-1).tolist()}
    if array.dtype.kind in "US" or "str" in kinds:
        return "text; number the classes 0, 1, ... first"
    if array.dtype.kind != "O":
        return f"{array.dtype}"
    listed = ", ".join(sorted(kinds)[:3])
    return f"entries of type {listed}; .astype(float) may help"


def _is_plain(value: object) -> bool:
    """Whether these are Python numbers, which have no dtype."""
    if isinstance(value, list | tuple):
        return all(_is_plain(entry) for entry in value)
    return type(value) in (bool, int, float)


def _any_array(value: object) -> bool:
    if isinstance(value, list | tuple):
        return any(_any_array(entry) for entry in value)
    return isinstance(value, Array)


def _stacked(name: str, value: Sequence[object]) -> Array:
    parts = [as_array(name, entry) for entry in value]
    shapes = {part.shape for part in parts}
    if len(shapes) > 1:
        raise ValueError(
            f"{name} must be an array of numbers, all rows of one length, got rows of "
            f"shapes {', '.join(map(str, sorted(shapes)))}"
        )
    dtype = jnp.result_type(*parts)
    return jnp.stack([part.astype(dtype) for part in parts])

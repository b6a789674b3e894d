"""Array-likes as tensors, where no gradient is involved.

NumPy arrays, data frames and series, JAX arrays, and lists or tuples of numbers, nested
as the shape is. What NumPy would convert wrongly without an error is refused: text,
entries of other types, rows of different lengths, missing values.
"""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@runtime_checkable
class SupportsArray(Protocol):
    """What NumPy can read: arrays, data frames and series, tensors of any library."""

    def __array__(self) -> Any:
        """The values as a NumPy array."""


ArrayLike = SupportsArray | Sequence[Any]

# NumPy's letters for booleans, integers, floating-point and complex numbers. Each
# argument has its own check of which of these it may hold.
_NUMBERS = "biufc"


def as_tensor(
    name: str,
    value: object,
    *,
    floats: torch.dtype | None = None,
    device: torch.device | None = None,
) -> Tensor:
    """The values as a tensor: a tensor as it is, anything else copied.

    Args:
        name: Of the argument, for errors.
        value: A tensor or an array-like. Arrays keep their dtype.
        floats: Dtype of Python's own floats, by default torch's default one.
        device: Device of a new tensor; by default as torch chooses.

    Returns:
        The tensor, of numbers or booleans.

    Raises:
        TypeError: If `value` is no array of numbers.
        ValueError: If its rows differ in length, or entries are masked out.
    """
    if isinstance(value, Tensor):
        return value
    if isinstance(value, list | tuple) and _any_tensor(value):
        return _stacked(name, value, floats, device)
    array = as_numpy(name, value)
    wanted = None
    if array.dtype == np.float64 and _is_plain(value):
        wanted = floats or torch.get_default_dtype()
    elif array.dtype.name == "bfloat16":
        # JAX's own dtype for NumPy, which torch cannot read.
        array, wanted = array.astype(np.float32), torch.bfloat16
    return torch.tensor(array, dtype=wanted, device=device)


def as_tensors(floats: torch.dtype | None = None, **arguments: object) -> list[Any]:
    """Arguments as tensors, each by its name; None stays None.

    New tensors go to the device of the first argument that is a tensor.
    """
    devices = [x.device for x in arguments.values() if isinstance(x, Tensor)]
    device = devices[0] if devices else None
    return [
        None if value is None else as_tensor(name, value, floats=floats, device=device)
        for name, value in arguments.items()
    ]


def as_numpy(name: str, value: object) -> NDArray[Any]:
    """The values of an array-like as a NumPy array, or an error with the reason.

    In C order, native byte order and a dtype that torch and JAX have too.
    """
    if not isinstance(value, SupportsArray | list | tuple | bool | int | float):
        raise TypeError(
            f"{name} must be a tensor or array-like (a NumPy array, list or data "
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


def _any_tensor(value: object) -> bool:
    if isinstance(value, list | tuple):
        return any(_any_tensor(entry) for entry in value)
    return isinstance(value, Tensor)


def _stacked(
    name: str,
    value: Sequence[object],
    floats: torch.dtype | None,
    device: torch.device | None,
) -> Tensor:
    parts = [as_tensor(name, entry, floats=floats, device=device) for entry in value]
    shapes = {tuple(part.shape) for part in parts}
    if len(shapes) > 1:
        raise ValueError(
            f"{name} must be an array of numbers, all rows of one length, got rows of "
            f"shapes {', '.join(map(str, sorted(shapes)))}"
        )
    dtype = parts[0].dtype
    for part in parts[1:]:
        dtype = torch.promote_types(dtype, part.dtype)
    return torch.stack([part.to(dtype) for part in parts])

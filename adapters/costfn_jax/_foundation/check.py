"""The checks of `costfn._foundation.check`, in its words, for JAX.

Values are checked where they can be seen: outside `jit`, `vmap` and the like, on the
CPU. Elsewhere the losses turn bad ones into NaN.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray


def readable_values(values: Array) -> NDArray[Any] | None:
    """The values as NumPy, if they may be read now, or None."""
    if isinstance(values, jax.core.Tracer) or not values.size:
        return None
    devices = values.devices()
    if len(devices) > 1 or next(iter(devices)).platform != "cpu":
        return None
    # NumPy, since JAX would stage its operations on constants too while it traces.
    return np.asarray(values)


def kept(
    values: Array, where: Array | None, filler: float | int
) -> NDArray[Any] | None:
    """As `readable_values`, with a harmless number where a mask leaves values out."""
    seen = readable_values(values)
    if where is None or seen is None:
        return seen
    keep = readable_values(where)
    if keep is None:
        return None
    return np.where(keep, seen, np.asarray(filler, seen.dtype))


def array(name: str, value: object) -> None:
    """Checks that `value` is a JAX array."""
    if not isinstance(value, Array):
        advice = f"; jnp.asarray({name}) makes one" if _is_array(value) else ""
        raise TypeError(
            f"{name} must be a jax.Array, got {type(value).__name__}{advice}"
        )


def _is_array(value: object) -> bool:
    return isinstance(value, list | tuple) or hasattr(value, "__array__")


def floating_point(name: str, value: Array) -> None:
    """Checks an array of one of the types that the losses compute in."""
    array(name, value)
    if not jnp.issubdtype(value.dtype, jnp.floating):
        raise TypeError(f"{name} must be floating point, got {value.dtype}")
    if value.dtype not in (jnp.float16, jnp.bfloat16, jnp.float32, jnp.float64):
        raise TypeError(
            f"{name} must be float16, bfloat16, float32 or float64, got {value.dtype}"
        )


def scores(name: str, value: Array) -> None:
    """Checks floating-point values over two or more classes in the last axis."""
    floating_point(name, value)
    if value.ndim == 0 or value.shape[-1] < 2:
        raise ValueError(
            f"{name} must end in an axis of 2 or more classes, got shape {value.shape}"
        )


def target(
    value: Array, batch: Sequence[int], classes: int, where: Array | None = None
) -> None:
    """Checks integer labels of shape `batch`, or probabilities `(*batch, classes)`.

    Only where `where` keeps them.
    """
    array("target", value)
    batch = tuple(batch)
    if jnp.issubdtype(value.dtype, jnp.floating):
        if value.shape == batch:
            raise TypeError(
                f"target must be integer labels of shape {batch} or class probabilities"
                f" of shape {(*batch, classes)}, got {value.dtype} of shape {batch};"
                " labels stored as floats become labels by target.astype(int)"
            )
        probs("target", value, (*batch, classes), where)
        return
    labels("target", value, batch, classes, where)


def labels(
    name: str,
    value: Array,
    batch: Sequence[int],
    classes: int,
    where: Array | None = None,
) -> None:
    """Checks class indices: an integer dtype, the shape `batch`, `[0, classes)`."""
    array(name, value)
    if not jnp.issubdtype(value.dtype, jnp.integer):
        raise TypeError(f"{name} must be integer labels, got {value.dtype}")
    same_shape(name, value, batch)
    seen = kept(value, where, 0)
    if seen is None:
        return
    low, high = int(seen.min()), int(seen.max())
    if low < 0 or high >= classes:
        raise ValueError(
            f"{name} must be labels in [0, {classes}), got values from {low} to {high};"
            " to leave examples out mask them: where= of batch losses, ignore_index= of"
            " modules; for losses per example give them any valid label and mask with"
            " costfn_jax.reduce(..., where=...)"
        )


def label_sets(value: Array, shape: Sequence[int], where: Array | None) -> None:
    """Checks 0, 1 or a probability for each label, of the shape of the decisions."""
    array("target", value)
    if jnp.iscomplexobj(value):
        raise TypeError(f"target must be 0, 1 or probabilities, got {value.dtype}")
    if value.shape != tuple(shape):
        raise ValueError(
            f"target must have the shape {tuple(shape)} of the decisions, "
            f"got {value.shape}"
        )
    seen = kept(value, where, 0)
    if seen is None:
        return
    # NaN first: NumPy warns where it compares one in bfloat16.
    if np.isnan(seen).any() or not ((seen >= 0) & (seen <= 1)).all():
        raise ValueError(
            "target must be 0, 1 or a probability for each label, got values from "
            f"{seen.min().item()} to {seen.max().item()}; to leave examples out mask "
            "them: where= of functions, ignore_index= of modules"
        )


def memberships(value: Array) -> None:
    """Checks soft decisions: in [0, 1] up to rounding. NaN passes, and goes on."""
    seen = readable_values(value)
    if seen is None:
        return
    # In place of NaN: NumPy warns where it compares one in half precision.
    outside = are_outside(np.where(np.isnan(seen), np.zeros((), seen.dtype), seen))
    if outside.any():
        raise ValueError(
            "decisions must be memberships in [0, 1], got a value of "
            f"{seen[outside][0].item():.6g}; a function of costfn_jax.relaxations "
            "makes memberships of logits"
        )


def are_outside(decisions: Any) -> Any:
    """Which decisions are no memberships, up to rounding; NaN is none of them."""
    return (decisions < -1e-3) | (decisions > 1 + 1e-3)


def probs(
    name: str,
    value: Array,
    shape: Sequence[int] | None = None,
    where: Array | None = None,
) -> None:
    """Checks rows of probabilities: of a given shape, none negative, each of sum 1."""
    scores(name, value)
    if shape is not None and value.shape != tuple(shape):
        raise ValueError(
            f"{name} must have the shape {tuple(shape)}, one probability per class, "
            f"got {value.shape}"
        )
    each = None if where is None else where[..., None]
    seen = kept(value, each, 1 / value.shape[-1])
    if seen is None:
        return
    wrong = ~are_probs(seen)
    if wrong.any():
        row = seen[wrong][0]
        shown = [round(x, 4) for x in row[:6].tolist()]
        raise ValueError(
            f"{name} must be class probabilities, rows of sum 1 and nothing negative, "
            f"got a row {shown}{' ...' if len(row) > 6 else ''} "
            f"of sum {row.sum().item():.4g}. "
            "Logits? Take their softmax. Rows of a cost matrix? As soft targets they "
            "train the costliest class: pass labels and the matrix to a cost loss, or "
            "costfn_jax.soft_targets(cost, temperature=...)"
        )


def are_probs(rows: Any) -> Any:
    """Which rows are probabilities, `(*batch,)`, up to the rounding of their dtype."""
    tolerance = max(1e-3, 4 * float(jnp.finfo(rows.dtype).eps))
    wide = rows if rows.dtype.itemsize >= 4 else rows.astype(jnp.float32)
    return (abs(wide.sum(-1) - 1) <= tolerance) & (wide.min(-1) >= -tolerance)


def numbers(name: str, value: Array) -> None:
    """Checks an array of real numbers, integers included."""
    array(name, value)
    if value.dtype == bool or jnp.iscomplexobj(value):
        raise TypeError(f"{name} must hold real numbers, got {value.dtype}")


def weights(
    name: str, value: Array, shape: Sequence[int], where: Array | None = None
) -> None:
    """Checks one weight per example, finite and at least 0 where it is kept."""
    numbers(name, value)
    same_shape(name, value, shape)
    seen = kept(value, where, 0)
    # NaN first: NumPy warns where it compares one in bfloat16.
    if seen is not None and not (np.isfinite(seen).all() and (seen >= 0).all()):
        raise ValueError(
            f"{name} must be at least 0 and finite, got values from "
            f"{seen.min().item():.6g} to {seen.max().item():.6g}"
        )


def mask(value: Array, shape: Sequence[int]) -> None:
    """Checks which examples to keep."""
    array("where", value)
    if value.dtype != bool:
        raise TypeError(f"where must be boolean, got {value.dtype}")
    same_shape("where", value, shape)


def same_shape(name: str, value: Array, shape: Sequence[int]) -> None:
    """Checks one entry per example."""
    if value.shape != tuple(shape):
        raise ValueError(
            f"{name} must have the shape {tuple(shape)} of the examples, "
            f"got {value.shape}"
        )


def classes(chosen: Sequence[int], number: int) -> NDArray[np.int32]:
    """Checks a choice of classes, and gives it as an index."""
    if isinstance(chosen, str) or not isinstance(chosen, Sequence | Array | np.ndarray):
        raise TypeError(
            f"classes must be a list of class indices, got {type(chosen).__name__}"
        )
    plain = chosen.tolist() if isinstance(chosen, Array | np.ndarray) else chosen
    listed = [k.item() if isinstance(k, Array | np.generic) else k for k in plain]
    if any(isinstance(k, bool | str) for k in listed):
        raise TypeError(f"classes must be a list of class indices, got {listed}")
    # A float that is whole serves, which NaN and a list are not.
    good = all(k in range(number) for k in listed)
    if not listed or not good or len(set(listed)) < len(listed):
        raise ValueError(
            f"classes must be different class indices in [0, {number}), at least one, "
            f"got {listed}"
        )
    return np.array([int(k) for k in listed], np.int32)


def one_of(name: str, value: object, choices: Sequence[object]) -> None:
    """Checks an option that is one of a few words or numbers."""
    if value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"{name} must be one of {listed}, got {value!r}")

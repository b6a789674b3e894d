"""Checks of arguments, and the words in which they fail.

Shapes, dtypes and Python numbers are always checked. Values of tensors are checked
where that needs no wait for a device: on the CPU, outside `torch.compile`, but inside
`vmap` and `grad` too. Where values cannot be seen the losses turn bad ones into NaN.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import get_proxy_mode


def readable_values(values: Tensor) -> Tensor | None:
    """The plain tensor whose values may be read now, or None."""
    # Under a proxy mode (`make_fx`, `torch.func.linearize`) reading would be traced.
    if torch.compiler.is_compiling() or get_proxy_mode() is not None:
        return None
    plain = torch.func.debug_unwrap(values, recurse=True)
    # An exact type: fake tensors and other subclasses have no values to read.
    if type(plain) not in (Tensor, torch.nn.Parameter) or plain.device.type != "cpu":
        return None
    return plain.detach() if plain.numel() else None


def tensor(name: str, value: object) -> None:
    """Checks that `value` is a tensor."""
    if not isinstance(value, Tensor):
        advice = f"; torch.as_tensor({name}) makes one" if _is_array(value) else ""
        raise TypeError(f"{name} must be a tensor, got {type(value).__name__}{advice}")


def _is_array(value: object) -> bool:
    return isinstance(value, list | tuple) or hasattr(value, "__array__")


def floating_point(name: str, value: Tensor) -> None:
    """Checks a tensor of one of the types that the losses compute in."""
    tensor(name, value)
    if not value.is_floating_point():
        raise TypeError(f"{name} must be floating point, got {value.dtype}")
    if value.dtype not in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        raise TypeError(
            f"{name} must be float16, bfloat16, float32 or float64, got {value.dtype}"
        )


def scores(name: str, value: Tensor) -> None:
    """Checks floating-point values over two or more classes in the last axis."""
    floating_point(name, value)
    if value.ndim == 0 or value.shape[-1] < 2:
        raise ValueError(
            f"{name} must end in an axis of 2 or more classes, "
            f"got shape {tuple(value.shape)}"
        )


def target(
    value: Tensor, batch: Sequence[int], classes: int, where: Tensor | None = None
) -> None:
    """Checks integer labels of shape `batch`, or probabilities `(*batch, classes)`.

    Only where `where` keeps them.
    """
    tensor("target", value)
    batch = tuple(batch)
    if value.is_floating_point():
        if value.shape == batch:
            raise TypeError(
                f"target must be integer labels of shape {batch} or class probabilities"
                f" of shape {(*batch, classes)}, got {value.dtype} of shape {batch};"
                " labels stored as floats become labels by target.long()"
            )
        probs("target", value, (*batch, classes), where)
        return
    labels("target", value, batch, classes, where)


def labels(
    name: str,
    value: Tensor,
    batch: Sequence[int],
    classes: int,
    where: Tensor | None = None,
) -> None:
    """Checks class indices: an integer dtype, the shape `batch`, `[0, classes)`."""
    tensor(name, value)
    if value.dtype == torch.bool or value.is_complex() or value.is_floating_point():
        raise TypeError(f"{name} must be integer labels, got {value.dtype}")
    same_shape(name, value, batch)
    wide = as_int64(value)
    seen = readable_values(wide if where is None else wide.masked_fill(~where, 0))
    if seen is None:
        return
    low, high = (int(bound) for bound in torch.aminmax(seen))
    if low < 0 or high >= classes:
        raise ValueError(
            f"{name} must be labels in [0, {classes}), got values from {low} to {high};"
            " to leave examples out mask them: where= of batch losses, ignore_index= of"
            " modules; for losses per example give them any valid label and mask with"
            " costfn.reduce(..., where=...)"
        )


def as_int64(value: Tensor) -> Tensor:
    """Integers as int64: torch cannot mask or compare the wider unsigned types."""
    return value if value.is_floating_point() else value.long()


def label_sets(value: Tensor, shape: Sequence[int], where: Tensor | None) -> None:
    """Checks 0, 1 or a probability for each label, of the shape of the decisions."""
    tensor("target", value)
    if value.is_complex():
        raise TypeError(f"target must be 0, 1 or probabilities, got {value.dtype}")
    if value.shape != tuple(shape):
        raise ValueError(
            f"target must have the shape {tuple(shape)} of the decisions, "
            f"got {tuple(value.shape)}"
        )
    wide = as_int64(value)
    seen = readable_values(wide if where is None else wide.masked_fill(~where, 0))
    if seen is not None and not ((seen >= 0) & (seen <= 1)).all():
        raise ValueError(
            "target must be 0, 1 or a probability for each label, got values from "
            f"{seen.min().item()} to {seen.max().item()}; to leave examples out mask "
            "them: where= of functions, ignore_index= of modules"
        )


def memberships(value: Tensor) -> None:
    """Checks soft decisions: in [0, 1] up to rounding. NaN passes, and goes on."""
    seen = readable_values(value)
    if seen is not None and (outside := are_outside(seen)).any():
        raise ValueError(
            "decisions must be memberships in [0, 1], got a value of "
            f"{seen[outside][0].item():.6g}; a function of costfn.relaxations makes "
            "memberships of logits"
        )


def are_outside(decisions: Tensor) -> Tensor:
    """Which decisions are no memberships, up to rounding; NaN is none of them."""
    return (decisions < -1e-3) | (decisions > 1 + 1e-3)


def probs(
    name: str,
    value: Tensor,
    shape: Sequence[int] | None = None,
    where: Tensor | None = None,
) -> None:
    """Checks rows of probabilities: of a given shape, none negative, each of sum 1."""
    scores(name, value)
    if shape is not None and value.shape != tuple(shape):
        raise ValueError(
            f"{name} must have the shape {tuple(shape)}, one probability per class, "
            f"got {tuple(value.shape)}"
        )
    if where is not None:
        value = value.masked_fill(~where.unsqueeze(-1), 1 / value.shape[-1])
    seen = readable_values(value)
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
            "costfn.soft_targets(cost, temperature=...)"
        )


def are_probs(rows: Tensor) -> Tensor:
    """Which rows are probabilities, `(*batch,)`, up to the rounding of their dtype."""
    tolerance = max(1e-3, 4 * torch.finfo(rows.dtype).eps)
    wide = rows if rows.dtype == torch.float64 else rows.float()
    return ((wide.sum(-1) - 1).abs() <= tolerance) & (wide.amin(-1) >= -tolerance)


def numbers(name: str, value: Tensor) -> None:
    """Checks a tensor of real numbers, integers included."""
    tensor(name, value)
    if value.dtype == torch.bool or value.is_complex():
        raise TypeError(f"{name} must hold real numbers, got {value.dtype}")


def weights(
    name: str, value: Tensor, shape: Sequence[int], where: Tensor | None = None
) -> None:
    """Checks one weight per example, finite and at least 0 where it is kept."""
    numbers(name, value)
    same_shape(name, value, shape)
    seen = readable_values(value if where is None else value.masked_fill(~where, 0))
    if seen is not None and not (seen.isfinite() & (seen >= 0)).all():
        raise ValueError(
            f"{name} must be at least 0 and finite, got values from "
            f"{seen.min().item():.6g} to {seen.max().item():.6g}"
        )


def mask(value: Tensor, shape: Sequence[int]) -> None:
    """Checks which examples to keep."""
    tensor("where", value)
    if value.dtype != torch.bool:
        raise TypeError(f"where must be boolean, got {value.dtype}")
    same_shape("where", value, shape)


def same_shape(name: str, value: Tensor, shape: Sequence[int]) -> None:
    """Checks one entry per example."""
    if value.shape != tuple(shape):
        raise ValueError(
            f"{name} must have the shape {tuple(shape)} of the examples, "
            f"got {tuple(value.shape)}"
        )


def classes(chosen: Sequence[int], number: int, device: torch.device) -> Tensor:
    """Checks a choice of classes, and gives it as an index."""
    if isinstance(chosen, str) or not isinstance(
        chosen, Sequence | Tensor | np.ndarray
    ):
        raise TypeError(
            f"classes must be a list of class indices, got {type(chosen).__name__}"
        )
    plain = chosen.tolist() if isinstance(chosen, Tensor | np.ndarray) else chosen
    listed = [k.item() if isinstance(k, Tensor | np.generic) else k for k in plain]
    if any(isinstance(k, bool | str) for k in listed):
        raise TypeError(f"classes must be a list of class indices, got {listed}")
    # A float that is whole serves, which NaN and a list are not.
    good = all(k in range(number) for k in listed)
    if not listed or not good or len(set(listed)) < len(listed):
        raise ValueError(
            f"classes must be different class indices in [0, {number}), at least one, "
            f"got {listed}"
        )
    return torch.tensor([int(k) for k in listed], device=device)


def one_of(name: str, value: object, choices: Sequence[object]) -> None:
    """Checks an option that is one of a few words or numbers."""
    if value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"{name} must be one of {listed}, got {value!r}")

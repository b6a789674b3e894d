"""Options that are one number, of Python or NumPy, or a tensor, perhaps learned."""

from collections.abc import Callable
from math import inf, nan
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from . import check


class Rule(NamedTuple):
    """A range of numbers, and its words in an error."""

    words: str
    holds: Callable[[Any], Any]


FINITE = Rule("finite", lambda x: (-inf < x) & (x < inf))
AT_LEAST_ZERO = Rule("at least 0 and finite", lambda x: (x >= 0) & (x < inf))
ABOVE_ZERO = Rule("above 0 and finite", lambda x: (x > 0) & (x < inf))
BELOW_ONE = Rule("in (0, 1)", lambda x: (x > 0) & (x < 1))
BELOW_HALF = Rule("in (0, 1/2)", lambda x: (x > 0) & (x < 0.5))


def number(name: str, value: object, rule: Rule) -> float | Tensor:
    """Checks an option that is one number, and gives a float or a scalar tensor.

    A tensor of one element, of any shape, is such a number: `nn.Parameter` of shape
    `(1,)` is the usual learned scalar. If the value cannot be read, one out of range
    becomes NaN.
    """
    if isinstance(value, Tensor):
        return _scalar(name, value, rule)
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(
            f"{name} must be a number or a tensor of one element, got "
            f"{type(value).__name__}"
        )
    found = float(value)
    if not rule.holds(found):
        raise ValueError(f"{name} must be {rule.words}, got {value}")
    return found


def number_per_class(
    name: str, value: object, rule: Rule, classes: int | None = None
) -> float | Tensor:
    """Checks an option of scores: one number, or a tensor with one for each class."""
    if isinstance(value, Tensor) and value.ndim == 1 and value.numel() > 1:
        check.numbers(name, value)
        if classes is not None and len(value) != classes:
            raise ValueError(
                f"{name} must be one number, or one for each of {classes} classes, got "
                f"a tensor of shape {tuple(value.shape)}"
            )
        return _in_range(name, value, rule)
    return number(name, value, rule)


def _scalar(name: str, value: Tensor, rule: Rule) -> Tensor:
    if value.dtype == torch.bool or value.is_complex():
        raise TypeError(f"{name} must be a real number, got a tensor of {value.dtype}")
    if value.numel() != 1:
        raise ValueError(
            f"{name} must be one number, got a tensor of shape {tuple(value.shape)}"
        )
    return _in_range(name, value.reshape(()), rule)


def _in_range(name: str, value: Tensor, rule: Rule) -> Tensor:
    found = value
    if not found.is_floating_point():
        found = found.to(torch.get_default_dtype())
    seen = check.readable_values(found)
    if seen is None:
        return torch.where(rule.holds(found), found, nan)
    # Under vmap the values of the whole batch are read.
    outside = ~torch.as_tensor(rule.holds(seen))
    if outside.any():
        wrong = seen[outside].reshape(-1)[0].item()
        raise ValueError(f"{name} must be {rule.words}, got {wrong:.6g}")
    return found

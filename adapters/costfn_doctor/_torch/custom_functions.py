"""Custom autograd Functions, each tested alone against finite differences."""

import contextlib
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from .._method.report import Finding, finding
from .._method.source import Location

STEP = 1e-6
NEAR = 1e-3


def test_functions(
    functions: list[tuple[type[Function], tuple[Any, ...]]],
) -> list[Finding]:
    """Findings about each class whose backward is not the slope of its forward."""
    found: dict[type[Function], Finding] = {}
    for cls, args in functions:
        if cls not in found:
            with contextlib.suppress(Exception):  # no slope to be had in float64
                one = _test(cls, args)
                if one is not None:
                    found[cls] = one
    return list(found.values())


def _test(cls: type[Function], args: tuple[Any, ...]) -> Finding | None:
    worst: tuple[float, float] | None = None
    flat = identity = clipped = True
    call: Callable[..., Any] = cls.apply
    for seed in range(3):
        generator = torch.Generator().manual_seed(seed)
        inputs = [_doubled(value) for value in args]
        moved = [i for i, v in enumerate(inputs) if _moves(v, args[i])]
        with torch.enable_grad():
            leaves = [inputs[i].requires_grad_() for i in moved]
            results = _floats(call(*inputs))
            weights = [_normal(value, generator) for value in results]
            total = sum((w * r).sum() for w, r in zip(weights, results, strict=True))
            slopes = torch.autograd.grad(total, leaves, allow_unused=True)  # type: ignore[arg-type]
        directions = [_normal(value, generator) for value in leaves]
        automatic = sum(
            float((g * d).sum())
            for g, d in zip(slopes, directions, strict=True)
            if g is not None
        )
        ends, both = [], []
        for sign in (1, -1):
            shifted = [v.detach() if isinstance(v, Tensor) else v for v in inputs]
            for i, direction in zip(moved, directions, strict=True):
                shifted[i] = shifted[i] + sign * STEP * direction
            values = _floats(call(*shifted))
            both.append(values)
            ends.append(
                sum(float((w * v).sum()) for w, v in zip(weights, values, strict=True))
            )
        differences = (ends[0] - ends[1]) / (2 * STEP)
        flat &= abs(differences) < 1e-9
        identity &= any(
            result.shape == leaf.shape and torch.equal(result, leaf)
            for result in results
            for leaf in leaves
        )
        clipped &= _is_clipped(both, directions, leaves, slopes)
        size = max(abs(differences), abs(automatic), 1e-9)
        if abs(differences - automatic) <= NEAR * size:
            return None
        worst = differences, automatic
    assert worst is not None
    evidence = {"slope by differences": worst[0], "by backward": worst[1]}
    at = _place(cls)
    if flat or identity or clipped:
        what = "a step" if flat else "the identity" if identity else "a clamp"
        text = f"forward of {cls.__name__} is {what}, its backward another function's"
        return finding("information", "STRAIGHT_THROUGH", text, at, evidence=evidence)
    text = f"backward of {cls.__name__} is not the slope of its forward"
    return finding("error", "WRONG_BACKWARD", text, at, evidence=evidence)


def _is_clipped(
    both: list[list[Tensor]],
    directions: list[Tensor],
    leaves: list[Tensor],
    slopes: Sequence[Tensor | None],
) -> bool:
    """Whether each entry is kept or held at a bound, and those kept have a gradient."""
    shapes = [value.shape for value in both[0]]
    if len(leaves) != 1 or shapes != [leaves[0].shape] or slopes[0] is None:
        return False
    up, down = both[0][0], both[1][0]
    slope = (up - down) / (2 * STEP * directions[0])
    middle = ((up + down) / 2 - leaves[0].detach()).abs()
    kept = ((slope - 1).abs() < NEAR) & (middle < NEAR * STEP) & (slopes[0] != 0)
    return bool((kept | (slope.abs() < NEAR)).all())


def _doubled(value: Any) -> Any:
    if not isinstance(value, Tensor):
        return value
    copy = value.detach().clone()
    return copy.double() if copy.is_floating_point() else copy


def _moves(value: Any, given: Any) -> bool:
    return (
        isinstance(value, Tensor)
        and value.is_floating_point()
        and (given.requires_grad)
    )


def _floats(result: Any) -> list[Tensor]:
    parts = result if isinstance(result, tuple) else (result,)
    return [p for p in parts if isinstance(p, Tensor) and p.is_floating_point()]


def _normal(like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=generator, dtype=like.dtype)


def _place(cls: type[Function]) -> Location | None:
    try:
        lines, first = inspect.getsourcelines(cls.backward)
        file = inspect.getsourcefile(cls.backward)
    except (OSError, TypeError):
        return None
    for offset, line in enumerate(lines):
        if line.lstrip().startswith("def "):
            return None if file is None else Location(file, first + offset, "backward")
    return None

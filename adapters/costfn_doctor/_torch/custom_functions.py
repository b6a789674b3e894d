"""Custom autograd Functions, each tested alone against finite differences."""

import contextlib
import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function

from .._method.nested import leaves
from .._method.report import Finding, finding
from .._method.source import Location
from .._method.thresholds import (
    FUNCTION_POINTS,
    FUNCTION_STEP,
    NEARLY,
    NO_SLOPE,
)

Called = tuple[type[Function], tuple[Any, ...]]
"""A Function and the arguments that it was called with."""


def check_functions(functions: list[Called]) -> list[Finding]:
    """Findings about each class whose backward is not the slope of its forward."""
    found: dict[type[Function], Finding] = {}
    for cls, args in functions:
        if cls not in found:
            # Some take no float64, or no second call.
            with contextlib.suppress(Exception):
                one = _check(cls, args)
                if one is not None:
                    found[cls] = one
    return list(found.values())


def _check(cls: type[Function], args: tuple[Any, ...]) -> Finding | None:
    """The finding about a Function, if its slopes differ along every direction tried.

    A forward that is a step, the identity or a clamp has another slope on purpose.
    """
    probes = []
    for seed in range(FUNCTION_POINTS):
        probe = _probe(cls, args, seed)
        if probe.agrees:
            return None
        probes.append(probe)
    worst = probes[-1]
    evidence = {
        "slope by differences": worst.differences,
        "slope by backward": worst.backward,
    }
    at = _line_of_backward(cls)
    for what, holds in (
        ("a step", all(probe.is_step for probe in probes)),
        ("the identity", all(probe.is_identity for probe in probes)),
        ("a clamp", all(probe.is_clamp for probe in probes)),
    ):
        if holds:
            cause = "STRAIGHT_THROUGH"
            text = f"the forward of {cls.__name__} is {what}; its backward belongs to "
            text += "another function"
            return finding("information", cause, text, at, evidence=evidence)
    text = f"the backward of {cls.__name__} is not the slope of its forward"
    return finding("error", "WRONG_BACKWARD", text, at, evidence=evidence)


class _Probe(NamedTuple):
    """Slopes of a Function along one direction, and what its forward looks like."""

    differences: float
    backward: float
    is_identity: bool
    is_clamp: bool

    @property
    def agrees(self) -> bool:
        size = max(abs(self.differences), abs(self.backward), NO_SLOPE)
        return abs(self.differences - self.backward) <= NEARLY * size

    @property
    def is_step(self) -> bool:
        return abs(self.differences) < NO_SLOPE


def _probe(cls: type[Function], args: tuple[Any, ...], seed: int) -> _Probe:
    """Compare both slopes of a random projection of the results, in float64."""
    call: Callable[..., Any] = cls.apply
    generator = torch.Generator().manual_seed(seed)
    inputs = [_doubled(value) for value in args]
    moved = [i for i, value in enumerate(args) if _needs_gradient(value)]
    with torch.enable_grad():
        given = [inputs[i].requires_grad_() for i in moved]
        results = _floats(call(*inputs))
        weights = [_normal(value, generator) for value in results]
        total = torch.stack(
            [(w * r).sum() for w, r in zip(weights, results, strict=True)]
        ).sum()
        slopes = torch.autograd.grad(total, given, allow_unused=True)
    directions = [_normal(value, generator) for value in given]
    backward = sum(
        float((slope * direction).sum())
        for slope, direction in zip(slopes, directions, strict=True)
        if slope is not None
    )
    ends = []
    for sign in (1, -1):
        shifted = [v.detach() if isinstance(v, Tensor) else v for v in inputs]
        for i, direction in zip(moved, directions, strict=True):
            shifted[i] = shifted[i] + sign * FUNCTION_STEP * direction
        ends.append(_floats(call(*shifted)))
    up, down = (
        sum(float((w * v).sum()) for w, v in zip(weights, values, strict=True))
        for values in ends
    )
    identity = any(
        result.shape == leaf.shape and torch.equal(result, leaf)
        for result in results
        for leaf in given
    )
    return _Probe(
        (up - down) / (2 * FUNCTION_STEP),
        backward,
        identity,
        _is_clamp(ends, directions, given, slopes),
    )


def _is_clamp(
    ends: list[list[Tensor]],
    directions: list[Tensor],
    given: list[Tensor],
    slopes: Sequence[Tensor | None],
) -> bool:
    """Whether each entry is kept or held at a bound, and those kept have a gradient."""
    shapes = [value.shape for value in ends[0]]
    if len(given) != 1 or shapes != [given[0].shape] or slopes[0] is None:
        return False
    up, down = ends[0][0], ends[1][0]
    slope = (up - down) / (2 * FUNCTION_STEP * directions[0])
    middle = ((up + down) / 2 - given[0].detach()).abs()
    kept = ((slope - 1).abs() < NEARLY) & (middle < NEARLY * FUNCTION_STEP)
    return bool(((kept & (slopes[0] != 0)) | (slope.abs() < NEARLY)).all())


def _doubled(value: Any) -> Any:
    if not isinstance(value, Tensor):
        return value
    copy = value.detach().clone()
    return copy.double() if copy.is_floating_point() else copy


def _needs_gradient(value: Any) -> bool:
    real = isinstance(value, Tensor) and value.is_floating_point()
    return real and bool(value.requires_grad)


def _floats(result: Any) -> list[Tensor]:
    tensors = [part for part in leaves(result) if isinstance(part, Tensor)]
    return [tensor for tensor in tensors if tensor.is_floating_point()]


def _normal(like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=generator, dtype=like.dtype)


def _line_of_backward(cls: type[Function]) -> Location | None:
    try:
        lines, first = inspect.getsourcelines(cls.backward)
        file = inspect.getsourcefile(cls.backward)
    except (OSError, TypeError):
        return None
    for offset, line in enumerate(lines):
        if line.lstrip().startswith("def "):
            return None if file is None else Location(file, first + offset, "backward")
    return None

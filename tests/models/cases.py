"""A model with samples and a loss, and the gradients of a plain loop over the samples.

Nothing of the library is used here: the loop is one ordinary backward pass for each
sample, as a batch of one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

SAMPLES = 5
BOUND = 1e-10  # of float64, relative to the largest entry
SINGLE = 1e-6  # where a model computes in float32 within, whatever it is given


@dataclass(frozen=True)
class Case:
    """A model, how to build it, and what it is given.

    Attributes:
        name: Of the case.
        build: Makes the model.
        give: Makes inputs and targets for `SAMPLES` samples.
        loss: Of a prediction and the targets.
        complex: Whether it has complex parameters.
        train: Whether the model is in training mode.
        bound: How far from the loop a number may be.
    """

    name: str
    build: Callable[[], nn.Module]
    give: Callable[[], tuple[Any, Any]]
    loss: Callable[..., Tensor]
    complex: bool = False
    train: bool = False
    bound: float = BOUND


@dataclass(frozen=True)
class Made:
    """A case that was built, with the gradients that the loop found."""

    model: nn.Module
    x: Any
    y: Any
    loss: Callable[..., Tensor]
    gradients: dict[str, Tensor]


@cache
def make(case: Case) -> Made:
    torch.manual_seed(0)
    model = case.build().train(case.train)
    if not case.complex:
        model = model.double()
    for p in model.parameters():
        if p.requires_grad and not p.is_complex() and p.numel() > 1:
            # Norms begin at 1 and 0, which would hide a factor or a missing bias.
            p.data.add_(0.1 * torch.randn_like(p))
    for name, b in model.named_buffers():
        if "running" in name and b.ndim:
            b.copy_(torch.rand_like(b) + 0.5)
    x, y = case.give()
    return Made(model, x, y, case.loss, loop(model, case.loss, x, y))


def loop(
    model: nn.Module, loss: Callable[..., Tensor], x: Any, y: Any
) -> dict[str, Tensor]:
    """The gradient of each sample, by a backward pass of its own."""
    parameters = {n: p for n, p in model.named_parameters() if p.requires_grad}
    rows = []
    for i in range(SAMPLES):
        targets = alone(y, i)
        targets = targets if isinstance(targets, tuple) else (targets,)
        value = loss(call(model, alone(x, i)), *[t for t in targets if t is not None])
        found = torch.autograd.grad(value.sum(), parameters.values(), allow_unused=True)
        rows.append(
            [
                torch.zeros_like(p) if g is None else g.to_dense()
                for g, p in zip(found, parameters.values(), strict=True)
            ]
        )
    columns = zip(*rows, strict=True)
    return {n: torch.stack(c) for n, c in zip(parameters, columns, strict=True)}


def call(model: nn.Module, x: Any) -> Any:
    if isinstance(x, dict):
        return model(**x)
    return model(*x) if isinstance(x, tuple) else model(x)


def alone(value: Any, i: int) -> Any:
    """Sample `i` as a batch of one."""
    return some(value, slice(i, i + 1))


def some(value: Any, rows: slice) -> Any:
    """These samples of every tensor."""
    if isinstance(value, Tensor):
        return value[rows]
    if isinstance(value, dict):
        return {k: some(v, rows) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(some(v, rows) for v in value)
    return value


def flat(gradients: dict[str, Tensor]) -> Tensor:
    return torch.cat([g.reshape(len(g), -1) for g in gradients.values()], 1)


def assert_near(found: Any, expected: Any, bound: float) -> None:
    """Both alike, up to rounding of the largest entry of all."""
    if isinstance(expected, Tensor):
        found, expected = {"": found}, {"": expected}
    assert list(found) == list(expected)
    scale = max(e.abs().amax().item() for e in expected.values())
    assert scale < float("inf")
    for name, e in expected.items():
        assert found[name].shape == e.shape, name
        assert found[name].dtype == e.dtype, name
        assert not found[name].requires_grad, name
        error = (found[name] - e).abs().amax().item()
        assert error <= bound * scale, (name, error, scale)


def state(model: nn.Module) -> list[Any]:
    """All that a call might leave changed: objects, values, hooks, random numbers."""
    kept: list[Any] = [torch.get_rng_state().clone(), torch.is_grad_enabled()]
    for name, module in model.named_modules(remove_duplicate=False):
        kept.append((name, id(module), module.training))
        for kind in ("_parameters", "_buffers"):
            for own, t in getattr(module, kind).items():
                kept.append((name, own, id(t), type(t)))
                if t is not None:
                    kept += [t.detach().clone(), t.requires_grad, t._version]
                    kept += [t.is_leaf, id(t.grad)]
                    kept += [] if t.grad is None else [t.grad.clone()]
        for kind, value in vars(module).items():
            if "hooks" in kind:
                kept.append((name, kind, list(value)))
    return kept


def assert_same_state(found: list[Any], expected: list[Any]) -> None:
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        if isinstance(b, Tensor):
            assert torch.equal(a, b)
        else:
            assert a == b

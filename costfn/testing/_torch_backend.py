"""The backend for torch losses: functions of tensors, and modules."""

import copy
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.func import grad, hessian, jacfwd, jacrev, jvp, vmap

from ._backend import Direction, DType, Loss, Transform
from ._strategies import Array


class TorchBackend:
    """See `Backend`."""

    gradients: Mapping[str, Transform] = {
        "torch.func.grad": grad,
        "torch.func.jacrev": jacrev,
    }
    forward: Mapping[str, Transform] = {"torch.func.jacfwd": jacfwd}
    hessians: Mapping[str, Transform] = {
        "torch.func.jacrev twice": lambda f: jacrev(jacrev(f)),
        "torch.func.hessian": hessian,
    }

    def __init__(self, loss: Loss) -> None:
        self._original = loss
        self._modules: dict[DType, torch.nn.Module] = {}

    @contextmanager
    def context(self, dtype: DType) -> Iterator[None]:
        with warnings.catch_warnings():
            # Torch warns in its own forward mode, and where `vmap` runs a loop.
            warnings.filterwarnings("ignore", "`torch.jit", DeprecationWarning)
            warnings.filterwarnings("ignore", "There is a performance drop")
            yield

    def loss(self, dtype: DType) -> Loss:
        if not isinstance(self._original, torch.nn.Module):
            return self._original
        if dtype not in self._modules:
            module = copy.deepcopy(self._original).to(getattr(torch, dtype))
            self._modules[dtype] = module
        return self._modules[dtype]

    def tensors(self, arrays: Sequence[Array], dtype: DType) -> tuple[Tensor, ...]:
        def convert(array: Array) -> Tensor:
            tensor = torch.tensor(array.copy())
            wanted = getattr(torch, dtype)
            return tensor.to(wanted) if tensor.is_floating_point() else tensor

        return tuple(map(convert, arrays))

    def array(self, tensor: Tensor) -> Array:
        wide = tensor.double() if tensor.is_floating_point() else tensor
        # The derivative of a constant is a tensor without memory, which `force` fills.
        return wide.detach().numpy(force=True).copy()

    def dtype(self, value: object) -> str | None:
        if not isinstance(value, Tensor) or not value.is_floating_point():
            return None
        return str(value.dtype).removeprefix("torch.")

    def for_many_calls(self, function: Loss) -> Loss:
        return function

    def gradient(self, total: Loss) -> Loss:
        def gradient(scores: Tensor, *others: Tensor) -> Tensor:
            scores = scores.detach().requires_grad_()
            return _derivative(total(scores, *others), scores)

        return gradient

    def curvature(self, total: Loss, direction: Direction) -> Loss:
        def curvature(scores: Tensor, *others: Tensor) -> Tensor:
            scores = scores.detach().requires_grad_()
            gradient = _derivative(total(scores, *others), scores)
            along = gradient * torch.tensor(direction(tuple(scores.shape)))
            return _derivative(along.sum(), scores)

        return curvature

    def directional_derivative(self, total: Loss, direction: Direction) -> Loss:
        def along(scores: Tensor, *others: Tensor) -> Any:
            tangent = torch.tensor(direction(tuple(scores.shape)))
            return jvp(lambda x: total(x, *others), (scores,), (tangent,))[1]

        return along

    def grad(self, total: Loss) -> Loss:
        return grad(total)

    def vmap(self, function: Loss, in_dims: Sequence[int | None]) -> Loss:
        return vmap(function, tuple(in_dims))

    def compiled(self, loss: Loss) -> Loss:
        torch.compiler.reset()  # graphs of earlier losses count against a limit
        compiled: Loss = torch.compile(loss, fullgraph=True, backend="aot_eager")
        return compiled


def _derivative(value: Tensor, scores: Tensor) -> Tensor:
    if not value.requires_grad:
        return torch.zeros_like(scores)
    (found,) = torch.autograd.grad(
        value, scores, create_graph=True, materialize_grads=True
    )
    return found


make = TorchBackend

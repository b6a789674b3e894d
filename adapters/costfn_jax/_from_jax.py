"""JAX losses as functions of torch tensors, without a copy.

The one file here that imports torch, and so it is loaded on first use only.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import torch
from torch import Tensor
from torch.utils.dlpack import from_dlpack

INT32 = torch.iinfo(torch.int32)


def from_jax(loss: Callable[..., Any]) -> Callable[..., Tensor]:
    """Make a function of torch tensors out of a JAX loss, optax's for example.

    It runs under `jax.jit`, on the tensors' own memory (dlpack) and device. Gradients
    of every order come from JAX: `backward`, double backward, `torch.func` grad, jvp,
    vmap, hessian and their compositions work. `torch.compile` runs it uncompiled.

    float64 tensors are computed in float64, whatever `jax_enable_x64` says. Without it
    JAX has no 64-bit integers: int64 tensors are passed as int32.

    Args:
        loss: Function of arrays to one array. Under `jit` it sees no values: labels out
            of range give NaN in the losses of `costfn_jax`, and no error.

    Returns:
        A function of the same arguments, tensors in place of arrays. Arguments that are
        no tensors are constants, hashable, and each new one is compiled anew; but not
        a new number (a float of Python), where the loss can be traced with it.

    Raises:
        TypeError: If `loss` is no function; when called, if it returns anything but one
            array, or an argument cannot be hashed.
        ValueError: When called, if integers do not fit (checked on the CPU; on other
            devices they become the nearest that fits, and no valid label).

    Example:
        >>> import costfn_jax, optax, torch
        >>> loss = costfn_jax.from_jax(optax.softmax_cross_entropy_with_integer_labels)
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 0.0]], requires_grad=True)
        >>> loss(logits, torch.tensor([0, 0])).sum().backward()
        >>> logits.grad
        tensor([[-0.1192,  0.1192],
                [-0.5000,  0.5000]])

    Source:
        Ours; the exchange is that of the DLPack protocol.
        https://dmlc.github.io/dlpack/latest/
    """
    if not callable(loss):
        raise TypeError(f"loss must be a function, got {type(loss).__name__}")

    @cache
    def core_of(structure: Any, constants: tuple[Any, ...]) -> "_Core":
        def of_arrays(numbers: tuple[Any, ...], *arrays: jax.Array) -> Any:
            left = {_TENSOR: iter(arrays), _NUMBER: iter(numbers)}
            leaves = [next(left[x]) if x in left else x for x in constants]
            args, options = jax.tree.unflatten(structure, leaves)
            return loss(*args, **options)

        return _Core(of_arrays)

    @cache
    def function_of(
        structure: Any, constants: tuple[Any, ...], given: tuple[Any, ...], x64: bool
    ) -> "_Function":
        """With its numbers traced, if the loss has one formula for all numbers."""
        fixed = core_of(structure, constants)
        numbers = tuple(x for x in constants if type(x) is float)
        free = tuple(_NUMBER if type(x) is float else x for x in constants)
        if numbers:
            shapes = [jax.ShapeDtypeStruct(*each) for each in given]
            # What the loss refuses of its numbers, it refuses here.
            jax.eval_shape(lambda *arrays: fixed.function((), *arrays), *shapes)
            core = core_of(structure, free)
            with suppress(Exception):
                jax.eval_shape(core.function, numbers, *shapes)
                return _Function(core, numbers)
        return _Function(fixed, ())

    def of_tensors(*args: Any, **options: Any) -> Tensor:
        leaves, structure = jax.tree.flatten((args, options))
        tensors = [x for x in leaves if isinstance(x, Tensor)]
        constants = tuple(_TENSOR if isinstance(x, Tensor) else x for x in leaves)
        try:
            hash(constants)
        except TypeError:
            raise TypeError(
                "arguments must be tensors or hashable constants, got "
                f"{', '.join(sorted({type(x).__name__ for x in leaves}))}"
            ) from None
        with _precision(tensors):
            given = tuple(map(_shape_in_jax, tensors)) if _has_numbers(leaves) else ()
            x64 = bool(jnp.result_type(float) == jnp.float64)
            function = function_of(structure, constants, given, x64)
        return call(function, *tensors)

    uncompiled: Callable[..., Tensor] = torch.compiler.disable(of_tensors)
    return uncompiled


class _Mark:
    """Stands for an argument whose value is not part of the function."""


_TENSOR, _NUMBER = _Mark(), _Mark()


def _has_numbers(leaves: Sequence[Any]) -> bool:
    return any(type(x) is float for x in leaves)


def _shape_in_jax(tensor: Tensor) -> tuple[tuple[int, ...], Any]:
    dtype = jnp.dtype(str(tensor.dtype).removeprefix("torch."))
    return tuple(tensor.shape), jax.dtypes.canonicalize_dtype(dtype)


class _Core:
    """A JAX function of numbers and arrays, with its derivatives as such again."""

    def __init__(self, function: Callable[..., jax.Array]) -> None:
        self.function = function
        self.jitted = jax.jit(function)
        self.pullback = cache(self._pullback)
        self.pushforward = cache(self._pushforward)
        self.vmapped = cache(self._vmapped)

    def _pullback(self, i: int) -> "_Core":
        """Of the arguments and a cotangent: the cotangent of argument `i`."""

        def pullback(numbers: Any, *args: jax.Array) -> jax.Array:
            *arrays, cotangent = args
            _, pull = jax.vjp(lambda x: self._with(numbers, {i: x}, arrays), arrays[i])
            gradient: jax.Array = pull(cotangent)[0]
            return gradient

        return _Core(pullback)

    def _pushforward(self, moving: tuple[int, ...]) -> "_Core":
        """Of the arguments and tangents of some: the tangent of the result."""

        def pushforward(numbers: Any, *args: jax.Array) -> jax.Array:
            arrays, tangents = args[: -len(moving)], args[-len(moving) :]
            tangent: jax.Array = jax.jvp(
                lambda *moved: self._with(
                    numbers, dict(zip(moving, moved, strict=True)), arrays
                ),
                [arrays[i] for i in moving],
                list(tangents),
            )[1]
            return tangent

        return _Core(pushforward)

    def _vmapped(self, axes: tuple[int | None, ...]) -> "_Core":
        return _Core(jax.vmap(self.function, in_axes=(None, *axes)))

    def _with(
        self, numbers: Any, new: dict[int, Any], arrays: Sequence[jax.Array]
    ) -> jax.Array:
        return self.function(numbers, *(new.get(i, x) for i, x in enumerate(arrays)))


@dataclass(frozen=True)
class _Function:
    """A JAX function of arrays: its numbers are those of this call."""

    core: _Core
    numbers: tuple[float, ...]

    def on(self, tensors: Sequence[Tensor]) -> Tensor:
        with _precision(tensors):
            result = self.core.jitted(self.numbers, *map(_to_jax, tensors))
        if not isinstance(result, jax.Array):
            raise TypeError(f"loss must return one array, got {type(result).__name__}")
        # from_dlpack waits for JAX to finish. Without that, an optimiser's step
        # in place could change the parameters while the loss still reads them.
        tensor = from_dlpack(result)
        # What a function returns untouched is its argument's own memory.
        shared = any(tensor.data_ptr() == x.data_ptr() for x in tensors)
        return tensor.clone() if shared else tensor


class _Call(torch.autograd.Function):
    """The call as torch sees it: any derivative is a call of another function."""

    @staticmethod
    def forward(function: _Function, *tensors: Tensor) -> Tensor:
        return function.on(tensors)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.function, *tensors = inputs
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)
        if not output.is_floating_point():
            ctx.mark_non_differentiable(output)

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor | None, ...]:
        tensors = ctx.saved_tensors
        return None, *(
            call(
                replace(ctx.function, core=ctx.function.core.pullback(i)),
                *tensors,
                cotangent,
            )
            if ctx.needs_input_grad[i + 1]
            else None
            for i in range(len(tensors))
        )

    @staticmethod
    def jvp(ctx: Any, _: None, *tangents: Tensor | None) -> Tensor:
        moving = tuple(i for i, t in enumerate(tangents) if t is not None)
        given = [t for t in tangents if t is not None]
        function = replace(ctx.function, core=ctx.function.core.pushforward(moving))
        return call(function, *ctx.saved_tensors, *given)

    @staticmethod
    def vmap(
        _info: Any, axes: tuple[int | None, ...], function: _Function, *tensors: Tensor
    ) -> tuple[Tensor, int]:
        mapped = replace(function, core=function.core.vmapped(tuple(axes[1:])))
        return call(mapped, *tensors), 0


call: Callable[..., Tensor] = _Call.apply


def _precision(tensors: Sequence[Tensor]) -> AbstractContextManager[Any]:
    """Where there is float64, JAX would else round it to float32 without a word."""
    wide = any(x.dtype in (torch.float64, torch.complex128) for x in tensors)
    return jax.enable_x64(True) if wide else nullcontext()


def _to_jax(tensor: Tensor) -> jax.Array:
    tensor = tensor.detach().resolve_conj().resolve_neg().contiguous()
    if jnp.result_type(int) == jnp.int32:  # jax_enable_x64 is not set
        tensor = _in_32_bits(tensor)
    return jnp.from_dlpack(tensor)


def _in_32_bits(tensor: Tensor) -> Tensor:
    if tensor.dtype == torch.uint64:
        raise TypeError(
            "integers must be of 32 bits or int64 unless jax_enable_x64 is set, "
            "got torch.uint64"
        )
    if tensor.dtype != torch.int64:
        return tensor
    near = tensor.clamp(INT32.min, INT32.max)
    if tensor.device.type == "cpu" and not torch.equal(near, tensor):
        raise ValueError(
            "integers must fit in 32 bits unless jax_enable_x64 is set, got "
            f"{tensor[near != tensor][0].item()}"
        )
    return near.to(torch.int32)

"""How many samples a pass takes at a time, by the memory that one of them needs."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.overrides import TorchFunctionMode

from ._gradient_problem import GradientProblem
from ._layer_calls import read
from ._options import Params
from ._trees import rows_of, tensors
from ._vmap import vmap_context

# How many bytes a pass may hold, beside a few gradients by the outputs of layers. More
# samples at a time are hardly faster.
_BYTES = 2**28
_BYTES_ON_ACCELERATOR = 2**30
_PER_INPUT = 64  # a guess: numbers that a model holds for each number of its input


def chunk_size(problem: GradientProblem) -> int:
    """How many samples to take at a time, in chunks of about equal size.

    If a rough bound on the memory is not low enough, one sample is run to measure it.
    """
    if problem.chunk_size is not None or problem.randomness == "different":
        return problem.size  # the size of chunks does not depend on the function
    budget = _BYTES_ON_ACCELERATOR if problem.accelerators else _BYTES
    bound = _bound(problem)
    if problem.size * bound <= budget:
        return problem.size
    fit = max(1, budget // (_of_one_sample(problem) or bound))
    chunks = -(-problem.size // fit)
    return -(-problem.size // chunks)


def _bound(problem: GradientProblem) -> int:
    """More bytes than most models hold for one sample.

    Each weight takes and gives as many numbers as it has columns and rows, at each
    token or pixel of the input.
    """
    every = [t[0] for t in tensors(problem.x)]
    widths = sum(sum(p.shape[:2]) for p in problem.parameters.values())
    positions = max((_positions(one) for one in every), default=1)
    inputs = sum(one.numel() for one in every)
    size = max(p.element_size() for p in problem.parameters.values())
    return size * max(2 * positions * widths, _PER_INPUT * inputs, 1)


def _positions(one: Tensor) -> int:
    if not one.is_floating_point() and not one.is_complex():
        return one.numel()
    return one.numel() // max(1, min(one.shape)) if one.ndim > 1 else 1


def _of_one_sample(problem: GradientProblem) -> int | None:
    """How many bytes one sample holds between its forward and backward pass.

    None if the model does not allow to look.
    """
    leaf = {n: p.detach().requires_grad_() for n, p in problem.parameters.items()}
    own = {p.untyped_storage().data_ptr() for p in leaf.values()}
    held: dict[int, int] = {}

    def note(value: Tensor) -> Tensor:
        # Views of one array count together, but not more than it: a sample is itself a
        # view of the whole batch.
        storage = value.untyped_storage()
        place = storage.data_ptr()
        if place not in own:
            held[place] = min(storage.nbytes(), held.get(place, 0) + value.nbytes)
        return value

    copies = _Copies(leaf)
    try:
        with (
            torch.random.fork_rng(problem.accelerators),
            torch.enable_grad(),
            vmap_context(),
            saved_tensors_hooks(note, lambda value: value),
            copies,
        ):
            # It keeps the graph, or memory would be used and counted twice.
            kept = problem.predict(leaf, rows_of(problem.x, 0))
    except RuntimeError:
        return None
    del kept
    return sum(held.values()) + copies.bytes


class _Copies(TorchFunctionMode):
    """Counts the bytes of parameters of which a pass has a gradient for each sample."""

    def __init__(self, parameters: Params) -> None:
        super().__init__()
        self.left = {id(p): p for p in parameters.values()}
        self.bytes = 0

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        held = [t for t in tensors((args, kwargs)) if id(t) in self.left]
        if held and func.__name__ != "__get__" and read(func, args, kwargs) is None:
            for p in held:
                if self.left.pop(id(p), None) is not None:
                    self.bytes += p.nbytes
        return func(*args, **kwargs)

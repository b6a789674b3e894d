"""Checks on a few samples whether a model treats each sample alone."""

from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from ._gradient_problem import GradientProblem, RunMode
from ._options import Model
from ._trees import as_batch_of_one, map_tensors, named_tensors, rows_of
from ._vmap import RefusedError, SlowWarning, vmap_context, warn

_CHECKED = 4  # samples


class _BackwardOnlyFeatures(TorchFunctionMode):
    """Notices features that only an ordinary backward pass of one sample gets right.

    They are hooks on tensors, and gradients of an embedding that are scaled by the
    frequency of words in the batch.
    """

    def __init__(self, mode: RunMode) -> None:
        super().__init__()
        self.mode = mode

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in _LOOK_UPS and kwargs.get("scale_grad_by_freq", args[5:6] == (True,)):
            self.mode.own_backward = True
            self.mode.mixes = "an embedding with scale_grad_by_freq=True"
        elif func is Tensor.register_hook:
            self.mode.own_backward = True
        return func(*args, **kwargs)


_LOOK_UPS = {functional.embedding, functional.embedding_bag}


# What is known of each model: whether its modules were in training mode, and what in it
# mixes samples. An entry goes with its model.
_KNOWN: WeakKeyDictionary[Any, tuple[tuple[bool, ...], str]] = WeakKeyDictionary()


def warn_if_mixed(
    model: Model, training: tuple[bool, ...], problem: GradientProblem
) -> None:
    """Warns of a model that mixes samples, where each of them is a batch of one anyway.

    A model is compared on its first call, and again if it goes to another mode. The
    result of the call does not depend on it, so nothing that goes wrong here matters.
    """
    mode = problem.mode
    if mode.warned or problem.size < 2 or problem.one_by_one:
        return
    try:
        known = _KNOWN.get(model)
        if known is None or known[0] != training:
            trial = replace(problem, mode=RunMode(warned=True))
            check_model(trial)
            # What mixes samples in the backward pass only does not change predictions.
            known = training, trial.mode.mixes if trial.mode.batches_of_one else ""
            _KNOWN[model] = known
    except Exception:  # also if a model cannot be a key
        return
    if known[1]:
        _warn(mode, known[1])


def check_model(problem: GradientProblem) -> None:
    """Compares predictions of a batch with those of its first and last sample alone.

    The result goes into `problem.mode`.
    """
    mode = problem.mode
    if mode.compared or mode.without_vmap or problem.one_by_one:
        return
    mode.compared = True
    x = rows_of(problem.x, spread(problem.size, _CHECKED))
    rows = sorted({0, min(problem.size, _CHECKED) - 1})
    # With a graph: without one a model may skip the features above.
    leaf = {n: p.detach().requires_grad_() for n, p in problem.parameters.items()}
    with torch.random.fork_rng(problem.accelerators):
        with torch.enable_grad(), _BackwardOnlyFeatures(mode), vmap_context():
            singles = [
                map_tensors(
                    Tensor.detach, problem.call(leaf, as_batch_of_one(rows_of(x, i)))
                )
                for i in rows
            ]
        try:
            with torch.no_grad():
                joint = problem.predict_batch(problem.parameters, x)
        except RefusedError:
            raise
        except (RuntimeError, ValueError, IndexError):
            mode.batches_of_one = True  # the model takes a batch of one, but not this
            return
    _compare(mode, joint, singles, rows)


def _compare(mode: RunMode, joint: Any, singles: list[Any], places: list[int]) -> None:
    size = places[-1] + 1
    alike = [dict(named_tensors(single)) for single in singles]
    for name, together in named_tensors(joint):
        parts = [single.get(name) for single in alike]
        one = (1, *together.shape[1:])
        rows = together.ndim and len(together) == size
        if not rows or any(p is None or p.shape != one for p in parts):
            mode.batches_of_one = True
            return
        apart = torch.cat([p for p in parts if p is not None])
        difference = _difference(together[places], apart)
        if difference:
            mode.batches_of_one = True
            mode.mixes = (
                f"predictions{name} that change by {difference:.2g} of the largest one "
                "if other samples are in the batch"
            )
            _warn(mode, mode.mixes)
            return


def _warn(mode: RunMode, mixes: str) -> None:
    if mode.warned:
        return
    mode.warned = True
    warn(
        f"model must treat each sample alone, got {mixes}; here each sample is a batch "
        "of one, which may differ from training; is an axis wrong, such as with "
        "batch_first=False?",
        SlowWarning,
    )


def _difference(together: Tensor, apart: Tensor) -> float:
    """The largest difference relative to the largest value; 0 if it may be rounding."""
    if not together.is_floating_point() and not together.is_complex():
        return 0.0
    coarse = together.is_cuda and together.dtype == torch.float32  # TF32
    precision = 2.0**-10 if coarse else torch.finfo(together.dtype).eps
    # A model in double precision may have parts in single precision.
    allowed = max(precision**0.5, 1e-6)
    same = (together == apart) | (together.isnan() & apart.isnan())
    gap = torch.where(same, 0.0, (together - apart).abs())
    size = torch.where(apart.isfinite(), apart.abs(), 0.0)
    try:
        largest = size.amax().item() if size.numel() else 0.0
        furthest = gap.nan_to_num(torch.inf).amax().item() if largest else 0.0
    except RuntimeError:
        return 0.0  # the caller's own transform, such as `vmap`, hides the values
    return furthest / largest if furthest > allowed * largest else 0.0


def spread(size: int, number: int) -> Tensor:
    """Indices from the first to the last sample, evenly spaced."""
    return torch.linspace(0, size - 1, min(size, number)).round().long()

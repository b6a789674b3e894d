"""Whether a model treats each sample alone, tried on a few of them."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from ._functional import RefusedError, SlowWarning, one_sample_at_a_time, warn
from ._problem import Problem, Way
from ._trees import alone, each, named_tensors, rows_of

_TRIED = 4


class _Backward(TorchFunctionMode):
    """Notices what only a backward pass heeds, and only that of one sample rightly."""

    def __init__(self, way: Way) -> None:
        super().__init__()
        self.way = way

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in _LOOK_UPS and kwargs.get("scale_grad_by_freq", args[5:6] == (True,)):
            self.way.backward = True
            self.way.mixes = "an embedding with scale_grad_by_freq=True"
        elif func is Tensor.register_hook:
            self.way.backward = True
        return func(*args, **kwargs)


_LOOK_UPS = {functional.embedding, functional.embedding_bag}


def try_model(made: Problem) -> None:
    """Compares predictions made together with the first and last of them made alone."""
    way = made.way
    if way.tried or way.looped or made.one_by_one:
        return
    way.tried = True
    x = rows_of(made.x, spread(made.size, _TRIED))
    rows = sorted({0, min(made.size, _TRIED) - 1})
    # With a graph, without which the model may leave out what there is of it.
    leaf = {n: p.detach().requires_grad_() for n, p in made.parameters.items()}
    with torch.random.fork_rng(made.accelerators):
        with torch.enable_grad(), _Backward(way), one_sample_at_a_time():
            singles = [
                each(Tensor.detach, made.call(leaf, alone(rows_of(x, i)))) for i in rows
            ]
        try:
            with torch.no_grad():
                joint = made.together(made.parameters, x)
        except RefusedError:
            raise
        except (RuntimeError, ValueError, IndexError):
            way.apart = True  # it takes a batch of one, and not this one
            return
    _compare(way, joint, singles, rows)


def _compare(way: Way, joint: Any, singles: list[Any], places: list[int]) -> None:
    size = places[-1] + 1
    alike = [dict(named_tensors(single)) for single in singles]
    for name, together in named_tensors(joint):
        parts = [single.get(name) for single in alike]
        one = (1, *together.shape[1:])
        rows = together.ndim and len(together) == size
        if not rows or any(p is None or p.shape != one for p in parts):
            way.apart = True
            return
        apart = torch.cat([p for p in parts if p is not None])
        difference = _difference(together[places], apart)
        if difference:
            way.apart = True
            way.mixes = (
                f"predictions{name} that differ by {difference:.2g} of the largest "
                "one if other samples are beside them"
            )
            warn(
                f"model must treat each sample alone, got {way.mixes}; here each is "
                "taken as a batch of one, which need not be what happens in training; "
                "is there a wrong axis, such as batch_first=False?",
                SlowWarning,
            )
            return


def _difference(together: Tensor, apart: Tensor) -> float:
    """How far they are apart for their size, or 0 if that may be rounding."""
    if not together.is_floating_point() and not together.is_complex():
        return 0.0
    coarse = together.is_cuda and together.dtype == torch.float32  # TF32
    precision = 2.0**-10 if coarse else torch.finfo(together.dtype).eps
    # A model in double may have parts in single precision.
    allowed = max(precision**0.5, 1e-6)
    same = (together == apart) | (together.isnan() & apart.isnan())
    gap = torch.where(same, 0.0, (together - apart).abs())
    size = torch.where(apart.isfinite(), apart.abs(), 0.0)
    try:
        largest = size.amax().item() if size.numel() else 0.0
        furthest = gap.nan_to_num(torch.inf).amax().item() if largest else 0.0
    except RuntimeError:
        return 0.0  # under a transform of the caller's, which hides values
    return furthest / largest if furthest > allowed * largest else 0.0


def spread(size: int, number: int) -> Tensor:
    """Places from the first to the last, evenly."""
    return torch.linspace(0, size - 1, min(size, number)).round().long()

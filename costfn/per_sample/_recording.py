"""The recording of a training loop, and the hooks that fill it."""

import csv
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd import Variable

from .._foundation.math import ratio, upcast
from ._call_recorder import CallRecorder, RecordedCall
from ._options import Params
from ._report import training_figure
from ._sample_axes import SampleAxes, batch_size, find_sample_axes
from ._step_contributions import StepContributions
from ._substitute_calls import not_repeatable
from ._vmap import vmap_context, warn

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class _ForwardPass:
    """A forward pass with its calls that use parameters."""

    def __init__(self, size: int, axes: SampleAxes) -> None:
        self.size, self.axes = size, axes
        self.calls: list[RecordedCall] = []


class Recording:
    """Norms and cosines of samples in a training loop; see `record`.

    Attributes:
        steps: The number of backward passes.
        missed: Names of parameters that could not be followed and are left out.
    """

    def __init__(
        self,
        model: nn.Module,
        parameters: Params,
        reduction: str,
        path: str | PathLike[str] | None,
    ) -> None:
        self.steps = 0
        self.missed: set[str] = set()
        self._model, self._parameters = model, parameters
        self._mean, self._path = reduction == "mean", path
        self._writer: Any = None
        self._kept: list[Tensor] = []
        self._recorder = CallRecorder(parameters, self._note)
        self._axes: SampleAxes | None = None
        self._current: _ForwardPass | None = None
        self._pending: dict[int, _ForwardPass] = {}
        self._totals: Params = {}
        self._warned: set[str] = set()
        self._probing = False
        self._stack = ExitStack()

    def __enter__(self) -> "Recording":
        if self._path is not None:
            file = self._stack.enter_context(open(self._path, "w", newline=""))
            self._writer = csv.writer(file)
            self._writer.writerow(_COLUMNS)
        before = self._model.register_forward_pre_hook
        handles = [before(self._begin, with_kwargs=True)]
        handles.append(self._model.register_forward_hook(self._end, always_call=True))
        for name, p in self._parameters.items():
            handles.append(_hook(p, partial(self._total, name)))
        for handle in handles:
            self._stack.callback(handle.remove)
        self._stack.enter_context(self._recorder)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()
        self._writer, self._pending, self._totals = None, {}, {}

    @property
    def norms(self) -> Tensor:
        """Lengths of the samples' gradients, in the order of training, `(seen,)`."""
        return self._rows()[:, 2]

    @property
    def cosines(self) -> Tensor:
        """Cosines of the samples' gradients to that of their batch, `(seen,)`."""
        return self._rows()[:, 3]

    @property
    def step(self) -> Tensor:
        """The backward pass in which each sample was seen, from 0, `(seen,)`."""
        return self._rows()[:, 0].long()

    @property
    def sample(self) -> Tensor:
        """The place of each sample in its batch, from 0, `(seen,)`."""
        return self._rows()[:, 1].long()

    def plot(self) -> "Figure":
        """Norms, and how many samples oppose their batch, over the steps.

        Returns:
            A figure; `figure.savefig(path)` writes it.

        Raises:
            ValueError: If nothing was recorded.
            ImportError: If matplotlib is not installed.
        """
        rows = self._rows()
        if not len(rows):
            raise ValueError("record must have seen a backward pass, got none to plot")
        return training_figure(rows)

    def _rows(self) -> Tensor:
        if self._path is not None and self._writer is None and self.steps:
            return torch.from_numpy(
                np.loadtxt(self._path, delimiter=",", skiprows=1, ndmin=2)
            )
        return torch.cat([torch.zeros(0, 4, dtype=torch.float64), *self._kept])

    def _begin(self, model: nn.Module, args: Any, kwargs: Any) -> None:
        if not torch.is_grad_enabled() or self._current is not None or self._probing:
            return
        if not self._pending:
            self._totals = {}  # left by a backward pass that skipped the model
        if self._axes is None:
            self._axes = self._find_axes(model, args, kwargs)
            self._recorder.derived = self._axes.derived
            self.missed |= self._axes.unclear
        self._current = _ForwardPass(batch_size((args, kwargs)), self._axes)
        self._recorder.begin()

    def _find_axes(self, model: nn.Module, args: Any, kwargs: Any) -> SampleAxes:
        self._probing = True
        try:
            return find_sample_axes(model, self._parameters, args, kwargs)
        except (RuntimeError, ValueError, IndexError, TypeError):
            # The model cannot run 2 or 3 samples. Training must go on all the same.
            return SampleAxes({}, set(), set(self._parameters))
        finally:
            self._probing = False

    def _end(self, *_: Any) -> None:
        if self._recorder.listening:
            self._recorder.end()
            self._current = None

    def _note(self, call: RecordedCall) -> None:
        now = self._current
        if now is None or call.key not in now.axes.calls or call.func is not_repeatable:
            self.missed |= call.names
            return
        now.calls.append(call)
        for place, output in enumerate(call.outputs):
            if output.requires_grad:
                _hook(output, partial(self._take, now, call, place))
        # The graph holds the hook, and the hook the call. If the call held its outputs,
        # the graph would never be freed.
        call.outputs = [torch.empty_like(o, device="meta") for o in call.outputs]

    def _total(self, name: str, gradient: Tensor) -> None:
        # Called several times in a step if checkpointing runs backward passes inside.
        found = gradient.detach().to_dense()
        self._totals[name] = self._totals.get(name, 0) + found

    def _take(
        self, seen: _ForwardPass, call: RecordedCall, place: int, gradient: Tensor
    ) -> None:
        if not self._pending:
            Variable._execution_engine.queue_callback(self._finish)
        self._pending[id(seen)] = seen
        call.cotangents[place] = gradient.detach()

    def _finish(self) -> None:
        """Measures the contributions at the end of a backward pass."""
        passes, self._pending = list(self._pending.values()), {}
        totals, self._totals = self._totals, {}
        with torch.no_grad(), vmap_context():
            self._add(passes, totals)
        self.steps += 1

    def _add(self, passes: list[_ForwardPass], totals: Params) -> None:
        try:
            found, whole = self._measured(passes, totals, self._followed)
        except RuntimeError:
            # Some function has no batching rule, say. Find the parameters it uses.
            for name in self._followed:
                try:
                    self._measured(passes, totals, {name})
                except RuntimeError:
                    self.missed.add(name)
            found, whole = self._measured(passes, totals, self._followed)
        for lengths, products in found:
            cosines = ratio(products, lengths * whole**0.5)
            self._write(lengths * (len(lengths) if self._mean else 1), cosines)
        for seen in passes:
            for call in seen.calls:
                call.cotangents.clear()
        parts = sum(products.sum().item() for _, products in found)
        self._warn_once(abs(parts - whole) > 0.01 * whole)

    @property
    def _followed(self) -> set[str]:
        return set(self._parameters) - self.missed

    def _measured(
        self, passes: list[_ForwardPass], totals: Params, names: set[str]
    ) -> tuple[list[tuple[Tensor, Tensor]], float]:
        """Lengths and inner products with the whole gradient, and its squared norm.

        The lengths and inner products are those of each sample, pass by pass.
        """
        own = {n: p.detach() for n, p in self._parameters.items()}
        whole = {n: g for n, g in totals.items() if n in names}
        found = []
        for seen in passes:
            calls = [c for c in seen.calls if c.cotangents and c.names & names]
            shares = StepContributions(calls, seen.axes, own, seen.size)
            lengths = shares.squared_norms(names).sqrt()
            found.append((lengths, shares.inner_products(whole)))
        return found, sum(_square(g) for g in whole.values())

    def _write(self, norms: Tensor, cosines: Tensor) -> None:
        places = torch.arange(len(norms), dtype=torch.float64)
        columns = [torch.full_like(places, self.steps), places, norms, cosines]
        rows = torch.stack(columns, 1)
        if self._writer is None:
            self._kept.append(rows)
            return
        for step, place, norm, cosine in rows.tolist():
            self._writer.writerow([int(step), int(place), norm, cosine])

    def _warn_once(self, unexplained: bool) -> None:
        new = self.missed - self._warned
        self._warned |= new
        if new:
            warn(
                f"record leaves out {sorted(new)}: it cannot divide the gradient by "
                "these parameters between the samples, as in a fused layer with dropout"
            )
        if unexplained and _REST not in self._warned:
            self._warned.add(_REST)
            warn(
                "record sees a part of the gradient that comes from no sample, as from "
                "a penalty on the weights; norms do not include it, cosines do"
            )


_REST = "a part that comes from no sample"
_COLUMNS = ["step", "sample", "norm", "cosine"]


def _square(values: Tensor) -> float:
    length: float = torch.linalg.vector_norm(upcast(values)).item()
    return length**2


def _hook(value: Any, function: Callable[[Tensor], None]) -> Any:
    return value.register_hook(function)

"""One evaluation of a torch loss, traced, with its backward pass."""

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .._method.inputs import Kind
from .._method.source import DOCTOR, Location, Source, home_of
from .._method.subject import Failure, Frozen, Run
from .._method.trace import Array, Site
from .copies import Copies, unwrapped
from .forms import copied, doubled, file_of, first_tensor, name_of, total_of
from .graph import reaches
from .isolation import seeded
from .lines import line_at_end, line_that_changes, random_state
from .operations import tensors_in
from .tracer import Tracer

NEVER_BLAMED = (DOCTOR, torch.overrides.__file__)


class Evaluation:
    """One evaluation with everything that is known about it.

    Attributes:
        run: What the method needs of it.
        tracer: The calls and nodes that were seen.
        leaf: The prediction, as the leaf of the graph.
        total: The tensor whose gradient was taken, if the loss returned one.
        grad_mode: Gradients were still switched on when the loss returned.
    """

    def __init__(self, run: Run, tracer: Tracer, leaf: Tensor) -> None:
        self.run, self.tracer, self.leaf = run, tracer, leaf
        self.total: Tensor | None = None
        self.grad_mode = True


class Evaluator:
    """Runs a torch loss on arrays.

    Args:
        loss: The loss.
        prediction: An example, for its dtype and its device.
        target: An example, for its dtype and its device.
        kind: What the prediction is, if the caller said so.
        batch_dim: Axis of the samples; in arrays they are on the first.
        still: Parameters of the loss require no gradients.
    """

    def __init__(
        self,
        loss: Callable[..., Any],
        prediction: Tensor,
        target: Any,
        kind: Kind | None,
        batch_dim: int,
        still: bool,
    ) -> None:
        loss = unwrapped(loss)
        self.name = name_of(loss)
        self.source = Source(NEVER_BLAMED, home_of(file_of(loss)))
        self.kind = kind
        self.dtype, self.device = prediction.dtype, prediction.device
        self._copies = Copies(loss, still)
        self._example_target = target
        self._batch_dim = batch_dim if batch_dim else None

    def array(self, tensor: Tensor) -> Array:
        """A tensor as an array: samples on the first axis, floats in float64."""
        tensor = tensor.detach().cpu()
        if tensor.is_floating_point():
            tensor = tensor.double()
        if self._batch_dim is not None and tensor.dim() > abs(self._batch_dim):
            tensor = tensor.movedim(self._batch_dim, 0)
        return tensor.numpy().copy()

    def _tensor(self, array: Array) -> Tensor:
        made = torch.tensor(np.ascontiguousarray(array)).to(self.device)
        if self._batch_dim is not None and made.dim() > abs(self._batch_dim):
            made = made.movedim(0, self._batch_dim)
        return made

    def _prediction(self, prediction: Array, double: bool) -> Tensor:
        dtype = torch.float64 if double else self.dtype
        return self._tensor(prediction).to(dtype)

    def _target(self, target: Any, double: bool) -> Any:
        example = self._example_target
        if isinstance(target, np.ndarray) and isinstance(example, Tensor):
            made = self._tensor(target).to(example.device, example.dtype)
        else:
            made = copied(target)
        return doubled(made) if double else made

    def evaluate(
        self,
        prediction: Array,
        target: Any,
        *,
        gradient: bool = True,
        frozen: Frozen | None = None,
        double: bool = False,
        seed: int = 0,
        traced: bool = True,
        record: bool = False,
        aligned: Site | None = None,
    ) -> Evaluation:
        """Run the loss, and its backward pass if `gradient`."""
        tracer = Tracer(self.source, replay=frozen, record=record, aligned=aligned)
        run = Run(trace=tracer.trace)
        leaf = self._prediction(prediction, double).requires_grad_()
        found = Evaluation(run, tracer, leaf)
        phase = "forward"
        try:
            with _quiet():
                loss = self._copies.fresh(double=double)
                # A product is no leaf, so that the loss may write into it in place.
                given, truth = leaf * 1.0, self._target(target, double)
                before = given.detach().clone(), copied(truth)
                tracer.trace.prediction = tracer.watch("prediction", given)
                if isinstance(truth, Tensor):
                    tracer.trace.target = (tracer.watch("target", truth),)
                else:
                    parts = tensors_in(truth)
                    tracer.trace.target = tuple(map(tracer.number, parts))
                seeded(seed)
                arguments = (given,) if truth is None else (given, truth)
                with tracer if traced else contextlib.nullcontext():
                    result = loss(*arguments)
                found.grad_mode = torch.is_grad_enabled()
                torch.set_grad_enabled(True)
                _note_changes(tracer, before, (given, truth))
                phase = "backward"
                self._finish(found, result, gradient)
        except Exception as error:
            run.failure = Failure(error, self.source.of_error(error), phase)
        return found

    def _finish(self, found: Evaluation, result: Any, gradient: bool) -> None:
        """Note what the loss returned, and take its gradient."""
        run = found.run
        total, run.returned = total_of(result)
        if not isinstance(total, Tensor):
            run.value = total
            return
        run.value = float(total.detach())
        run.shape = tuple(result.shape) if isinstance(result, Tensor) else ()
        run.trace.result = found.tracer.number(first_tensor(result, total))
        found.total = total
        run.connected = reaches(total, found.leaf)
        run.new_leaf = total.requires_grad and not run.connected
        if gradient and run.connected:
            slope = _slope(total, found.leaf)
            if slope is not None:
                run.gradient = self.array(slope)

    def line_that_changes(
        self, what: str, prediction: Array, target: Any
    ) -> Location | None:
        """Line that changes "random", "prediction", "target" or "grad mode"."""
        with _quiet():
            given, truth, call = self._call(prediction, target)
        probes: dict[str, Callable[[], object]] = {
            "random": random_state,
            "prediction": lambda: _bytes(given),
            "target": lambda: tuple(map(_bytes, tensors_in(truth))),
            "grad mode": torch.is_grad_enabled,
        }
        with _quiet():
            return line_that_changes(call, probes[what], self.source)

    def line_that_returns(self, prediction: Array, target: Any) -> Location | None:
        """Line at which the loss returns."""
        with _quiet():
            _, _, call = self._call(prediction, target)
            return line_at_end(call, self.source)

    def _call(
        self, prediction: Array, target: Any
    ) -> tuple[Tensor, Any, Callable[[], None]]:
        """Prediction, target, and a call of the loss with them that ignores errors."""
        loss = self._copies.fresh()
        given = self._prediction(prediction, False).requires_grad_() * 1.0
        truth = self._target(target, False)

        def call() -> None:
            with contextlib.suppress(Exception):
                loss(*((given,) if truth is None else (given, truth)))

        return given, truth, call


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No warnings, gradients switched on; afterwards grad mode as it was."""
    enabled = torch.is_grad_enabled()
    try:
        with warnings.catch_warnings(), torch.enable_grad():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.set_grad_enabled(enabled)


def _slope(total: Tensor, leaf: Tensor) -> Tensor | None:
    """Gradient by the prediction alone, or by backward() for reentrant checkpoints."""
    try:
        return torch.autograd.grad(total, leaf, allow_unused=True, retain_graph=True)[0]
    except RuntimeError as error:
        if "use_reentrant" not in str(error):
            raise
        total.backward(retain_graph=True)  # type: ignore[no-untyped-call]
        return leaf.grad


def _note_changes(tracer: Tracer, before: Any, after: Any) -> None:
    """Note how many entries of prediction and target the loss changed."""
    names = ("prediction", "target")
    for name, old, new in zip(names, before, after, strict=True):
        count = 0
        for a, b in zip(tensors_in(old), tensors_in(new), strict=False):
            if a.shape == b.shape:
                both_nan = (a != a) & (b != b)
                count += int(((a != b) & ~both_nan).sum())
        if count:
            tracer.trace.changed[name] = count


def _bytes(tensor: Tensor) -> bytes:
    return bytes(tensor.detach().cpu().double().numpy().tobytes())

"""A torch loss as the doctor asks for it."""

import contextlib
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .._method.inputs import Kind
from .._method.report import Finding
from .._method.source import DOCTOR, Location, Source, home_of
from .._method.subject import Failure, Frozen, NonFinite, Run
from .._method.trace import Array, Op, Site
from .._method.values import first_non_finite
from . import errors, rules
from .custom_functions import test_functions
from .forms import (
    copied,
    doubled,
    file_of,
    first_tensor,
    name_of,
    reaches,
    tensors_in,
    total_of,
)
from .isolation import Copies, seeded, unwrapped
from .lines import line_at_end, line_that_changes, random_state
from .nodes import FirstNonFinite, MostLost, pass_back
from .tracer import Tracer

OURS = (DOCTOR, torch.overrides.__file__)


class Evaluation:
    """One evaluation with all that is known of it."""

    def __init__(self, run: Run, tracer: Tracer, leaf: Tensor) -> None:
        self.run, self.tracer, self.leaf = run, tracer, leaf
        self.total: Tensor | None = None
        self.grad_mode = True


class TorchSubject:
    """Runs a torch loss on arrays, traced."""

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
        self.source = Source(OURS, home_of(file_of(loss)))
        self.kind = kind
        self.copies = Copies(loss, still)
        self.dtype, self.device = prediction.dtype, prediction.device
        self.target = target
        self.batch_dim = batch_dim if batch_dim else None

    def array(self, tensor: Tensor) -> Array:
        """A tensor as an array of the samples first, floats in double precision."""
        tensor = tensor.detach().cpu()
        if tensor.is_floating_point():
            tensor = tensor.double()
        if self.batch_dim is not None and tensor.dim() > abs(self.batch_dim):
            tensor = tensor.movedim(self.batch_dim, 0)
        return tensor.numpy().copy()

    def _tensor(self, array: Array) -> Tensor:
        made = torch.tensor(np.ascontiguousarray(array)).to(self.device)
        if self.batch_dim is not None and made.dim() > abs(self.batch_dim):
            made = made.movedim(0, self.batch_dim)
        return made

    def _prediction(self, prediction: Array, double: bool) -> Tensor:
        dtype = torch.float64 if double else self.dtype
        return self._tensor(prediction).to(dtype)

    def _target(self, target: Any, double: bool) -> Any:
        if isinstance(target, np.ndarray) and isinstance(self.target, Tensor):
            made = self._tensor(target).to(self.target.device, self.target.dtype)
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
        """Run the loss, and its backward pass if a gradient is wanted."""
        tracer = Tracer(self.source, replay=frozen, record=record, aligned=aligned)
        run = Run(trace=tracer.trace)
        leaf = self._prediction(prediction, double).requires_grad_()
        found = Evaluation(run, tracer, leaf)
        enabled = torch.is_grad_enabled()
        phase = "forward"
        try:
            with warnings.catch_warnings(), torch.enable_grad():
                warnings.simplefilter("ignore")
                loss = self.copies.fresh(double=double)
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
        finally:
            torch.set_grad_enabled(enabled)
        return found

    def _finish(self, found: Evaluation, result: Any, gradient: bool) -> None:
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
        run.leaf = total.requires_grad and not run.connected
        if gradient and run.connected:
            slope = _slope(total, found.leaf)
            if slope is not None:
                run.gradient = self.array(slope)

    def run(self, prediction: Array, target: Any, **options: Any) -> Run:
        """Evaluate the loss, with the recorded results at the frozen sites."""
        return self.evaluate(prediction, target, **options).run

    def rules(self, prediction: Array, target: Any) -> list[Finding]:
        """Findings about single calls of torch."""
        return rules.findings(self, prediction, target)

    def explain(self, run: Run) -> Finding:
        """Finding for a run that failed."""
        return errors.explain(run)

    def non_finite(self, prediction: Array, target: Any) -> NonFinite | None:
        """First place where the value or the gradient is not finite."""
        found = self.evaluate(prediction, target, gradient=False, record=True)
        forward = first_non_finite(found.run.trace, prediction, target)
        finite = math.isfinite(found.run.value)
        if forward is not None and not finite:
            return forward[1]
        if found.total is None or not found.run.connected:
            return None
        trace = found.run.trace

        def selected(op: Op) -> bool:
            after = trace.reached(op.outputs)
            return any(o.selects and after & set(o.inputs) for o in trace.ops)

        look = FirstNonFinite(found.tracer.nodes, selected)
        pass_back(found.total, found.leaf, look)
        if forward is not None and selected(forward[0]):
            return forward[1]._replace(masked=True)
        return look.found

    def vanishing(self, prediction: Array, target: Any) -> Location | None:
        """Line where most of the gradient is lost on its way back."""
        found = self.evaluate(prediction, target, gradient=False)
        if found.total is None or not found.run.connected:
            return None
        look = MostLost(found.tracer.nodes)
        pass_back(found.total, found.leaf, look)
        return None if look.op is None else look.op.at

    def line_that_changes(
        self, what: str, prediction: Array, target: Any
    ) -> Location | None:
        """Line that changes the random state, an input or grad mode, or the last."""
        loss = self.copies.fresh()
        given = self._prediction(prediction, False).requires_grad_() * 1.0
        truth = self._target(target, False)
        probes: dict[str, Callable[[], object]] = {
            "random": random_state,
            "prediction": lambda: _bytes(given),
            "target": lambda: tuple(map(_bytes, tensors_in(truth))),
            "grad mode": torch.is_grad_enabled,
        }

        def call() -> None:
            with warnings.catch_warnings(), contextlib.suppress(Exception):
                warnings.simplefilter("ignore")
                loss(*((given,) if truth is None else (given, truth)))

        enabled = torch.is_grad_enabled()
        try:
            with torch.enable_grad():
                if what == "end":
                    return line_at_end(call, self.source)
                return line_that_changes(call, probes[what], self.source)
        finally:
            torch.set_grad_enabled(enabled)

    def backward_findings(self, prediction: Array, target: Any) -> list[Finding]:
        """Findings about custom Functions, each tested alone."""
        return test_functions(self.evaluate(prediction, target).tracer.functions)


def _slope(total: Tensor, leaf: Tensor) -> Tensor | None:
    try:
        return torch.autograd.grad(total, leaf, allow_unused=True, retain_graph=True)[0]
    except RuntimeError as error:
        if "use_reentrant" not in str(error):
            raise
        total.backward(retain_graph=True)  # type: ignore[no-untyped-call]
        return leaf.grad


def _note_changes(tracer: Tracer, before: Any, after: Any) -> None:
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

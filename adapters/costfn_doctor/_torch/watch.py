"""Watches one training step: where is the graph cut on the way to the loss?"""

import contextlib
from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from .._method.causes import CAUSES
from .._method.flow import BRANCH
from .._method.report import RANK, Finding, Report, finding
from .._method.source import Source
from .._method.trace import Cut
from .evaluation import NEVER_BLAMED
from .graph import leaves_of
from .operations import tensors_in
from .tracer import Tracer

ESCAPES = {"ITEM_ESCAPE", "NUMPY_ESCAPE"}
NAMES_SHOWN = 4


class Watch:
    """What `watch` yields; the report is ready after the block."""

    def __init__(self) -> None:
        self._report: Report | None = None

    @property
    def report(self) -> Report:
        """The report of the step.

        Raises:
            RuntimeError: If the step is not over.
        """
        if self._report is None:
            raise RuntimeError("report must be read after the watched block, got it in")
        return self._report


class _StepTracer(Tracer):
    """Traces a step, and keeps each loss whose backward pass was called."""

    def __init__(self) -> None:
        super().__init__(Source(NEVER_BLAMED))
        self.losses: list[Tensor] = []
        self.reached: set[int] = set()
        self.needed: set[int] = set()

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if getattr(function, "__name__", "") == "backward":
            for loss in tensors_in(args[0]):
                self.add_loss(loss)
            return function(*args, **(kwargs or {}))
        return super().__torch_function__(function, types, args, kwargs)

    def add_loss(self, loss: Tensor) -> None:
        """Note a loss, and the leaves that its graph leads to."""
        self.losses.append(loss)
        self.reached |= {id(leaf) for leaf in leaves_of(loss)}
        self.needed |= self.trace.made_of(self.number(loss))

    def add_last_scalar(self) -> None:
        """Take the last number that was computed for the loss, if there was none."""
        kept = (tensor for tensor in self._kept if tensor.is_floating_point())
        scalars = [tensor for tensor in kept if tensor.numel() == 1]
        if scalars and not self.losses:
            self.add_loss(scalars[-1])

    def parameters_read(self) -> list[Tensor]:
        """Parameters that the step read."""
        used = {number for op in self.trace.ops for number in op.inputs}
        return [
            tensor
            for number, tensor in enumerate(self._kept)
            if number in used and tensor.is_leaf and tensor.requires_grad
        ]


@contextlib.contextmanager
def watch(model: nn.Module | None = None) -> Iterator[Watch]:
    """Watch one training step: where is the graph cut, what gets no gradient?

    The step runs once, as it is. That is cheaper than `diagnose`, but shows nothing
    that needs other inputs.

    Args:
        model: For the names of its parameters, and to find those never used.

    Yields:
        A `Watch`, whose `report` is ready after the block.

    Example:
        >>> import torch, costfn
        >>> model = torch.nn.Linear(3, 2)
        >>> with costfn.doctor.watch(model) as seen:
        ...     scores = model(torch.randn(4, 3)).detach()
        ...     loss = scores.pow(2).mean().requires_grad_()
        ...     loss.backward()
        >>> seen.report.verdict, seen.report.findings[0].cause
        ('broken', 'DETACH')
    """
    found, tracer = Watch(), _StepTracer()
    before = {} if model is None else _gradients(model)
    try:
        with tracer:
            yield found
    finally:  # a step that raises an error needs a report most
        tracer.add_last_scalar()
        found._report = _report(tracer, model, before)


def _gradients(model: nn.Module) -> dict[str, Tensor | None]:
    return {
        name: None if p.grad is None else p.grad.clone()
        for name, p in model.named_parameters()
    }


def _report(
    tracer: _StepTracer, model: nn.Module | None, before: dict[str, Tensor | None]
) -> Report:
    names = {} if model is None else {id(p): n for n, p in model.named_parameters()}
    used = tracer.parameters_read()
    # Parameters of other models may be held fixed on purpose.
    lost = [
        p for p in used if id(p) not in tracer.reached and (not names or id(p) in names)
    ]
    findings = list(_cuts(tracer, lost, names))
    if lost and not any(found.severity == "error" for found in findings):
        at = tracer.trace.last_line()
        text = f"{len(lost)} of {len(used)} parameters do not reach the loss: "
        text += _listed(lost, names)
        findings.append(finding("error", "UNSEEN_CUT", text, at))
    if any(loss.is_leaf and loss.requires_grad for loss in tracer.losses):
        at = next((op.at for op in reversed(tracer.trace.ops) if op.enables_grad), None)
        text = "the loss is a leaf: backward() runs, but reaches no parameter"
        findings.append(finding("error", "REQUIRES_GRAD_MASK", text, at))
    for name, p in () if model is None else model.named_parameters():
        if p.requires_grad and all(p is not other for other in used):
            text = f"parameter {name} is never used in this step"
            findings.append(finding("warning", "PRED_IGNORED", text, fix=""))
    findings += _flat(tracer, model, before)
    checked = f"{len(used) - len(lost)} of {len(used)} parameters reach the loss"
    findings.sort(key=lambda found: RANK[found.severity])
    return Report("this step", tuple(findings), (checked,))


def _cuts(
    tracer: _StepTracer, lost: list[Tensor], names: dict[int, str]
) -> Iterator[Finding]:
    """Each cut on the way to the loss, with the parameters that lose their gradient.

    What happens after `.item()` or `.numpy()` is not traced. So a cut of that kind
    counts too if no traced value leads to the loss.
    """
    trace = tracer.trace
    needed = tracer.needed
    numbers = {tracer.number(p): p for p in lost}
    ends = [trace.reached(cut.outputs) for cut in trace.cuts.values()]
    connected = any(not needed.isdisjoint(end) for end in ends)
    for cut in trace.cuts.values():
        reaches = not needed.isdisjoint(trace.reached(cut.outputs))
        causes = {cut.cause, *(cause for cause, _, _ in cut.steps)}
        escapes = not connected and bool(causes & ESCAPES)
        if not (reaches or escapes) or cut.cause == BRANCH:
            continue
        upstream = set().union(*(trace.made_of(value) for value in cut.inputs))
        behind = [p for number, p in numbers.items() if number in upstream]
        yield _cut(cut, behind, names)
        for p in behind:  # a parameter is listed at its first cut
            del numbers[tracer.number(p)]


def _cut(cut: Cut, lost: list[Tensor], names: dict[int, str]) -> Finding:
    if not lost:
        text = (
            f"{cut.site.operation} cuts the graph, but no parameter loses its gradient"
        )
        return finding("information", cut.cause, text, cut.place, fix="")
    text = f"{cut.site.operation} cuts the graph: no gradient for "
    text += _listed(lost, names)
    evidence = {"parameters without gradient": len(lost)}
    return finding(
        "error",
        cut.cause,
        text,
        cut.place,
        evidence=evidence,
        chain=cut.chain,
        fix=CAUSES[cut.cause],
    )


def _listed(lost: list[Tensor], names: dict[int, str]) -> str:
    texts = [names.get(id(p), f"a parameter {tuple(p.shape)}") for p in lost]
    hidden = len(texts) - NAMES_SHOWN
    return ", ".join(texts[:NAMES_SHOWN]) + (
        f" and {hidden} more" if hidden > 0 else ""
    )


def _flat(
    tracer: _StepTracer, model: nn.Module | None, before: dict[str, Tensor | None]
) -> Iterator[Finding]:
    """Parameters with a gradient of zero in this step, if it has a step function."""
    flat = [c for c in tracer.trace.cuts.values() if c.cause == "PIECEWISE_CONST"]
    if model is None or not flat:
        return
    zero = []
    for name, p in model.named_parameters():
        old = before[name]
        if p.grad is not None and bool((p.grad == (0 if old is None else old)).all()):
            zero.append(name)
    if zero and all(bool(loss.isfinite().all()) for loss in tracer.losses):
        text = f"the gradient is zero for {', '.join(zero[:NAMES_SHOWN])}"
        evidence = {"parameters with gradient zero": len(zero)}
        yield finding(
            "error", "PIECEWISE_CONST", text, flat[0].place, evidence=evidence
        )

"""One real training step, watched: where is the graph cut on the way to the loss?"""

import contextlib
from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from .._method.causes import CAUSES
from .._method.report import Finding, Report, finding
from .._method.source import Source
from .._method.trace import Cut
from .operations import tensors_in
from .subject import OURS
from .tracer import Tracer

ESCAPES = {"ITEM_ESCAPE", "NUMPY_ESCAPE"}


class Watch:
    """What `watch` gives; its report is there when the block is left."""

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
    """Traces a step up to its backward pass, and keeps what was descended on."""

    def __init__(self) -> None:
        super().__init__(Source(OURS))
        self.losses: list[Tensor] = []
        self.reached: set[int] = set()
        self.needed: set[int] = set()

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if getattr(function, "__name__", "") == "backward":
            for loss in tensors_in(args[0]):
                self.see(loss)
            return function(*args, **(kwargs or {}))
        return super().__torch_function__(function, types, args, kwargs)

    def see(self, loss: Tensor) -> None:
        """Note a loss, and the leaves that its graph leads to."""
        self.losses.append(loss)
        self.reached |= leaves(loss)
        self.needed |= self.trace.made_of(self.number(loss))

    def leaf_inputs(self) -> list[Tensor]:
        """Parameters that the step read."""
        used = {number for op in self.trace.ops for number in op.inputs}
        return [
            tensor
            for number, tensor in enumerate(self._kept)
            if number in used and tensor.is_leaf and tensor.requires_grad
        ]


def leaves(result: Tensor) -> set[int]:
    """Ids of the leaves that a graph leads to."""
    found, seen, waiting = set(), set(), [result.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            variable = getattr(node, "variable", None)
            if variable is not None:
                found.add(id(variable))
            waiting += [parent for parent, _ in node.next_functions]
    return found


@contextlib.contextmanager
def watch(model: nn.Module | None = None) -> Iterator[Watch]:
    """Watch one training step: where is the graph cut, who gets no gradient?

    One run, nothing is repeated or frozen: cheaper than `diagnose`, and blind to
    what only shows with other inputs. The step runs as it is.

    Args:
        model: For the names of its parameters, and those that are never used.

    Yields:
        A `Watch`, whose `report` is there after the block.

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
    finally:  # a step that fails most needs a report
        if not tracer.losses:
            every = (t for t in tracer._kept if t.is_floating_point())
            scalars = [t for t in every if t.numel() == 1]
            if scalars:
                tracer.see(scalars[-1])
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
    used = tracer.leaf_inputs()
    # Of a model that is given; others may be meant to stand still.
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
        at = next((op.at for op in reversed(tracer.trace.ops) if op.masks), None)
        text = "the loss is a leaf: backward() runs and reaches no parameter"
        findings.append(finding("error", "REQUIRES_GRAD_MASK", text, at))
    for name, p in () if model is None else model.named_parameters():
        if p.requires_grad and all(p is not other for other in used):
            text = f"parameter {name} is never used in this step"
            findings.append(finding("warning", "PRED_IGNORED", text, mend=""))
    findings += _flat(tracer, model, before)
    checked = f"{len(used) - len(lost)} of {len(used)} parameters reach the loss"
    order = {"error": 0, "warning": 1, "information": 2}
    findings.sort(key=lambda found: order[found.severity])
    return Report("this step", tuple(findings), (checked,))


def _cuts(
    tracer: _StepTracer, lost: list[Tensor], names: dict[int, str]
) -> Iterator[Finding]:
    """Each cut on the way to the loss, with the parameters it takes gradient from."""
    trace = tracer.trace
    needed = tracer.needed
    numbers = {tracer.number(p): p for p in lost}
    ends = [trace.reached(cut.outputs) for cut in trace.cuts.values()]
    connected = any(not needed.isdisjoint(end) for end in ends)
    for cut in trace.cuts.values():
        reaches = not needed.isdisjoint(trace.reached(cut.outputs))
        causes = {cut.cause, *(cause for cause, _, _ in cut.steps)}
        escapes = not connected and bool(causes & ESCAPES)
        if not (reaches or escapes) or cut.cause == "BRANCH":
            continue
        upstream = set().union(*(trace.made_of(value) for value in cut.inputs))
        of = [p for number, p in numbers.items() if number in upstream]
        yield _cut(cut, of, names)
        for p in of:
            del numbers[tracer.number(p)]


def _cut(cut: Cut, lost: list[Tensor], names: dict[int, str]) -> Finding:
    if not lost:
        text = f"{cut.site.operation} passes no gradient on; others reach the loss"
        return finding("information", cut.cause, text, cut.place, mend="")
    text = f"cut by {cut.site.operation}: no gradient for {_listed(lost, names)}"
    evidence = {"parameters without gradient": len(lost)}
    return finding(
        "error",
        cut.cause,
        text,
        cut.place,
        evidence=evidence,
        chain=cut.chain,
        mend=CAUSES[cut.cause].mend,
    )


def _listed(lost: list[Tensor], names: dict[int, str]) -> str:
    texts = [names.get(id(p), f"a parameter {tuple(p.shape)}") for p in lost]
    more = f" and {len(texts) - 4} more" if len(texts) > 4 else ""
    return ", ".join(texts[:4]) + more


def _flat(
    tracer: _StepTracer, model: nn.Module | None, before: dict[str, Tensor | None]
) -> Iterator[Finding]:
    """Parameters whose gradient of this step is zero, behind a step function."""
    flat = [c for c in tracer.trace.cuts.values() if c.cause == "PIECEWISE_CONST"]
    if model is None or not flat:
        return
    zero = []
    for name, p in model.named_parameters():
        old = before[name]
        if p.grad is not None and bool((p.grad == (0 if old is None else old)).all()):
            zero.append(name)
    if zero and all(bool(loss.isfinite().all()) for loss in tracer.losses):
        text = f"the gradient is zero for {', '.join(zero[:4])}"
        evidence = {"parameters with gradient zero": len(zero)}
        yield finding(
            "error", "PIECEWISE_CONST", text, flat[0].place, evidence=evidence
        )

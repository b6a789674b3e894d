"""Records what a loss does, and puts recorded results in place of fresh ones."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.overrides import TorchFunctionMode

from .._method.source import Location, Source
from .._method.subject import Frozen
from .._method.trace import Cut, Op, Site, Trace
from . import calls, operations
from .apply_hook import functions_seen_by
from .records import Written, frozen, recorded, snapshot


@dataclass(frozen=True)
class Call:
    """One call with its arguments, for rules about single calls."""

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    result: Any
    op: Op

    @property
    def at(self) -> Location | None:
        """Line of the call."""
        return self.op.at


class Tracer(TorchFunctionMode):
    """Traces one run.

    Args:
        source: Tells the user's code from libraries.
        replay: Recorded results to give back, by site.
        record: Keep the numbers of every result, and every call.
        aligned: A site whose two operands are given the same shape.
    """

    def __init__(
        self,
        source: Source,
        *,
        replay: Frozen | None = None,
        record: bool = False,
        aligned: Site | None = None,
    ) -> None:
        super().__init__()
        self.source, self.record, self.aligned = source, record, aligned
        self.frozen = dict(replay or {})
        self._replayed = {site.operation for site in self.frozen}
        self.trace = Trace()
        self.calls: list[Call] = []
        self.nodes: dict[Any, Op] = {}
        self.functions: list[tuple[type[Function], tuple[Any, ...]]] = []
        self.watched: dict[int, str] = {}
        self._numbers: dict[int, int] = {}
        self._kept: list[Tensor] = []
        self._used: dict[Site, int] = {}
        self._tainted: dict[int, set[Site]] = {}
        self._off: list[Location] = []
        self._opaque = 0

    def number(self, tensor: Tensor) -> int:
        """Number of a value; the tensor is kept, so that no other gets its id."""
        if id(tensor) not in self._numbers:
            self._numbers[id(tensor)] = len(self._kept)
            self._kept.append(tensor)
        return self._numbers[id(tensor)]

    def watch(self, name: str, tensor: Tensor) -> int:
        """Note in-place writes into a tensor of the caller."""
        self.watched[tensor.untyped_storage().data_ptr()] = name
        return self.number(tensor)

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        name = operations.name_of(function)
        if name in operations.METADATA or self._opaque or self._passes(name):
            return function(*args, **kwargs)
        if name == "_set_grad_enabled":
            at = self.source.here()
            if args and args[0] is False and at is not None:
                self._off.append(at)
            return function(*args, **kwargs)
        inputs = operations.tensors_in((args, kwargs))
        live = any(map(operations.is_live, inputs))
        if live and not torch.is_grad_enabled() and self._in_function():
            return function(*args, **kwargs)
        site = Site(self.source.here(), name)
        if live and site in self.frozen:
            count = self._used.get(site, 0)
            self._used[site] = count + 1
            if count < len(self.frozen[site]):
                return frozen(self.frozen[site][count], function, args, kwargs)
        if site == self.aligned:
            args = calls.aligned(args)
        version = calls.version(args)
        before = args[0].grad_fn if version is not None else None
        result = function(*args, **kwargs)
        written = version is not None and calls.version(args) != version
        if written:
            maker = "" if before is None else before.name().lower()
            self.trace.overwritten.append((site.at, maker))
        self._note(site, args, kwargs, inputs, result, live, written)
        return result

    def _passes(self, name: str) -> bool:
        """Whether an operation needs no look in a run that only replays."""
        return bool(self._replayed) and name not in self._replayed

    def _in_function(self) -> bool:
        """Whether this is inside forward of a Function whose apply was not seen."""
        frame: FrameType | None = sys._getframe(2)
        while frame is not None:
            code = frame.f_code
            if code.co_name == "forward" and code.co_varnames:
                first = frame.f_locals.get(code.co_varnames[0])
                cls = getattr(type(first), "_forward_cls", None)
                if cls is not None:
                    names = code.co_varnames[1 : code.co_argcount]
                    arguments = tuple(frame.f_locals[name] for name in names)
                    if all(known is not cls for known, _ in self.functions):
                        self.functions.append((cls, arguments))
                    return True
            frame = frame.f_back
        return False

    def _note(
        self,
        site: Site,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        inputs: list[Tensor],
        result: Any,
        live: bool,
        written: bool,
    ) -> None:
        name = site.operation
        results = operations.tensors_in(result)
        if written and all(args[0] is not value for value in results):
            results = [*results, args[0]]
        if written:
            pointer = calls.pointer(args[0])
            if pointer in self.watched:
                self.trace.writes.setdefault(self.watched[pointer], site.at)
        op = Op(
            name,
            site.at,
            tuple(map(self.number, inputs)),
            tuple(map(self.number, results)),
            site,
            live,
            additive=name in operations.SUMS or name in operations.VIEWS,
            masks=operations.switches_on(name, args, kwargs),
            looks_up=name == "__getitem__" and args[0].dim() >= 2,
            compares=name in operations.ASYMMETRIC or name.endswith("_loss"),
            selects=calls.selects(name, args),
            divides=name in operations.DIVIDES or name in ("mean", "std", "var"),
            infinite=operations.infinite_on_purpose(args),
        )
        self.trace.ops.append(op)
        self._nodes(results, op)
        if self.record:
            self.calls.append(Call(name, args, kwargs, result, op))
            op.values = calls.numbers(results)
        if live:
            self._cut(op, args, kwargs, result, results, written)
        else:
            self._follow(op, results)

    def _nodes(self, results: list[Tensor], op: Op) -> None:
        waiting = [
            value.grad_fn for value in results if not operations.is_wrapped(value)
        ]
        while waiting:
            node = waiting.pop()
            if node is not None and node not in self.nodes:
                self.nodes[node] = op
                waiting += [parent for parent, _ in node.next_functions]

    def _cut(
        self,
        op: Op,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        result: Any,
        results: list[Tensor],
        written: bool,
    ) -> None:
        """Note a result without gradient, or one whose gradient is always zero."""
        site, name = op.site, op.name
        assert site is not None
        ended = [value for value in results if not operations.is_live(value)]
        leaves = name in operations.SCALARS | operations.ARRAYS | {"__bool__", "equal"}
        flat = operations.steps(name, kwargs)
        if not (ended or flat or leaves or isinstance(result, bool)):
            return
        if name == "backward":
            return
        inherent = operations.cause_of(name, ended, torch.is_grad_enabled())
        cause = "PIECEWISE_CONST" if flat else inherent
        cut = self.trace.cuts.setdefault(site, Cut(site, cause))
        if cause == "NO_GRAD" and cut.at is None:
            cut.at = self._switch(site.at)
        cut.inputs += op.inputs
        cut.outputs += op.outputs
        if written and result is not None and result is not args[0]:
            written = False
        held = Written(snapshot(args[0])) if written else recorded(result)
        cut.recorded.append(held)
        for value in results if flat else ended:
            self._tainted.setdefault(self.number(value), set()).add(site)

    def _switch(self, at: Location | None) -> Location | None:
        """The line that switched gradients off, if it is in the same function."""
        for off in reversed(self._off):
            if at is not None and off[::2] == at[::2] and off.line <= at.line:
                return off
        return at

    def _follow(self, op: Op, results: list[Tensor]) -> None:
        """Note what becomes of a value after it was cut."""
        sites = set().union(*(self._tainted.get(value, set()) for value in op.inputs))
        if not sites:
            return
        for value in op.outputs:
            self._tainted[value] = self._tainted.get(value, set()) | sites
        if op.masks:
            cause = "REQUIRES_GRAD_MASK"
        elif op.name in operations.VIEWS | {"__eq__"} or op.name in operations.DETACHES:
            kinds = [value for value in results if not value.is_floating_point()]
            if op.name not in operations.CASTS or not kinds:
                return
            cause = "INT_CAST"
        else:
            cause = operations.cause_of(op.name, results, True)
        if results and cause == "NONDIFF_OP" and op.name not in operations.COUNTS:
            return
        for site in sites:
            self.trace.cuts[site].steps.append((cause, op.at, op.name))

    def _apply(
        self, cls: type[Function], args: tuple[Any, ...], call: Callable[[], Any]
    ) -> Any:
        """Call a custom Function, and note it as one operation."""
        inputs = operations.tensors_in(args)
        if self._opaque or any(map(operations.is_wrapped, inputs)):
            return call()
        self._opaque += 1
        try:
            result = call()
        finally:
            self._opaque -= 1
        self.functions.append((cls, args))
        results = operations.tensors_in(result)
        at = self.source.here()
        op = Op(
            cls.__name__,
            at,
            tuple(map(self.number, inputs)),
            tuple(map(self.number, results)),
            Site(at, cls.__name__),
            any(map(operations.is_live, inputs)),
        )
        if self.record:
            op.values = calls.numbers(results)
        self.trace.ops.append(op)
        self._nodes(results, op)
        return result

    def __enter__(self) -> "Tracer":
        self._seeing = functions_seen_by(self._apply)
        self._seeing.__enter__()
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        self._seeing.__exit__(None, None, None)

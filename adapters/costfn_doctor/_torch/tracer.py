"""Records what a loss does, and returns recorded results in place of fresh ones."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.overrides import TorchFunctionMode

from .._method.source import Location, Source
from .._method.subject import Frozen
from .._method.trace import Cut, Op, Site, Trace
from . import calls, operations
from .apply_hook import forward_in_progress, reported_to
from .calls import Call
from .records import Written, frozen, recorded, snapshot


class Tracer(TorchFunctionMode):
    """Traces one run.

    A TorchFunctionMode sees calls as the user writes them: `.item()`, `.numpy()`,
    `.data`, `no_grad`. A TorchDispatchMode does not, and reports detaches that softmax
    makes inside (33 of 34 cuts against 34, and 71 false events against 29, on the
    labelled losses).

    Args:
        source: Tells the user's code from libraries.
        replay: Recorded results to return, by site.
        record: Keep the numbers of every result, and every call.
        aligned: A site whose two operands are brought to the same shape.

    Attributes:
        trace: What the run did.
        calls: Each call with its arguments, if the run is recorded.
        nodes: The operation that made each node of the autograd graph.
        functions: Custom autograd Functions that were called, with their arguments.
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
        self._watched: dict[int, str] = {}
        self._numbers: dict[int, int] = {}
        self._kept: list[Tensor] = []
        # How often each frozen site has run, so that a loop gets its results in turn.
        self._returned: dict[Site, int] = {}
        # For each value that comes after a cut: where it was cut.
        self._cut_at: dict[int, set[Site]] = {}
        # Lines that switched gradients off.
        self._switches: list[Location] = []
        # How many custom Functions the run is inside of; what they call is theirs.
        self._inside = 0

    def number(self, tensor: Tensor) -> int:
        """Number of a value; the tensor is kept, so that no other gets its id."""
        if id(tensor) not in self._numbers:
            self._numbers[id(tensor)] = len(self._kept)
            self._kept.append(tensor)
        return self._numbers[id(tensor)]

    def watch(self, name: str, tensor: Tensor) -> int:
        """Note in-place writes into a tensor of the caller."""
        self._watched[tensor.untyped_storage().data_ptr()] = name
        return self.number(tensor)

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        name = operations.name_of(function)
        if name in operations.METADATA or self._inside or self._needs_no_look(name):
            return function(*args, **kwargs)
        if name == "_set_grad_enabled":
            at = self.source.here()
            if args and args[0] is False and at is not None:
                self._switches.append(at)
            return function(*args, **kwargs)
        inputs = operations.tensors_in((args, kwargs))
        live = any(map(operations.is_live, inputs))
        # Inside the forward of a Function gradients are off, which is no cut: its
        # backward provides the gradient.
        if live and not torch.is_grad_enabled() and self._in_function():
            return function(*args, **kwargs)
        site = Site(self.source.here(), name)
        if live and site in self.frozen:
            count = self._returned.get(site, 0)
            self._returned[site] = count + 1
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

    def _needs_no_look(self, name: str) -> bool:
        """Whether a run that only replays can ignore an operation."""
        return bool(self._replayed) and name not in self._replayed

    def _in_function(self) -> bool:
        """Whether this is inside the forward of a Function, which is then noted."""
        found = forward_in_progress()
        if found is not None and all(cls is not found[0] for cls, _ in self.functions):
            self.functions.append(found)
        return found is not None

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
            if pointer in self._watched:
                self.trace.writes.setdefault(self._watched[pointer], site.at)
        op = Op(
            name,
            site.at,
            tuple(map(self.number, inputs)),
            tuple(map(self.number, results)),
            site,
            live,
            additive=name in operations.SUMS or name in operations.VIEWS,
            enables_grad=operations.enables_grad(name, args, kwargs),
            reads_table=name == "__getitem__" and args[0].dim() >= 2,
            is_loss=name in operations.ASYMMETRIC or name.endswith("_loss"),
            discards=calls.discards(name, args),
            divides=name in operations.DIVIDES or name in ("mean", "std", "var"),
            given_infinity=operations.infinite_on_purpose(args),
        )
        self.trace.ops.append(op)
        self._note_nodes(results, op)
        if self.record:
            self.calls.append(Call(name, args, kwargs, result, op))
            op.values = calls.numbers(results)
        if live:
            self._cut(op, args, kwargs, result, results, written)
        else:
            self._follow(op, results)

    def _note_nodes(self, results: list[Tensor], op: Op) -> None:
        """Note which operation made the nodes that are new in the graph."""
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
        """Note results that have no gradient, or one that is always zero."""
        site, name = op.site, op.name
        assert site is not None
        ended = [value for value in results if not operations.is_live(value)]
        escapes = name in operations.SCALARS | operations.ARRAYS | {"__bool__", "equal"}
        flat = operations.steps(name, kwargs)
        if not (ended or flat or escapes or isinstance(result, bool)):
            return
        if name == "backward":
            return
        cause = operations.cause_of(name, ended, torch.is_grad_enabled())
        cause = "PIECEWISE_CONST" if flat else cause
        cut = self.trace.cuts.setdefault(site, Cut(site, cause))
        if cause == "NO_GRAD" and cut.at is None:
            cut.at = self._switch(site.at)
        cut.inputs += op.inputs
        cut.outputs += op.outputs
        if written and result is not None and result is not args[0]:
            written = False  # the result is another value than the one written to
        held = Written(snapshot(args[0])) if written else recorded(result)
        cut.recorded.append(held)
        for value in results if flat else ended:
            self._cut_at.setdefault(self.number(value), set()).add(site)

    def _switch(self, at: Location | None) -> Location | None:
        """The line that switched gradients off, if the same function contains it."""
        for off in reversed(self._switches):
            if at is not None and off[::2] == at[::2] and off.line <= at.line:
                return off
        return at

    def _follow(self, op: Op, results: list[Tensor]) -> None:
        """Note a step of a value that was cut before."""
        sites = set().union(*(self._cut_at.get(value, set()) for value in op.inputs))
        if not sites:
            return
        for value in op.outputs:
            self._cut_at[value] = self._cut_at.get(value, set()) | sites
        if op.enables_grad:
            cause = "REQUIRES_GRAD_MASK"
        elif op.name in operations.VIEWS | {"__eq__"} or op.name in operations.DETACHES:
            discrete = any(not value.is_floating_point() for value in results)
            if op.name not in operations.CASTS or not discrete:
                return  # a view or a comparison of it tells nothing new
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
        """Call a custom Function, and note the call as one operation."""
        inputs = operations.tensors_in(args)
        if self._inside or any(map(operations.is_wrapped, inputs)):
            return call()
        self._inside += 1
        try:
            result = call()
        finally:
            self._inside -= 1
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
        self._note_nodes(results, op)
        return result

    def __enter__(self) -> "Tracer":
        self._hook = reported_to(self._apply)
        self._hook.__enter__()
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        self._hook.__exit__(None, None, None)

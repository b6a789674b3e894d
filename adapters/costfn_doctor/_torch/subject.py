"""A torch loss under examination."""

import math
from typing import Any

from .._method.non_finite import first_non_finite
from .._method.report import Finding
from .._method.source import Location
from .._method.subject import NonFinite, Run
from .._method.trace import Array, Op
from . import errors, rules
from .custom_functions import check_functions
from .evaluation import Evaluator
from .nodes import FirstNonFinite, MostLost, pass_back


class TorchSubject:
    """Answers what the method asks about a torch loss."""

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator
        self.name, self.source = evaluator.name, evaluator.source
        self.line_that_changes = evaluator.line_that_changes
        self.line_that_returns = evaluator.line_that_returns

    def run(self, prediction: Array, target: Any, **options: Any) -> Run:
        """Evaluate the loss, with the recorded results at the frozen sites."""
        return self.evaluator.evaluate(prediction, target, **options).run

    def rules(self, prediction: Array, target: Any) -> list[Finding]:
        """Findings about single calls of torch."""
        return rules.findings(self.evaluator, prediction, target)

    def explain(self, run: Run) -> Finding:
        """Finding for a run that failed."""
        return errors.explain(run)

    def non_finite(self, prediction: Array, target: Any) -> NonFinite | None:
        """First place where the value or the gradient is not finite."""
        found = self.evaluator.evaluate(prediction, target, gradient=False, record=True)
        trace = found.run.trace
        forward = first_non_finite(trace, prediction, target)
        if forward is not None and not math.isfinite(found.run.value):
            return forward[1]
        if found.total is None or not found.run.connected:
            return None

        def discarded(op: Op) -> bool:
            after = trace.reached(op.outputs)
            return any(o.discards and after & set(o.inputs) for o in trace.ops)

        look = FirstNonFinite(found.tracer.nodes, discarded)
        pass_back(found.total, found.leaf, look)
        if forward is not None and discarded(forward[0]):
            return forward[1]._replace(masked=True)
        return look.found

    def vanishing(self, prediction: Array, target: Any) -> Location | None:
        """Line where most of the gradient is lost on its way back."""
        found = self.evaluator.evaluate(prediction, target, gradient=False)
        if found.total is None or not found.run.connected:
            return None
        look = MostLost(found.tracer.nodes)
        pass_back(found.total, found.leaf, look)
        return None if look.op is None else look.op.at

    def backward_findings(self, prediction: Array, target: Any) -> list[Finding]:
        """Findings about custom Functions, each tested alone."""
        tracer = self.evaluator.evaluate(prediction, target).tracer
        return check_functions(tracer.functions)

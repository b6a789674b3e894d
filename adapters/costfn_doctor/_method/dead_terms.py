"""A cut beside a gradient: is it a term that never trains, or a weight as intended?"""

from .examination import Examination
from .flow import BRANCH, cause_of, fix_for
from .report import finding
from .thresholds import EXCHANGES, MOVES, SMALLEST_GRADIENT, TURNED
from .trace import Cut, Site

OFTEN_SELECTS = ("HARD_THRESHOLD", "INDEX_OP", "PIECEWISE_CONST")
"""Cuts of correct losses: masks, top-k, rounded weights. They are not mentioned."""


def check_dead_terms(exam: Examination) -> None:
    """Find out what each cut does in a loss that has a gradient.

    The result that the cut had for another prediction replaces its own. If the loss
    changes and its gradient does not, the cut only adds a value: a dead term. If the
    gradient changes too, the result acts as a weight, a mask or a target.
    """
    if not exam.trains or exam.base.gradient is None:
        return
    for site in exam.active_cuts:
        cut = exam.base.trace.cuts[site]
        if cut.cause == BRANCH:
            continue
        change, turn = _exchange(exam, site)
        if change <= MOVES * exam.tolerance:
            continue
        evidence = {"change of the loss": change, "change of the gradient": turn}
        if turn > TURNED:
            if cut.cause not in OFTEN_SELECTS:
                text = f"the result of {site.operation} acts as a constant"
                _inform(exam, "STOP_GRADIENT_WEIGHT", text, cut, evidence)
        elif is_straight_through(exam, cut):
            text = "the value and the gradient belong to two functions"
            _inform(exam, "STRAIGHT_THROUGH", text, cut)
        else:
            _dead(exam, cut, evidence)


def _inform(
    exam: Examination,
    cause: str,
    text: str,
    cut: Cut,
    evidence: dict[str, float] | None = None,
) -> None:
    found = finding("information", cause, text, cut.site.at, evidence=evidence)
    exam.findings.append(found)


def _dead(exam: Examination, cut: Cut, evidence: dict[str, float]) -> None:
    cause = cause_of(cut)
    exam.findings.append(
        finding(
            "error",
            "DEAD_TERM",
            "a term changes the loss, but not its gradient; "
            f"{cut.site.operation} cuts the term off",
            cut.place,
            evidence=evidence,
            chain=cut.chain,
            fix=fix_for(exam, cut, cause),
        )
    )
    _inform(exam, cause, "this operation cuts the term off", cut)


def _exchange(exam: Examination, site: Site) -> tuple[float, float]:
    """Largest change of loss and gradient when the site has another run's result.

    The change of the gradient is relative to its largest entry.
    """
    base = exam.base
    assert base.gradient is not None
    size = max(float(abs(base.gradient).max()), SMALLEST_GRADIENT)
    change = turn = 0.0
    for free in exam.runs[:EXCHANGES]:
        other = free.trace.cuts.get(site)
        if other is None:
            continue
        run = exam.run(exam.inputs.prediction, frozen={site: other.recorded})
        if run.evaluated and run.gradient is not None:
            change = max(change, abs(run.value - base.value))
            turn = max(turn, float(abs(run.gradient - base.gradient).max()) / size)
    return change, turn


def is_straight_through(exam: Examination, cut: Cut) -> bool:
    """Whether the cut is part of `x + (f(x) - x).detach()` or a similar form.

    In such a form a live value x is added to a detached value that is itself made of
    x: the value of x cancels, its gradient stays. So for each detach: collect what is
    added to its result, through any number of sums and views. Is one of the addends
    something that the detached value was made of?
    """
    trace = exam.base.trace
    detached = [other for other in trace.cuts.values() if other.cause == "DETACH"]
    for other in detached:
        sources = set().union(*(trace.made_of(value) for value in other.inputs))
        sums, addends = _sums_with(exam, other)
        added = _through_sums(exam, addends)
        # Every value of the loss is made of the prediction itself, so it only counts
        # where the detached expression is a sum with the prediction.
        own = sources - {trace.prediction}
        if added & own or (added & sources and _is_sum_with_prediction(exam, other)):
            reached = trace.reached(cut.outputs)
            if other is cut or not reached.isdisjoint(sums | set(other.inputs)):
                return True
    return False


def _sums_with(exam: Examination, cut: Cut) -> tuple[set[int], set[int]]:
    """Sums that contain the result of a cut, and what else they contain."""
    sums = set(cut.outputs)
    addends: set[int] = set()
    for op in exam.base.trace.ops:
        if op.additive and not sums.isdisjoint(op.inputs):
            addends.update(set(op.inputs) - sums)
            sums.update(op.outputs)
    return sums, addends


def _through_sums(exam: Examination, values: set[int]) -> set[int]:
    """The values, and those with gradient that they are sums or views of."""
    found = set(values)
    for op in reversed(exam.base.trace.ops):
        if op.additive and op.live and not found.isdisjoint(op.outputs):
            found.update(op.inputs)
    return found


def _is_sum_with_prediction(exam: Examination, cut: Cut) -> bool:
    """Whether what is cut is the prediction, or a sum or difference with it."""
    made = {out: op for op in exam.base.trace.ops for out in op.outputs}
    sources = [made[value] for value in cut.inputs if value in made]
    prediction = exam.base.trace.prediction
    return prediction in cut.inputs or any(
        op.additive and prediction in op.inputs for op in sources
    )

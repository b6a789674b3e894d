"""Who cuts the graph: cuts are judged by freezing their result on later runs."""

from .causes import CAUSES
from .examination import Examination, OutOfTimeError
from .intended_metric import replacement
from .report import finding
from .trace import Cut, Site

# Later steps that say more than the detach before them on the same line.
DEEPER = ("NUMPY_ESCAPE", "ITEM_ESCAPE", "INDEX_OP", "HARD_THRESHOLD", "INT_CAST")
BRANCH = "BRANCH"


def check_flow(exam: Examination) -> None:
    """No gradient though the loss moves: the first cut that stops the movement."""
    if exam.trains:
        exam.checked.append(_gradients(exam))
        return
    if exam.base.failure is not None or not exam.moves:
        return
    base = exam.base
    why = (
        "the gradient is zero everywhere, and the loss moves"
        if base.connected
        else "no graph connects the loss to the prediction, and its value moves"
    )
    try:
        site = _culprit(exam)
    except OutOfTimeError:
        site, why = None, f"{why}; there was no time to find the line"
    hand_written = (
        exam.subject.backward_findings(exam.inputs.prediction, exam.inputs.target)
        if site is None
        else []
    )
    if any(found.severity == "error" for found in hand_written):
        exam.findings += hand_written
    elif site is None:
        exam.findings.append(
            finding(
                "error",
                "UNSEEN_CUT",
                why,
                base.trace.last_line(),
                evidence=_moved(exam),
            )
        )
    else:
        cut = base.trace.cuts[site]
        cause = _cause(cut)
        left = exam.effects[site]
        exam.findings.append(
            finding(
                "error",
                cause,
                f"{why}; cut by {site.operation}",
                cut.place,
                evidence={**_moved(exam), "of which through this cut": left},
                chain=cut.chain,
                mend=mend(exam, cut, cause),
            )
        )
        told = {cause}
        for step, at, _ in cut.steps:
            if step in CAUSES and step not in told:
                told.add(step)
                text = "a later step of the same value"
                exam.findings.append(finding("information", step, text, at))
    if base.leaf:
        at = next((op.at for op in reversed(base.trace.ops) if op.masks), None)
        text = "the loss is a new leaf: backward() runs and reaches no parameter"
        exam.findings.append(finding("error", "REQUIRES_GRAD_MASK", text, at))


def _gradients(exam: Examination) -> str:
    largest = max(float(abs(gradient).max()) for gradient in exam.gradients)
    return f"a gradient reaches the prediction (largest {largest:.3g})"


def _moved(exam: Examination) -> dict[str, float]:
    return {"movement of the loss": exam.movement, "gradient": 0.0}


def _culprit(exam: Examination) -> Site | None:
    """First cut whose freezing removes the movement; else the first that matters."""
    cuts = exam.base.trace.cuts
    active = exam.active
    solid = [site for site in active if cuts[site].cause != BRANCH] or active
    values = [run.value for run in exam.runs]
    for site in solid:
        frozen = {site: cuts[site].recorded}
        rest = [exam.value(sample, frozen) for sample in exam.samples[: len(values)]]
        if all(abs(value - exam.base.value) <= 0.02 * exam.movement for value in rest):
            return site
    return solid[0] if solid else None


def _cause(cut: Cut) -> str:
    """Cause of a cut, or the deeper one that follows on its line."""
    if cut.cause == BRANCH:
        return "HARD_THRESHOLD"
    if cut.cause == "DETACH":
        for step, at, _ in cut.steps:
            if step in DEEPER and at == cut.site.at:
                return step
    return cut.cause


def mend(exam: Examination, cut: Cut, cause: str) -> str:
    """The mend of the cause, and the loss of costfn that was meant, if one is."""
    wanted = replacement(exam, cut)
    text = CAUSES[cause].mend
    return text if wanted is None else f"{text}; or {wanted}"


def check_roles(exam: Examination) -> None:
    """Cuts that matter beside a gradient: a dead term, or a weight as intended.

    The result that a cut had for another prediction is put in its place. If the
    loss changes and its gradient does not, the cut only adds a dead value.
    """
    if not exam.trains or exam.base.gradient is None:
        return
    for site in exam.active:
        cut = exam.base.trace.cuts[site]
        if cut.cause == BRANCH:
            continue
        change, turn = _exchange(exam, site)
        if change <= 5 * exam.tolerance:
            continue
        evidence = {"change of the loss": change, "of the gradient": turn}
        if turn > 1e-5:
            if cut.cause not in ("HARD_THRESHOLD", "INDEX_OP", "PIECEWISE_CONST"):
                text = f"the value of {site.operation} acts as a constant"
                exam.findings.append(
                    finding(
                        "information",
                        "STOP_GRADIENT_WEIGHT",
                        text,
                        site.at,
                        evidence=evidence,
                    )
                )
        elif straight_through(exam, cut):
            text = "value and gradient are of two functions"
            exam.findings.append(
                finding("information", "STRAIGHT_THROUGH", text, site.at)
            )
        else:
            _dead(exam, cut, evidence)


def _dead(exam: Examination, cut: Cut, evidence: dict[str, float]) -> None:
    cause = _cause(cut)
    text = f"a term adds value and no gradient; cut by {cut.site.operation}"
    exam.findings.append(
        finding(
            "error",
            "DEAD_TERM",
            text,
            cut.place,
            evidence=evidence,
            chain=cut.chain,
            mend=mend(exam, cut, cause),
        )
    )
    text = "this is how the term is cut off"
    exam.findings.append(finding("information", cause, text, cut.site.at))


def _exchange(exam: Examination, site: Site) -> tuple[float, float]:
    """Change of loss and gradient (relative) with the site's results of others."""
    base = exam.base
    assert base.gradient is not None
    size = max(float(abs(base.gradient).max()), 1e-12)
    change = turn = 0.0
    for free in exam.runs[:3]:
        other = free.trace.cuts.get(site)
        if other is None:
            continue
        frozen = {site: other.recorded}
        run = exam.run(exam.inputs.prediction, frozen=frozen)
        if run.evaluated and run.gradient is not None:
            change = max(change, abs(run.value - base.value))
            turn = max(turn, float(abs(run.gradient - base.gradient).max()) / size)
    return change, turn


def straight_through(exam: Examination, cut: Cut) -> bool:
    """Whether the cut is part of `x + (f(x) - x).detach()` or the like.

    There a live value x is added to something that is made of x's own detached
    value, so that the value of x cancels and its gradient stays.
    """
    trace = exam.base.trace
    detached = [c for c in trace.cuts.values() if c.cause == "DETACH"]
    for other in detached:
        sources = set().union(*(trace.made_of(value) for value in other.inputs))
        # What is added to the detached value, directly or by further sums.
        sums = set(other.outputs)
        addends: set[int] = set()
        for op in trace.ops:
            if op.additive and not sums.isdisjoint(op.inputs):
                addends.update(set(op.inputs) - sums)
                sums.update(op.outputs)
        linear = _additive_closure(exam, addends)
        own = sources - {trace.prediction}
        if linear & own or (linear & sources and _direct(exam, other)):
            reached = trace.reached(cut.outputs)
            if other is cut or not reached.isdisjoint(sums | set(other.inputs)):
                return True
    return False


def _direct(exam: Examination, cut: Cut) -> bool:
    """Whether a detach is of a sum or difference with the prediction itself."""
    made = {out: op for op in exam.base.trace.ops for out in op.outputs}
    sources = [made[value] for value in cut.inputs if value in made]
    prediction = exam.base.trace.prediction
    return any(op.additive and prediction in op.inputs for op in sources) or (
        prediction in cut.inputs
    )


def _additive_closure(exam: Examination, values: set[int]) -> set[int]:
    """The values, and those that they are sums or views of, that carry gradient."""
    found = set(values)
    for op in reversed(exam.base.trace.ops):
        if op.additive and op.live and not found.isdisjoint(op.outputs):
            found.update(op.inputs)
    return found


def check_slices(exam: Examination) -> None:
    """A column of the prediction that the loss reads and that never gets gradient."""
    base = exam.base.gradient
    if base is None or base.ndim < 2 or not exam.trains:
        return
    zero = ~sum((gradient != 0 for gradient in exam.gradients), base * 0).astype(bool)
    for axis in range(1, base.ndim):
        for index in range(base.shape[axis] if 1 < base.shape[axis] <= 64 else 0):
            if zero.take(index, axis).all() and _slice(exam, axis, index):
                return


def _slice(exam: Examination, axis: int, index: int) -> bool:
    where = [slice(None)] * exam.inputs.prediction.ndim
    where[axis] = slice(index, index + 1)
    cuts = exam.base.trace.cuts
    best, size, moved = None, exam.tolerance, 0.0
    for sample in exam.samples[:3]:
        mixed = exam.inputs.prediction.copy()
        mixed[tuple(where)] = sample[tuple(where)]
        free = exam.value(mixed)
        moved = max(moved, abs(free - exam.base.value))
        for site in exam.active:
            effect = abs(exam.value(mixed, {site: cuts[site].recorded}) - free)
            if effect > size:
                best, size = cuts[site], effect
    if moved <= exam.tolerance or best is None:
        return False
    cause = _cause(best)
    part = f"prediction index {index} of axis {axis}"
    evidence = {"movement of the loss": moved, "gradient": 0.0}
    exam.findings.append(
        finding(
            "information" if cause in ("DETACH", "NO_GRAD") else "error",
            cause,
            f"{part} moves the loss and never gets a gradient",
            best.place,
            evidence=evidence,
            chain=best.chain,
        )
    )
    return True

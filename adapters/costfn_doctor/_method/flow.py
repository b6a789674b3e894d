"""Does a gradient reach the prediction? If not, which line cuts the graph?

A suspected line is judged by an intervention. On later runs with other predictions
its recorded result is returned in place of the fresh one: the line is "frozen". If
the loss stops changing, the loss depended on the prediction through this line alone.
This works through NumPy and Python code too, because it is the result that is frozen,
not the operations between.
"""

from .causes import CAUSES
from .examination import Examination, OutOfTimeError
from .intended_metric import replacement
from .report import Finding, finding
from .thresholds import STOPPED
from .trace import Cut, Site

MORE_TELLING = (
    "NUMPY_ESCAPE",
    "ITEM_ESCAPE",
    "INDEX_OP",
    "HARD_THRESHOLD",
    "INT_CAST",
)
"""Causes that tell more than the detach before them on the same line."""
BRANCH = "BRANCH"
"""Python took a decision by a value; it is reported as a threshold."""


def check_flow(exam: Examination) -> None:
    """If the loss changes and has no gradient: name the cut that is responsible."""
    if exam.trains:
        largest = max(float(abs(gradient).max()) for gradient in exam.gradients)
        exam.checked.append(
            f"a gradient reaches the prediction (largest {largest:.3g})"
        )
        return
    if exam.base.failure is not None or not exam.moves:
        return
    what = "the loss changes with the prediction, but "
    what += (
        "its gradient is zero everywhere"
        if exam.base.connected
        else "no graph connects them"
    )
    site = None
    try:
        site = _culprit(exam)
    except OutOfTimeError:
        what += "; there was no time to find the line"
    exam.findings += (
        _without_line(exam, what) if site is None else _at(exam, site, what)
    )
    if exam.base.new_leaf:
        ops = reversed(exam.base.trace.ops)
        at = next((op.at for op in ops if op.enables_grad), None)
        text = "the loss is a new leaf: backward() runs, but reaches no parameter"
        exam.findings.append(finding("error", "REQUIRES_GRAD_MASK", text, at))


def _without_line(exam: Examination, what: str) -> list[Finding]:
    """Findings where no operation seen is responsible."""
    by_hand = exam.subject.backward_findings(exam.inputs.prediction, exam.inputs.target)
    if any(found.severity == "error" for found in by_hand):
        return by_hand
    at = exam.base.trace.last_line()
    return [finding("error", "UNSEEN_CUT", what, at, evidence=_movement(exam))]


def _at(exam: Examination, site: Site, what: str) -> list[Finding]:
    """Findings about the responsible cut, and about what follows on it."""
    cut = exam.base.trace.cuts[site]
    cause = cause_of(cut)
    evidence = {**_movement(exam), "change with this line frozen": exam.effects[site]}
    findings = [
        finding(
            "error",
            cause,
            f"{what}; {site.operation} cuts the graph",
            cut.place,
            evidence=evidence,
            chain=cut.chain,
            fix=fix_for(exam, cut, cause),
        )
    ]
    mentioned = {cause}
    for step, at, _ in cut.steps:
        if step in CAUSES and step not in mentioned:
            mentioned.add(step)
            text = "a later step of the same value"
            findings.append(finding("information", step, text, at))
    return findings


def _movement(exam: Examination) -> dict[str, float]:
    return {"movement of the loss": exam.movement, "gradient": 0.0}


def _culprit(exam: Examination) -> Site | None:
    """First cut that stops the loss when it is frozen; else the first that matters.

    Frozen at its result for the given prediction, the culprit must give the given
    loss for all other predictions. A line that only logs changes nothing when it is
    frozen. Decisions of Python code come last: freezing one may stop the loss too, by
    leaving the loop before the culprit runs.
    """
    cuts = exam.base.trace.cuts
    active = exam.active_cuts
    suspects = [site for site in active if cuts[site].cause != BRANCH] or active
    samples = exam.samples[: len(exam.runs)]
    for site in suspects:
        frozen = {site: cuts[site].recorded}
        values = [exam.value(sample, frozen) for sample in samples]
        left = STOPPED * exam.movement
        if all(abs(value - exam.base.value) <= left for value in values):
            return site
    return suspects[0] if suspects else None


def cause_of(cut: Cut) -> str:
    """Cause of a cut, or the one after it on its line if that tells more."""
    if cut.cause == BRANCH:
        return "HARD_THRESHOLD"
    if cut.cause == "DETACH":
        for step, at, _ in cut.steps:
            if step in MORE_TELLING and at == cut.site.at:
                return step
    return cut.cause


def fix_for(exam: Examination, cut: Cut, cause: str) -> str:
    """The fix of the cause, and the loss of costfn that was intended, if one was."""
    text = CAUSES[cause]
    intended = replacement(exam, cut)
    return text if intended is None else f"{text}; or {intended}"

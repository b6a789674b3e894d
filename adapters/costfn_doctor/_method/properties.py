"""What shows from outside: values and gradients, without a look at the operations."""

import math

import numpy as np

from .examination import Examination
from .inputs import class_axis
from .report import Severity, finding
from .subject import SCALAR
from .thresholds import (
    FEWEST_TO_REORDER,
    LEAST_REORDERING,
    MOVES,
    MOVES_BY_ORDER,
    ORDERS,
    POINTS_TO_COMPARE,
    SEEDS,
)
from .trace import equal_in_any_order, first_difference, last_absorption


def check_returned(exam: Examination) -> None:
    """The loss returns one number in a tensor, or one per example to be reduced."""
    base = exam.base
    if base.returned == SCALAR:
        return
    if _is_per_example(exam):
        exam.findings.append(
            finding(
                "information",
                "NOT_SCALAR",
                f"it returns one loss per example, {base.shape}; the doctor examined "
                "their sum",
                base.trace.last_line(),
                fix="reduce it before the backward pass: costfn.reduce, or the mean",
            )
        )
        return
    p, t = exam.inputs.prediction, exam.inputs.target
    at = exam.subject.line_that_returns(p, t) or base.trace.last_line()
    # Beside another error it is more often the consequence than the cause.
    errors = any(found.severity == "error" for found in exam.findings)
    severity: Severity = "information" if errors else "error"
    text = f"it returns {base.returned}"
    exam.findings.append(finding(severity, "NOT_SCALAR", text, at))


def _is_per_example(exam: Examination) -> bool:
    """Whether the result is one loss per example, or per entry of the target."""
    p, t, shape = exam.inputs.prediction, exam.inputs.target, exam.base.shape
    if not shape:
        return False
    axis = class_axis(p, t)
    places = [p.shape, p.shape[:1], p.shape[:-1]]
    if axis is not None:
        places.append(p.shape[:axis] + p.shape[axis + 1 :])
    return shape in places


def check_prediction(exam: Examination) -> None:
    """The loss changes with the prediction, or has a gradient.

    A loss may be constant and still train: a policy gradient's ratio is 1 by value.
    """
    if exam.moves or exam.trains or exam.base.failure is not None or not exam.values:
        return
    trace = exam.base.trace
    at = None
    for sample in exam.samples[:POINTS_TO_COMPARE]:
        one, other = exam.recorded(exam.inputs.prediction), exam.recorded(sample)
        op = last_absorption(one.trace, other.trace, [one.trace.prediction])
        at = at if op is None else op.at
    is_read = any(trace.prediction in op.inputs for op in trace.ops)
    if at is None and is_read:
        at = trace.dropped([trace.prediction])
    elif at is None:
        at = trace.taken_for_prediction()
    text = "the loss is the same for every prediction"
    if not is_read:
        text += ", which it never reads"
    exam.findings.append(
        finding(
            "error",
            "PRED_IGNORED",
            text,
            at or trace.last_line(),
            evidence={"movement of the loss": exam.movement, "gradient": 0.0},
        )
    )


def check_target(exam: Examination) -> None:
    """The loss or its gradient depends on the target."""
    target = exam.inputs.target
    if not isinstance(target, np.ndarray) or target.size < 2 or not exam.values:
        return
    largest = 0.0
    for other in exam.inputs.other_targets():
        change = _change_by_target(exam, other)
        if change is None:
            return
        largest = max(largest, change)
        if largest > MOVES * exam.tolerance:
            text = "the target matters (another target changes the loss by "
            exam.checked.append(f"{text}{largest:.3g})")
            return
    trace = exam.base.trace
    if not trace.target:
        return
    text = "other targets change neither the loss nor its gradient"
    at = trace.dropped(trace.target)
    severity: Severity = "error"
    if not trace.needed().isdisjoint(trace.reached(trace.target)):
        # The target is read on the way to the loss: it may matter for other weights.
        text, severity = f"{text}, though the loss reads the target", "warning"
        p = exam.inputs.prediction
        one, two = exam.recorded(p), exam.recorded(p, other)
        op = last_absorption(one.trace, two.trace, one.trace.target)
        at = at if op is None else op.at
    exam.findings.append(
        finding(
            severity,
            "TARGET_IGNORED",
            text,
            at or trace.last_line(),
            evidence={"largest change": largest},
        )
    )


def _change_by_target(exam: Examination, other: object) -> float | None:
    """Change of the loss or its gradient by another target; None if that fails."""
    base = exam.base
    run = exam.run(exam.inputs.prediction, other)
    if not run.evaluated:
        return None
    change = abs(run.value - base.value)
    if run.gradient is not None and base.gradient is not None:
        change = max(change, float(abs(run.gradient - base.gradient).max()))
    return change if math.isfinite(change) else math.inf


def check_determinism(exam: Examination) -> None:
    """The same inputs give the same loss."""
    if exam.stochastic:
        return
    p = exam.inputs.prediction
    values = [exam.run(p, seed=seed, gradient=False).value for seed in range(SEEDS)]
    spread = max(values) - min(values)
    if math.isnan(spread):
        return
    if spread <= MOVES * exam.tolerance:
        exam.checked.append("the same loss in every call")
        return
    at = exam.subject.line_that_changes("random", p, exam.inputs.target)
    if at is None:
        runs = [exam.recorded(p, seed=seed) for seed in (0, 1)]
        op = first_difference(runs[0].trace, runs[1].trace)
        at = exam.base.trace.last_line() if op is None else op.at
    exam.findings.append(
        finding(
            "warning",
            "NONDET",
            "the same inputs give different losses",
            at,
            evidence={"spread of the loss": spread},
        )
    )


def check_order(exam: Examination) -> None:
    """Reordering the samples together with their targets does not change the loss."""
    p, t = exam.inputs.prediction, exam.inputs.target
    if not isinstance(t, np.ndarray) or not p.ndim or not t.ndim or exam.stochastic:
        return
    n = len(p)
    random = any(found.cause == "NONDET" for found in exam.findings)
    if n < FEWEST_TO_REORDER or len(t) != n or random:
        return
    if exam.base.returned != SCALAR and not _is_per_example(exam):
        return
    largest, worst = 0.0, np.arange(n)
    for seed in range(ORDERS):
        order = np.random.default_rng(seed).permutation(n)
        value = exam.run(p[order], t[order], gradient=False).value
        change = abs(value - exam.base.value)
        if math.isfinite(change) and change > largest:
            largest, worst = change, order
    if largest <= MOVES_BY_ORDER * max(exam.tolerance, LEAST_REORDERING):
        exam.checked.append("the order of samples does not matter")
        return
    one, other = exam.recorded(p, t), exam.recorded(p[worst], t[worst])
    op = first_difference(one.trace, other.trace, equal_in_any_order)
    exam.findings.append(
        finding(
            "warning",
            "BATCH_ORDER",
            "the loss changes when samples are reordered together with their targets",
            exam.base.trace.last_line() if op is None else op.at,
            evidence={"change of the loss": largest, "loss": exam.base.value},
        )
    )


def check_inputs_kept(exam: Examination) -> None:
    """The loss does not change the caller's prediction and target."""
    kept = True
    for name in ("prediction", "target"):
        traces = [run.trace for run in (exam.base, *exam.runs)]
        changed = max(trace.changed.get(name, 0) for trace in traces)
        places = [trace.writes[name] for trace in traces if name in trace.writes]
        if not changed and not places:
            continue
        kept = False
        at = next(iter(places), None) or exam.subject.line_that_changes(
            name, exam.inputs.prediction, exam.inputs.target
        )
        exam.findings.append(
            finding(
                "error" if changed else "warning",
                "MUTATES_INPUT",
                f"the loss overwrites the caller's {name}",
                at,
                evidence={"entries changed": changed},
            )
        )
    if kept:
        exam.checked.append("prediction and target are not changed")

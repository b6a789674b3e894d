"""What can be seen from outside: values and gradients of a black box."""

import math
from collections.abc import Sequence

import numpy as np

from .examination import Examination
from .inputs import class_axis
from .report import Severity, finding
from .trace import Op, Same, Trace, first_difference


def check_returned(exam: Examination) -> None:
    """The loss returns one number in a tensor, or one per example to be reduced."""
    base = exam.base
    if base.returned == "a scalar":
        return
    if _of_examples(exam):
        text = f"one loss per example, {base.shape}: what was examined is their sum"
        exam.findings.append(
            finding(
                "information",
                "NOT_SCALAR",
                text,
                base.trace.last_line(),
                mend="reduce it before the backward pass: costfn.reduce, or the mean",
            )
        )
        return
    text = f"it returns {base.returned}"
    p, t = exam.inputs.prediction, exam.inputs.target
    at = exam.subject.line_that_changes("end", p, t) or base.trace.last_line()
    if not any(found.severity == "error" for found in exam.findings):
        exam.findings.append(finding("error", "NOT_SCALAR", text, at))
    else:
        exam.findings.append(finding("information", "NOT_SCALAR", text, at))


def _of_examples(exam: Examination) -> bool:
    """Whether the result is one loss per example, or per entry of the target."""
    p, t, shape = exam.inputs.prediction, exam.inputs.target, exam.base.shape
    if not shape:
        return False
    axis = class_axis(p, t)
    places = [p.shape, p.shape[:1], p.shape[:-1]]
    if axis is not None:
        places.append(p.shape[:axis] + p.shape[axis + 1 :])
    return shape in places


def absorber(one: Trace, other: Trace, changed: Sequence[int]) -> Op | None:
    """Last operation that makes the same of the values that differ."""
    return first_difference(one, other, same=Same(), changed=changed, absorbed=True)


def check_prediction(exam: Examination) -> None:
    """The loss moves with the prediction, or has a gradient."""
    if exam.moves or exam.trains or exam.base.failure is not None:
        return
    if not exam.values:
        return
    trace = exam.base.trace
    at = None
    for sample in exam.samples[:2]:
        one = exam.run(exam.inputs.prediction, record=True, gradient=False)
        other = exam.run(sample, record=True, gradient=False)
        op = absorber(one.trace, other.trace, [one.trace.prediction])
        at = at if op is None else op.at
    read = any(trace.prediction in op.inputs for op in trace.ops)
    if at is None:
        at = trace.dropped([trace.prediction]) if read else trace.stands_in()
    text = "the loss is the same for every prediction"
    if not read:
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
    target, base = exam.inputs.target, exam.base
    if not isinstance(target, np.ndarray) or target.size < 2 or not exam.values:
        return
    largest = 0.0
    for other in exam.inputs.other_targets():
        run = exam.run(exam.inputs.prediction, other)
        if not run.evaluated:
            return
        change = abs(run.value - base.value)
        if run.gradient is not None and base.gradient is not None:
            change = max(change, float(abs(run.gradient - base.gradient).max()))
        largest = max(largest, change if math.isfinite(change) else math.inf)
        if largest > 5 * exam.tolerance:
            exam.checked.append(f"the target matters (moves the loss by {largest:.3g})")
            return
    trace = base.trace
    if not trace.target:
        return
    text = "other targets change neither the loss nor its gradient"
    at = trace.dropped(trace.target)
    severity: Severity = "error"
    if not trace.needed().isdisjoint(trace.reached(trace.target)):
        # It is read on the way to the loss: it may matter for other weights.
        text, severity = f"{text}, though the loss reads the target", "warning"
        p = exam.inputs.prediction
        one = exam.run(p, record=True, gradient=False)
        two = exam.run(p, other, record=True, gradient=False)
        op = absorber(one.trace, two.trace, one.trace.target)
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


def check_determinism(exam: Examination) -> None:
    """The same inputs give the same loss."""
    if exam.stochastic:
        return
    p = exam.inputs.prediction
    values = [exam.run(p, seed=seed, gradient=False).value for seed in range(4)]
    spread = max(values) - min(values)
    if math.isnan(spread):
        return
    if spread <= 5 * exam.tolerance:
        exam.checked.append("the same each time")
        return
    at = exam.subject.line_that_changes("random", p, exam.inputs.target)
    if at is None:
        runs = [exam.run(p, seed=seed, record=True, gradient=False) for seed in (0, 1)]
        op = first_difference(runs[0].trace, runs[1].trace, same=Same())
        at = exam.base.trace.last_line() if op is None else op.at
    exam.findings.append(
        finding(
            "warning",
            "NONDET",
            "identical inputs give different losses",
            at,
            evidence={"spread of the loss": spread},
        )
    )


def check_order(exam: Examination) -> None:
    """Reordering samples with their targets leaves the loss alone."""
    p, t = exam.inputs.prediction, exam.inputs.target
    if not isinstance(t, np.ndarray) or not p.ndim or not t.ndim:
        return
    n = len(p)
    if n < 3 or len(t) != n or any(f.cause == "NONDET" for f in exam.findings):
        return
    if exam.base.returned != "a scalar" and not _of_examples(exam):
        return
    if exam.stochastic:
        return
    largest, worst = 0.0, np.arange(n)
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(n)
        value = exam.run(p[order], t[order], gradient=False).value
        change = abs(value - exam.base.value)
        if math.isfinite(change) and change > largest:
            largest, worst = change, order
    if largest <= 10 * max(exam.tolerance, 2e-9):
        exam.checked.append("no matter the order of samples")
        return
    one = exam.run(p, t, record=True, gradient=False)
    other = exam.run(p[worst], t[worst], record=True, gradient=False)
    op = first_difference(one.trace, other.trace, same=Same(any_order=True))
    exam.findings.append(
        finding(
            "warning",
            "BATCH_ORDER",
            "samples reordered together with their targets change the loss",
            exam.base.trace.last_line() if op is None else op.at,
            evidence={"change of the loss": largest, "loss": exam.base.value},
        )
    )


def check_inputs_kept(exam: Examination) -> None:
    """The loss leaves the caller's prediction and target as they are."""
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
                f"the caller's {name} is overwritten",
                at,
                evidence={"entries changed": changed},
            )
        )
    if kept:
        exam.checked.append("inputs left alone")

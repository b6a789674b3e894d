"""The checks in their order, and the report that they give."""

from collections.abc import Collection

from .class_axis import check_axis
from .dead_terms import check_dead_terms
from .differences import check_differences
from .direction import check_direction
from .edges import check_edges
from .examination import Examination
from .flow import check_flow
from .properties import (
    check_determinism,
    check_inputs_kept,
    check_order,
    check_prediction,
    check_returned,
    check_target,
)
from .report import RANK, Finding, Report
from .saturation import check_saturation
from .untrained_columns import check_untrained_columns

# Time may run out: the checks that decide the verdict most often come first.
CHECKS = {
    "gradient flow": check_flow,
    "prediction used": check_prediction,
    "inputs written": check_inputs_kept,
    "dead terms": check_dead_terms,
    "untrained columns": check_untrained_columns,
    "return value": check_returned,
    "determinism": check_determinism,
    "target used": check_target,
    "finite differences": check_differences,
    "extreme inputs": check_edges,
    "class axis": check_axis,
    "direction": check_direction,
    "saturation": check_saturation,
    "order of samples": check_order,
}
# Among findings of one severity these come first: they are often the reason for the
# others. Those in LAST are often a consequence.
FIRST = (
    "INPLACE",
    "EXCEPTION",
    "MUTATES_INPUT",
    "NO_GRAD",
    "BROADCAST",
    "ARG_SWAP",
    "WRONG_SIGN",
)
LAST = ("REQUIRES_GRAD_MASK", "NOT_SCALAR", "NONDET", "SATURATION", "BATCH_ORDER")


def examine(exam: Examination, allow: Collection[str]) -> Report:
    """Perform every check on a loss, and report."""
    base = exam.base
    if base.failure is not None:
        exam.findings.append(exam.subject.explain(base))
    if base.evaluated:
        exam.findings += exam.subject.rules(exam.inputs.prediction, exam.inputs.target)
        for name, check in CHECKS.items():
            exam.perform(name, check, always=check is check_flow)
    else:
        exam.not_checked.append("everything that needs a value of the loss")
    return Report(
        exam.subject.name,
        tuple(_sorted(exam.findings, allow)),
        tuple(exam.checked),
        tuple(exam.not_checked),
        exam.seconds,
    )


def _order(found: Finding) -> tuple[int, int]:
    rank = 1
    if found.cause in FIRST:
        rank = 0
    elif found.cause in LAST:
        rank = 2 + LAST.index(found.cause)
    return RANK[found.severity], rank


def _sorted(findings: list[Finding], allow: Collection[str]) -> list[Finding]:
    """Worst first, each cause at a line once, without the causes that are allowed."""
    kept: dict[tuple[str, str | None, int | None], Finding] = {}
    for found in sorted(findings, key=_order):
        if found.cause not in allow:
            kept.setdefault((found.cause, found.file, found.line), found)
    return list(kept.values())

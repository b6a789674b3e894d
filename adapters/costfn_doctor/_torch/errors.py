"""Errors of a loss or of its backward pass as findings."""

import re
import textwrap

from .._method.report import Finding, finding
from .._method.subject import Run

# What torch says, and the cause that it means.
MESSAGES = (
    (r"modified by an inplace operation", "INPLACE"),
    (r"leaf Variable .* in-place|in-place operation", "INPLACE"),
    (r"[Cc]an't call numpy\(\) on Tensor that requires grad", "NUMPY_ESCAPE"),
    (r"derivative for .* is not implemented", "NONDIFF_OP"),
    (r"all elements of (input|target) should be between 0 and 1", "WRONG_INPUT_KIND"),
    (r"[Ii]nference tensors cannot be saved for backward", "NO_GRAD"),
)

LONGEST_MESSAGE = 150
# How Python calls what torch names in its errors.
OPERATORS = {"floor_divide": "__floordiv__"}


def explain(run: Run) -> Finding:
    """The finding for a run that failed."""
    failure = run.failure
    assert failure is not None
    said = " ".join(str(failure.error).split())
    cause = next(
        (c for pattern, c in MESSAGES if re.search(pattern, said)), "EXCEPTION"
    )
    at = failure.at
    if cause == "INPLACE" and failure.phase == "backward":
        # torch names the node whose result was overwritten, not the line of the write.
        writes = run.trace.overwritten
        node = re.search(r"output \d+ of (\w+?)(Backward)?\d*,", said)
        into = [at for at, name in writes if node and name in node[1].lower()]
        at = (into or [at for at, _ in writes] or [at])[-1]
    elif cause == "NONDIFF_OP":
        # The error is raised by the backward pass, far from the operation.
        operation = re.search(r"derivative for '?(?:aten::)?(\w+)", said)
        names = [operation[1], OPERATORS.get(operation[1])] if operation else []
        ops = [op for op in run.trace.ops if op.name in names]
        at = ops[-1].at if ops else at
    short = textwrap.shorten(said, LONGEST_MESSAGE, placeholder="...")
    kind = type(failure.error).__name__
    return finding("error", cause, f"{kind} in {failure.phase}: {short}", at)

"""Errors of a loss or its backward pass in the doctor's words."""

import re

from .._method.report import Finding, finding
from .._method.subject import Run

# What torch says, and the cause it stands for.
SAYINGS = (
    (r"modified by an inplace operation", "INPLACE"),
    (r"leaf Variable .* in-place|in-place operation", "INPLACE"),
    (r"[Cc]an't call numpy\(\) on Tensor that requires grad", "NUMPY_ESCAPE"),
    (r"derivative for .* is not implemented", "NONDIFF_OP"),
    (r"all elements of (input|target) should be between 0 and 1", "WRONG_INPUT_KIND"),
    (r"[Ii]nference tensors cannot be saved for backward", "NO_GRAD"),
)

# As Python writes what torch names in its errors.
OPERATORS = {"floor_divide": "__floordiv__"}


def explain(run: Run) -> Finding:
    """The finding for a run that failed."""
    failure = run.failure
    assert failure is not None
    said = " ".join(str(failure.error).split())
    cause = next((c for pattern, c in SAYINGS if re.search(pattern, said)), "EXCEPTION")
    at = failure.at
    if cause == "INPLACE" and failure.phase == "backward":
        writes = run.trace.overwritten
        node = re.search(r"output \d+ of (\w+?)(Backward)?\d*,", said)
        of = [at for at, name in writes if node and name in node[1].lower()]
        at = (of or [at for at, _ in writes] or [at])[-1]
    elif cause == "NONDIFF_OP":
        operation = re.search(r"derivative for '?(?:aten::)?(\w+)", said)
        names = [operation[1], OPERATORS.get(operation[1])] if operation else []
        ops = [op for op in run.trace.ops if op.name in names]
        at = ops[-1].at if ops else at
    short = said if len(said) <= 150 else f"{said[:147]}..."
    kind = type(failure.error).__name__
    return finding("error", cause, f"{kind} in {failure.phase}: {short}", at)

"""The examination of a torch loss."""

from collections.abc import Callable, Collection
from typing import Any

import torch
from torch import Tensor

from .._method.diagnosis import diagnose as examine
from .._method.examination import Examination
from .._method.inputs import Inputs, Kind, guess_kind, some_rows
from .._method.options import check_options
from .._method.report import Report
from .._method.subject import Run
from .forms import copied
from .isolation import eager, isolated
from .subject import TorchSubject

SAMPLES = 16
ENTRIES = 4096
FEW = 64
"""Samples, entries of a prediction that are enough, and as many as are nothing."""


def diagnose(
    loss: Callable[..., Any],
    prediction: Tensor,
    target: Any,
    *,
    batch_dim: int = 0,
    kind: Kind | None = None,
    ideal: Tensor | None = None,
    stochastic: bool = False,
    allow: Collection[str] = (),
    budget_seconds: float = 5.0,
) -> Report:
    """Does the gradient of a loss flow, and if not, where does it stop?

    The loss is run many times on predictions like the one given, on copies, with
    what it returns compared to its gradients. Where the value moves and no gradient
    follows, the results of suspected lines are frozen one by one: the culprit is
    the first whose freezing stops the movement.

    Args:
        loss: Any callable of `(prediction, target)`, or an `nn.Module`; of the
            prediction alone if `target` is None.
        prediction: An example of what a network puts out, floating point.
        target: An example of what it is compared with: a tensor, or anything that
            the loss takes, such as a tuple.
        batch_dim: Axis of the samples.
        kind: What the prediction is: "logits", "logprob", "prob" or "real". A
            guess by default; what depends on a guess is a warning, no error.
        ideal: A prediction that is perfect for this target, if that is not plain.
        stochastic: The loss draws random numbers on purpose.
        allow: Causes not to report, such as `{"STOP_GRADIENT_WEIGHT"}`.
        budget_seconds: Time to spend; what there is no time for is listed.

    Returns:
        The report. Errors that the loss raises are findings in it.

    Raises:
        TypeError: If `loss` is not callable or `prediction` no floating-point tensor.
        ValueError: If `prediction` is empty, or an option has no such value.

    Example:
        >>> import torch, costfn
        >>> def accuracy(logits, labels):
        ...     return 1 - (logits.argmax(1) == labels).float().mean()
        >>> logits, labels = torch.randn(8, 3), torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])
        >>> report = costfn.doctor.diagnose(accuracy, logits, labels)
        >>> report.verdict, report.findings[0].cause, report.findings[0].line
        ('broken', 'INDEX_OP', 2)

    Source:
        Own work. Freezing a suspect is an intervention in the sense of Pearl,
        "Causality", 2nd edition, 2009.
    """
    _check_prediction(prediction)
    check_options(
        loss,
        tuple(prediction.shape),
        batch_dim=batch_dim,
        kind=kind,
        allow=allow,
        budget_seconds=budget_seconds,
    )
    # Parameters of the loss stand still, unless it takes gradients by them itself.
    for still in (True, False):
        with isolated(loss, still), eager():
            subject = TorchSubject(loss, prediction, target, kind, batch_dim, still)
            exam = _examination(
                subject,
                prediction,
                target,
                batch_dim,
                ideal,
                stochastic,
                budget_seconds,
            )
            failure = exam.base.failure
            if failure is None or "does not require grad" not in str(failure.error):
                break
    with isolated(loss, still), eager():
        return examine(exam, allow)


def _examination(
    subject: TorchSubject,
    prediction: Tensor,
    target: Any,
    batch_dim: int,
    ideal: Tensor | None,
    stochastic: bool,
    budget: float,
) -> Examination:
    if prediction.dtype in (torch.float16, torch.bfloat16):
        # What rounding hides would look like a cut; so float32, if the loss takes it.
        subject.dtype = torch.float32
        tried = _made(subject, prediction, target, ideal)
        if not subject.run(tried.prediction, tried.target, gradient=False).evaluated:
            subject.dtype = prediction.dtype
    count = prediction.shape[batch_dim] if prediction.dim() else 1
    each = prediction.numel() // max(count, 1)
    wanted = min(count, max(4, min(SAMPLES, ENTRIES // each), FEW // each))
    notes = []
    if wanted < count:
        whole = prediction, target, ideal
        few, its_target, best = (
            _some(value, batch_dim, count, wanted) for value in whole
        )
        if _serves(subject, (few, its_target), (prediction, target)):
            prediction, target, ideal = few, its_target, best
            notes = [f"samples but {wanted} of {count}"]
    inputs = _made(subject, prediction, target, ideal)
    return Examination(subject, inputs, budget, stochastic, not_checked=notes)


def _some(value: Any, axis: int, count: int, wanted: int) -> Any:
    """The chosen samples of every tensor that holds as many."""
    if isinstance(value, Tensor):
        if value.dim() > axis and value.shape[axis] == count:
            rows = torch.from_numpy(some_rows(count, wanted))
            return value.index_select(axis, rows.to(value.device))
        return value
    if isinstance(value, dict):
        return {key: _some(part, axis, count, wanted) for key, part in value.items()}
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(_some(part, axis, count, wanted) for part in value)
    return value


def _serves(
    subject: TorchSubject, part: tuple[Any, Any], whole: tuple[Any, Any]
) -> bool:
    """Whether the loss of some samples is a number, if that of all is."""

    def run(prediction: Tensor, target: Any) -> Run:
        tried = _made(subject, prediction, target, None)
        return subject.run(tried.prediction, tried.target, traced=False)

    found = run(*part)
    if found.failure is not None or found.finite:
        return found.evaluated and found.finite
    other = run(*whole)
    return other.failure is None and not other.finite


def _made(subject: TorchSubject, prediction: Tensor, target: Any, ideal: Any) -> Inputs:
    array = subject.array(prediction)
    truth = subject.array(target) if isinstance(target, Tensor) else copied(target)
    best = None if ideal is None else subject.array(ideal)
    told = subject.kind is not None
    return Inputs(array, truth, subject.kind or guess_kind(array), told, best)


def _check_prediction(prediction: Any) -> None:
    if not isinstance(prediction, Tensor) or not prediction.is_floating_point():
        got = getattr(prediction, "dtype", type(prediction).__name__)
        raise TypeError(
            f"prediction must be a floating-point tensor, got {got}; wrap a loss of "
            "several: lambda p, t: loss((p, other), t)"
        )

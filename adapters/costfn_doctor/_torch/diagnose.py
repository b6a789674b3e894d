"""The examination of a torch loss."""

from collections.abc import Callable, Collection
from typing import Any

import torch
from torch import Tensor

from .._method.diagnosis import examine
from .._method.examination import Examination
from .._method.inputs import Inputs, Kind, guess_kind, samples_wanted, some_rows
from .._method.nested import mapped
from .._method.options import check_options
from .._method.report import Report
from .._method.subject import Run
from .._method.thresholds import LARGEST_BATCH
from .evaluation import Evaluator
from .forms import copied
from .isolation import eager, isolated
from .subject import TorchSubject


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

    The loss is run many times on copies, with predictions like the one given. Its
    values are compared with its gradients. If the value changes and has no gradient,
    the results of suspected lines are frozen one by one: the culprit is the first
    line that stops the changes when it is frozen.

    Args:
        loss: Any callable of `(prediction, target)`, or an `nn.Module`; of the
            prediction alone if `target` is None.
        prediction: An example of what a network puts out, floating point.
        target: An example of what it is compared with: a tensor, or anything that
            the loss takes, such as a tuple.
        batch_dim: Axis of the samples.
        kind: What the prediction is: "logits", "logprob", "prob" or "real". By
            default the doctor guesses; what depends on a guess is a warning.
        ideal: A prediction that is perfect for this target, if that is not obvious.
        stochastic: The loss draws random numbers on purpose.
        allow: Causes not to report, such as `{"STOP_GRADIENT_WEIGHT"}`.
        budget_seconds: Time to spend. The report lists what there was no time for.

    Returns:
        The report. An error that the loss raises is a finding in it.

    Raises:
        TypeError: If `loss` is not callable, or `prediction` is not a floating-point
            tensor.
        ValueError: If `prediction` is empty, or an option is wrong.

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
    # Parameters of the loss require no gradients, which is faster and keeps their
    # `grad`. A loss that differentiates by its own weights fails so, and gets them.
    for still in (True, False):
        with isolated(loss, still), eager():
            evaluator = Evaluator(loss, prediction, target, kind, batch_dim, still)
            inputs, notes = _inputs(evaluator, prediction, target, ideal, batch_dim)
            subject = TorchSubject(evaluator)
            exam = Examination(
                subject, inputs, budget_seconds, stochastic, not_checked=notes
            )
            failure = exam.base.failure
            if failure is None or "does not require grad" not in str(failure.error):
                break
    with isolated(loss, still), eager():
        return examine(exam, allow)


def _inputs(
    evaluator: Evaluator, prediction: Tensor, target: Any, ideal: Any, batch_dim: int
) -> tuple[Inputs, list[str]]:
    """What to examine, and a note if that is but a part of the samples."""
    if prediction.dtype in (torch.float16, torch.bfloat16):
        # Rounding hides small changes, which would look like a cut. So the loss is
        # examined in float32, if it takes that.
        evaluator.dtype = torch.float32
        tried = _made(evaluator, prediction, target, ideal)
        if not _run(evaluator, tried, gradient=False).evaluated:
            evaluator.dtype = prediction.dtype
    count = prediction.shape[batch_dim] if prediction.dim() else 1
    wanted = samples_wanted(count, prediction.numel(), most_entries=LARGEST_BATCH)
    whole = _made(evaluator, prediction, target, ideal)
    if wanted < count:
        rows = torch.from_numpy(some_rows(count, wanted))

        def some(value: Any) -> Any:
            return mapped(lambda leaf: _some(leaf, batch_dim, count, rows), value)

        part = _made(evaluator, some(prediction), some(target), some(ideal))
        if _serves(evaluator, part, whole):
            return part, [f"all but {wanted} of {count} samples"]
    return whole, []


def _some(leaf: Any, axis: int, count: int, rows: Tensor) -> Any:
    """The chosen samples of a tensor that holds as many as the prediction."""
    if isinstance(leaf, Tensor) and leaf.dim() > axis and leaf.shape[axis] == count:
        return leaf.index_select(axis, rows.to(leaf.device))
    return leaf


def _serves(evaluator: Evaluator, part: Inputs, whole: Inputs) -> bool:
    """Whether some samples give a finite loss, or all of them give none either."""
    found = _run(evaluator, part, traced=False)
    if found.failure is not None or found.finite:
        return found.evaluated and found.finite
    other = _run(evaluator, whole, traced=False)
    return other.failure is None and not other.finite


def _run(evaluator: Evaluator, inputs: Inputs, **options: Any) -> Run:
    return evaluator.evaluate(inputs.prediction, inputs.target, **options).run


def _made(evaluator: Evaluator, prediction: Tensor, target: Any, ideal: Any) -> Inputs:
    array = evaluator.array(prediction)
    truth = evaluator.array(target) if isinstance(target, Tensor) else copied(target)
    best = None if ideal is None else evaluator.array(ideal)
    given = evaluator.kind is not None
    return Inputs(array, truth, evaluator.kind or guess_kind(array), given, best)


def _check_prediction(prediction: Any) -> None:
    if not isinstance(prediction, Tensor) or not prediction.is_floating_point():
        got = getattr(prediction, "dtype", type(prediction).__name__)
        raise TypeError(
            f"prediction must be a floating-point tensor, got {got}; wrap a loss of "
            "several: lambda p, t: loss((p, other), t)"
        )

"""The doctor as an assertion."""

from collections.abc import Callable, Collection
from typing import Any

from torch import Tensor

from costfn_doctor import Report

from ..doctor import diagnose


def assert_trains(
    loss: Callable[..., Any],
    prediction: Tensor,
    target: Any,
    *,
    allow: Collection[str] = (),
    **options: Any,
) -> Report:
    """Fail with the doctor's report, unless the loss trains.

    Args:
        loss: Any callable of `(prediction, target)`, or an `nn.Module`.
        prediction: An example of what a network puts out.
        target: An example of what it is compared with.
        allow: Causes that are meant, such as `{"DEAD_TERM"}`.
        options: More for `diagnose`, such as `kind` or `stochastic`.

    Returns:
        The report, of a verdict other than "broken".

    Raises:
        BrokenLossError: If the verdict is "broken"; it is an `AssertionError`.

    Example:
        >>> import torch, costfn
        >>> from costfn.testing import assert_trains
        >>> logits, labels = torch.randn(8, 3), torch.randint(3, (8,))
        >>> report = assert_trains(costfn.accuracy_loss, logits, labels)

    Source:
        Own work: `diagnose` with an assertion.
    """
    report = diagnose(loss, prediction, target, allow=allow, **options)
    report.raise_if_broken()
    return report

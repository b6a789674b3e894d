"""The doctor as an assertion."""

import importlib
import sys
from collections.abc import Callable, Collection
from typing import Any

from costfn_doctor import Report

from ..doctor import diagnose


def assert_trains(
    loss: Callable[..., Any],
    prediction: Any,
    target: Any,
    *,
    allow: Collection[str] = (),
    **options: Any,
) -> Report:
    """Fail with the doctor's report, unless the loss trains.

    Args:
        loss: Any callable of `(prediction, target)`, or an `nn.Module`.
        prediction: An example of a network's output, a tensor or a JAX array.
        target: An example of a target.
        allow: Causes that are intended, such as `{"DEAD_TERM"}`.
        options: Other options of `diagnose`, such as `kind` or `stochastic`.

    Returns:
        The report, if its verdict is not "broken".

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
    # If JAX is not imported, the prediction cannot be a JAX array.
    if "jax" in sys.modules and isinstance(prediction, sys.modules["jax"].Array):
        examine = importlib.import_module("costfn_jax.doctor").diagnose
    else:
        examine = diagnose
    report: Report = examine(loss, prediction, target, allow=allow, **options)
    report.raise_if_broken()
    return report

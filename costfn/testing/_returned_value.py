"""Clauses on what a loss returns: shape, purity, finite numbers, refused labels."""

from dataclasses import replace

import numpy as np

from ._batches import SATURATED
from ._learning import check_labels
from ._trial import BreachError, InapplicableError, Trial, as_text


def shape(trial: Trial) -> None:
    """The loss is one floating-point number per example, or one for the whole batch."""
    with trial.backend.context(trial.dtype):
        value = trial.loss()(*trial.tensors())
        if trial.backend.dtype(value) is None:
            got = getattr(value, "dtype", type(value).__name__)
            raise BreachError(f"the loss must be a floating-point tensor, got {got}")
        found = tuple(value.shape)
    wanted: list[tuple[int, ...]] = [(trial.size,)] if trial.per_sample else [()]
    same = [x.shape for x in trial.arguments[1:2] if x.shape == trial.scores.shape]
    if trial.per_sample:
        wanted += same
    if found not in wanted:
        names = " or ".join(map(str, wanted))
        raise BreachError(f"the loss must have the shape {names}, got {found}")


def pure(trial: Trial) -> None:
    """The loss does not change its arguments, and a second call gives the same."""
    with trial.backend.context(trial.dtype):
        loss, tensors = trial.loss(), trial.tensors()
        first, second = (trial.backend.array(loss(*tensors)) for _ in range(2))
        after = [trial.backend.array(tensor) for tensor in tensors]
    for i, (was, now) in enumerate(zip(trial.arguments, after, strict=True)):
        if not np.array_equal(was, now):
            raise BreachError(
                f"the loss changed argument {i} from {as_text(was)} to {as_text(now)}"
            )
    if not np.array_equal(first, second, equal_nan=True):
        raise BreachError(
            f"the first call gave {as_text(first)}, the second {as_text(second)}"
        )


def finite(trial: Trial) -> None:
    """Loss and gradient are finite for every batch, in float64 and float32."""
    _check_finite(trial)
    _check_finite(replace(trial, dtype="float32"))


def saturation(trial: Trial) -> None:
    """Loss and gradient are finite in float32 at scores of ±30, ±88 and ±10000."""
    for end in SATURATED:
        scores = np.where(trial.scores < 0, -end, end)
        at = replace(trial.with_scores(scores), dtype="float32")
        # Logits may be any number. Predictions of the other tasks may have bounds, and
        # then the loss is right to refuse these scores.
        if trial.task not in ("multiclass", "soft") and trial.is_accepted():
            _leave_out_if_refused(at)
        _check_finite(at)


def _leave_out_if_refused(trial: Trial) -> None:
    try:
        trial.losses()
    except (ValueError, RuntimeError) as error:
        said = str(error).splitlines()[0]
        raise InapplicableError(
            f"the loss refuses scores of {as_text(trial.scores)} ({said})"
        ) from None


def _check_finite(trial: Trial) -> None:
    for name, values in (
        ("loss", trial.losses()),
        ("gradient", trial.gradient()),
    ):
        if not np.isfinite(values).all():
            raise BreachError(
                f"in {trial.dtype} the {name} is {as_text(values)} at scores of "
                f"{as_text(trial.scores)}"
            )


def bad_labels(trial: Trial) -> None:
    """A label out of range raises an error, or makes both loss and gradient NaN."""
    check_labels(trial)
    if not trial.size:
        return
    for bad in (-1, trial.scores.shape[-1], -100):
        wrong = trial.arguments[1].copy()
        wrong[0] = bad
        _check_refusal(trial.with_target(wrong), bad)


def _check_refusal(trial: Trial, bad: int) -> None:
    # `Trial.losses` runs under `jit` in JAX, where label values cannot be checked, so
    # the loss is called outside of it too.
    for losses_of, where in ((Trial.eager_losses, ""), (Trial.losses, " when traced")):
        try:
            losses = losses_of(trial)
        except Exception:
            continue  # the loss refuses the label, as it should
        first = losses[0] if trial.per_sample else losses
        if not np.isnan(first).all():
            raise BreachError(f"label {bad} gives a loss of {as_text(first)}{where}")
        row = trial.gradient()[0]
        if not np.isnan(row).any():
            raise BreachError(
                f"label {bad} gives a loss of NaN, but a gradient of {as_text(row)}"
            )

"""Standard errors and paired tests for folds that share training examples."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

FEWEST_FOLDS = 5
"""Fewer folds give no p-value: their spread is not known well enough."""


@dataclass(frozen=True)
class PairedTest:
    """Outcome of `corrected_paired_test`.

    Attributes:
        difference: Mean of the differences.
        standard_error: Its standard error, corrected for the overlap.
        statistic: Student's t, `difference / standard_error`.
        degrees: Degrees of freedom: the number of folds minus 1.
        p_value: Two-sided; never below `2**-folds`, and NaN below 5 folds.
        low, high: 95 % interval of the difference.
    """

    difference: float
    standard_error: float
    statistic: float
    degrees: int
    p_value: float
    low: float
    high: float


def corrected_standard_error(values: ArrayLike, *, test_to_train: float) -> float:
    """Standard error of a mean over the folds of repeated cross-validation.

    The training sets of the folds overlap, so their results are correlated and
    `s / sqrt(J)` is too small. With J folds and their sample variance `s**2`, the
    corrected value is `sqrt((1 / J + n_test / n_train) * s**2)`.

    Args:
        values: One result per fold, at least two, shape `(folds,)`.
        test_to_train: `n_test / n_train` of a fold: `1 / (k - 1)` for k folds.

    Returns:
        The standard error, in the unit of the values.

    Source:
        Nadeau and Bengio, "Inference for the Generalization Error", Machine
        Learning 52, 2003. https://doi.org/10.1023/A:1024068626366
    """
    array = np.asarray(values, dtype=np.float64)
    variance = array.var(ddof=1)
    return float(np.sqrt((1 / array.size + test_to_train) * variance))


def corrected_paired_test(
    differences: ArrayLike, *, test_to_train: float
) -> PairedTest:
    """Corrected resampled t-test of whether the mean difference of two rows is zero.

    Args:
        differences: Paired differences, one per fold, shape `(folds,)`.
        test_to_train: As in `corrected_standard_error`, which names the source.

    Returns:
        The test. Differences that are all zero give p = 1. However small their spread
        is, so many folds say no more than that all are on one side.

    Example:
        >>> differences = [1.0, 2.0, 3.0, 2.0, 1.0]
        >>> corrected_paired_test(differences, test_to_train=0.25).p_value
        0.0326...
    """
    array = np.asarray(differences, dtype=np.float64)
    mean = float(array.mean())
    error = corrected_standard_error(array, test_to_train=test_to_train)
    degrees = array.size - 1
    if error == 0:
        statistic = float(np.copysign(np.inf, mean)) if mean else 0.0
    else:
        statistic = mean / error
    p_value = float(2 * stats.t.sf(abs(statistic), degrees))
    p_value = max(p_value, 2.0**-array.size)
    if array.size < FEWEST_FOLDS:
        p_value = float("nan")
    width = float(stats.t.ppf(0.975, degrees)) * error
    return PairedTest(
        mean, error, statistic, degrees, p_value, mean - width, mean + width
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjustment of several p-values for multiple testing.

    Args:
        p_values: Any number of p-values.

    Returns:
        The adjusted values in the same order. If the differences below a level are
        called significant, the chance of any false alarm is at most that level.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]

    Source:
        Holm, "A Simple Sequentially Rejective Multiple Test Procedure",
        Scandinavian Journal of Statistics 6, 1979.
    """
    raw: NDArray[np.float64] = np.asarray(p_values, dtype=np.float64)
    if np.isnan(raw).any():
        return [float("nan")] * raw.size
    order = np.argsort(raw, kind="stable")
    factors = np.arange(raw.size, 0, -1)
    adjusted = np.empty_like(raw)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(factors * raw[order]))
    return [float(value) for value in adjusted]

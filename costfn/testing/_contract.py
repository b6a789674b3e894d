"""The contract of a loss: `assert_loss_contract` checks every clause."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Literal, get_args

import numpy as np
from hypothesis import strategies as st

from ._backend import Framework, Loss, backend_of, framework_of
from ._batches import (
    Batches,
    batches,
    binary_batches,
    multilabel_batches,
    regression_batches,
)
from ._clause_run import Arguments, ClauseRun, draw_batches
from ._clauses import ALWAYS, CLAIMED, CLAUSES
from ._loss_traits import with_loss_traits
from ._reference import formula_of
from ._report import Report, failure
from ._strategies import Array
from ._trial import Trial

Task = Literal["multiclass", "soft", "binary", "multilabel", "regression"]
InDims = Sequence[int | None]
INPUTS: dict[Task, Callable[[], Batches]] = {
    "multiclass": batches,
    "soft": partial(batches, target="probs"),
    "binary": binary_batches,
    "multilabel": multilabel_batches,
    "regression": regression_batches,
}


def assert_loss_contract(
    loss: Loss,
    inputs: Batches | Sequence[Array] | None = None,
    *,
    task: Task = "multiclass",
    framework: Framework | None = None,
    per_sample: bool | None = None,
    in_dims: InDims | None = None,
    skip: str | Sequence[str] = (),
    non_negative: bool = False,
    zero_at_perfect: bool = False,
    shift_invariant: bool = False,
    lower_is_better: bool = False,
    alive_when_wrong: bool = False,
    mean_of_examples: bool = False,
    repetition_invariant: bool = False,
    reference: Loss | None = None,
    max_examples: int | None = None,
) -> Report:
    """Checks that a loss can be trained, differentiated, mapped and compiled.

    It checks each clause of `CLAUSES` on batches that Hypothesis draws. If a clause is
    broken, it looks for the smallest batch that breaks it. Clauses that would only
    repeat a broken one are then left out.

    Two results agree if `abs(difference) <= C eps (abs(reference) + condition +
    scale)`. Here `eps` is that of the dtype, `condition` is the change of the result
    for a relative change of the scores, and `scale` is the largest gradient at scores
    of 0, at least `1 / size`. `C` is 16 for a value, 32 for a gradient and 64 for a
    second derivative, and twice that if neither result is more exact than the other.
    Derivatives are compared with central differences of fourth order with a step `h` of
    `2**-14`. Their tolerance is that of the differentiated quantity times `1.5 / h`.

    Args:
        loss: A torch function or module, or a JAX function. It takes scores, a target,
            and any further arguments. It returns one loss per example, of shape
            `(size,)` or that of the scores, or one loss for the batch.
        inputs: A strategy that draws its arguments as a tuple of NumPy arrays, examples
            on the first axis; or one such tuple. Default: the strategy for `task`.
        task: What the target holds: `"multiclass"` labels, `"soft"` class
            probabilities, `"binary"` or `"multilabel"` zeros and ones, or numbers for
            `"regression"`.
        framework: `"torch"` or `"jax"`. Default: the one whose tensors the loss takes.
        per_sample: Whether the loss returns one number per example. Default: True
            unless it returns a scalar.
        in_dims: For each argument 0 if it has an entry per example, None if all
            examples share it. Default: 0 for scores and target, None for the rest.
        skip: Names of clauses to leave out.
        non_negative: Claim that the loss is never below 0.
        zero_at_perfect: Claim that it is 0 where the prediction is certain and correct.
        shift_invariant: Claim that adding the same number to all scores of an example
            changes nothing.
        lower_is_better: Claim that moving scores towards the truth never raises it.
        alive_when_wrong: Claim that confident mistakes keep at least a thousandth of
            the gradient, as in cross entropy. Bounded losses do not.
        mean_of_examples: Claim that the loss of a batch is the mean of the losses of
            its single examples.
        repetition_invariant: Claim that a batch with each example twice has the same
            loss. Means and ratios have this property, sums do not.
        reference: The expected loss: another function of the same arguments, in torch,
            JAX or NumPy, such as the formula of a paper. It is compared in float64, to
            about eight digits.
        max_examples: Batches for each clause. Default: that of Hypothesis's profile.

    Returns:
        The clauses that the loss keeps, and those that were left out.

    Raises:
        LossContractError: If the loss breaks a clause. It is an AssertionError that
            names the clause and shows the smallest batch found.
        ValueError: If an option is unknown, or `in_dims` does not fit the arguments.

    Example:
        >>> from costfn import focal_loss
        >>> from costfn.testing import assert_loss_contract
        >>> report = assert_loss_contract(
        ...     focal_loss, non_negative=True, skip="compiled", max_examples=5
        ... )
        >>> print(report)
        kept: shape, pure, dtype, finite, saturation, precision, alive, every_class,
        paired, gradient, continuous, second_derivative, reverse_mode, forward_mode,
        hessian, vmap, per_sample_gradients, independence, bad_labels, non_negative
        left out: permutation: one loss per example; compiled: skipped
    """
    claims = {
        "non_negative": non_negative,
        "zero_at_perfect": zero_at_perfect,
        "shift_invariant": shift_invariant,
        "lower_is_better": lower_is_better,
        "alive_when_wrong": alive_when_wrong,
        "mean_of_examples": mean_of_examples,
        "repetition_invariant": repetition_invariant,
        "reference": reference is not None,
    }
    skipped = (skip,) if isinstance(skip, str) else tuple(skip)
    _check_options(task, framework, skipped)
    strategy = _strategy(inputs, task).map(_as_arrays)
    sample = draw_batches(strategy, max_examples)
    dims = _checked_dims(in_dims, len(sample[0]))
    backend = backend_of(loss, framework or framework_of(loss, sample[0]))
    blank = Trial(backend, sample[0], dims, per_sample is not False, task)
    trials = [replace(blank, arguments=arguments) for arguments in sample]
    first = with_loss_traits(trials, per_sample)
    if reference is not None:
        first = replace(first, reference=formula_of(reference, sample[0]))

    def trial_of(arguments: Arguments) -> Trial:
        return replace(first, arguments=arguments)

    clauses = [*ALWAYS, *(clause for clause in CLAIMED if claims[clause.name])]
    run = ClauseRun(clauses, skipped, trial_of, strategy, max_examples)
    not_kept = {*run.broken, *run.left_out}
    names = [clause.name for clause in clauses]
    kept = tuple(name for name in names if name not in not_kept)
    left_out = {name: run.left_out[name] for name in names if name in run.left_out}
    report = Report(kept, left_out)
    if not run.broken:
        return report
    options = {
        "task": task if task != "multiclass" else None,
        "framework": framework,
        "per_sample": per_sample,
        "in_dims": None if in_dims is None else dims,
        "skip": skipped or None,
        **{name: claimed or None for name, claimed in claims.items()},
        "reference": reference,
    }
    given = {name: value for name, value in options.items() if value is not None}
    broken = {name: run.broken[name] for name in names if name in run.broken}
    # If the loss itself raised an error, its traceback leads to the line.
    raised = (breach.__cause__ for breach in broken.values())
    cause = next(filter(None, raised), None)
    raise failure(loss, given, broken, report) from cause


def _check_options(task: str, framework: str | None, skipped: Sequence[str]) -> None:
    if task not in INPUTS:
        raise ValueError(f"task must be one of {', '.join(INPUTS)}, got {task!r}")
    if framework not in (None, *get_args(Framework)):
        raise ValueError(f"framework must be 'torch' or 'jax', got {framework!r}")
    unknown = [name for name in skipped if name not in CLAUSES]
    if unknown:
        raise ValueError(
            f"skip must name clauses, of {', '.join(CLAUSES)}, got {unknown}"
        )


def _strategy(inputs: Batches | Sequence[Array] | None, task: Task) -> Batches:
    if inputs is None:
        return INPUTS[task]()
    if isinstance(inputs, st.SearchStrategy):
        return inputs
    return st.just(tuple(inputs))


def _as_arrays(arguments: Sequence[Array]) -> Arguments:
    def wide(values: Array) -> Array:
        array = np.asarray(values)
        return array.astype(np.float64) if array.dtype.kind == "f" else array

    return tuple(map(wide, arguments))


def _checked_dims(in_dims: InDims | None, count: int) -> tuple[int | None, ...]:
    if in_dims is None:
        return ((0, 0) + (None,) * count)[:count]
    dims = tuple(in_dims)
    if len(dims) != count or dims[0] != 0 or not set(dims) <= {0, None}:
        raise ValueError(
            f"in_dims must be 0 or None for each of {count} arguments, the first 0, "
            f"got {dims}"
        )
    return dims

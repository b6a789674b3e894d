"""The clauses of the contract, in the order in which they are checked."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from . import (
    _returned_value,
    _claims,
    _derivatives,
    _dtypes,
    _batching,
    _learning,
    _continuity,
    _reference,
)


@dataclass(frozen=True)
class Clause:
    """One demand.

    Attributes:
        check: Raises `BreachError` if a batch breaks it; it is given one, or a list of
            them where they count `"together"`. Its docstring says what the clause
            demands, its name is that of the clause.
        needs: Clauses without which this one says nothing new, or nothing at all.
        batches: It holds for `"each"` batch, for `"some"`, for a few `"together"`, or
            is checked on the `"largest"` of a few because that is slow.
    """

    check: Callable[..., None]
    needs: tuple[str, ...] = ()
    batches: Literal["each", "some", "together", "largest"] = "each"

    @property
    def name(self) -> str:
        return self.check.__name__

    @property
    def says(self) -> str:
        return (self.check.__doc__ or "").strip()


ALWAYS = (
    Clause(_returned_value.shape),
    Clause(_returned_value.pure, needs=("shape",)),
    Clause(_dtypes.dtype),
    Clause(_returned_value.finite),
    Clause(_returned_value.saturation),
    Clause(_dtypes.precision, needs=("dtype", "finite")),
    Clause(_learning.alive, batches="some"),
    Clause(_learning.every_class, needs=("alive",), batches="together"),
    Clause(_learning.paired, needs=("alive",), batches="some"),
    Clause(_derivatives.gradient, needs=("alive", "finite")),
    Clause(_continuity.continuous, needs=("gradient",)),
    Clause(_derivatives.second_derivative, needs=("gradient",)),
    Clause(_derivatives.reverse_mode),
    Clause(_derivatives.forward_mode, needs=("reverse_mode",)),
    Clause(
        _derivatives.hessian,
        needs=("second_derivative", "reverse_mode", "forward_mode"),
    ),
    Clause(_batching.vmap),
    Clause(_batching.per_sample_gradients, needs=("vmap", "reverse_mode")),
    Clause(_batching.independence),
    Clause(_batching.permutation),
    Clause(_derivatives.compiled, batches="largest"),
    Clause(_returned_value.bad_labels, needs=("alive",)),
)
CLAIMED = (
    Clause(_claims.non_negative),
    Clause(_claims.zero_at_perfect),
    Clause(_claims.shift_invariant),
    Clause(_claims.lower_is_better),
    Clause(_claims.alive_when_wrong, needs=("alive",)),
    Clause(_claims.mean_of_examples),
    Clause(_claims.repetition_invariant),
    Clause(_reference.reference),
)
FIRST = ("shape", "pure")  # without which none of the others says anything
CLAUSES: dict[str, str] = {clause.name: clause.says for clause in (*ALWAYS, *CLAIMED)}

"""The list of all clauses of the contract, in the order in which they are checked."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from . import (
    _batching,
    _claims,
    _continuity,
    _derivatives,
    _dtypes,
    _learning,
    _reference,
    _returned_value,
)


@dataclass(frozen=True)
class Clause:
    """One clause of the contract.

    Attributes:
        check: A function that raises `BreachError` if a batch breaks the clause. Its
            argument is a trial, or a list of trials if `batches` is `"together"`. The
            clause has the name of the function, and its docstring as description.
        needs: Clauses that must hold first. If one of them is broken, this clause would
            only repeat that, or could not be checked.
        batches: The clause must hold for `"each"` batch, for `"some"` batch, or for a
            few batches `"together"`. A slow clause is checked on the `"largest"` only.
    """

    check: Callable[..., None]
    needs: tuple[str, ...] = ()
    batches: Literal["each", "some", "together", "largest"] = "each"

    @property
    def name(self) -> str:
        return self.check.__name__

    @property
    def description(self) -> str:
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
PREREQUISITES = ("shape", "pure")  # every other clause needs these two
CLAUSES: dict[str, str] = {
    clause.name: clause.description for clause in (*ALWAYS, *CLAIMED)
}

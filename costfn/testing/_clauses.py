"""The clauses of the contract, in the order in which they are checked."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from . import _behaviour, _claims, _derivatives, _examples
from ._trial import Trial


@dataclass(frozen=True)
class Clause:
    """One demand.

    Attributes:
        check: Raises `BreachError` if a batch breaks it. Its docstring says what the
            clause demands, its name is that of the clause.
        needs: Clauses without which this one says nothing new, or nothing at all.
        batches: It holds for `"each"` batch, for `"some"`, or is checked on the
            `"largest"` of a few because that is slow.
    """

    check: Callable[[Trial], None]
    needs: tuple[str, ...] = ()
    batches: Literal["each", "some", "largest"] = "each"

    @property
    def name(self) -> str:
        return self.check.__name__

    @property
    def says(self) -> str:
        return (self.check.__doc__ or "").strip()


ALWAYS = (
    Clause(_behaviour.shape),
    Clause(_behaviour.pure, needs=("shape",)),
    Clause(_behaviour.dtype),
    Clause(_behaviour.finite),
    Clause(_behaviour.saturation),
    Clause(_behaviour.precision, needs=("dtype", "finite")),
    Clause(_behaviour.alive, batches="some"),
    Clause(_derivatives.gradient, needs=("alive", "finite")),
    Clause(_derivatives.second_derivative, needs=("gradient",)),
    Clause(_derivatives.reverse_mode),
    Clause(_derivatives.forward_mode, needs=("reverse_mode",)),
    Clause(
        _derivatives.hessian,
        needs=("second_derivative", "reverse_mode", "forward_mode"),
    ),
    Clause(_examples.vmap),
    Clause(_examples.per_sample_gradients, needs=("vmap", "reverse_mode")),
    Clause(_examples.independence),
    Clause(_examples.permutation),
    Clause(_derivatives.compiled, batches="largest"),
    Clause(_behaviour.bad_labels, needs=("alive",)),
)
CLAIMED = (
    Clause(_claims.non_negative),
    Clause(_claims.zero_at_perfect),
    Clause(_claims.shift_invariant),
    Clause(_claims.lower_is_better),
)
FIRST = ("shape", "pure")  # without which none of the others says anything
CLAUSES: dict[str, str] = {clause.name: clause.says for clause in (*ALWAYS, *CLAIMED)}

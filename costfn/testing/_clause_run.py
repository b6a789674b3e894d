"""A loss held to clauses on many batches, and the smallest batch that breaks one."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import HealthCheck, Phase, errors, given, settings

from ._batches import Batches
from ._clauses import FIRST, Clause
from ._strategies import Array
from ._trial import BreachError, InapplicableError, Trial, UnfitError

Arguments = tuple[Array, ...]


def drawn(inputs: Batches, max_examples: int | None) -> list[Arguments]:
    """Some batches, the largest of them first."""
    found: list[Arguments] = []

    @_settings(max_examples, phases=[Phase.generate])
    @given(inputs)
    def collect(arguments: Arguments) -> None:
        found.append(arguments)

    collect()
    return sorted(found, key=lambda arguments: -arguments[0].size)


def _settings(max_examples: int | None, **options: Any) -> settings:
    # The profile of the caller, but for what would make noise of an inner test.
    return settings(
        max_examples=max_examples or settings().max_examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        **options,
    )


class Run:
    """What becomes of the clauses; those neither broken nor left out are kept."""

    def __init__(
        self,
        clauses: Sequence[Clause],
        skipped: Sequence[str],
        trial_of: Callable[[Arguments], Trial],
        inputs: Batches,
        max_examples: int | None,
    ) -> None:
        self.broken: dict[str, BreachError] = {}
        self.left_out = dict.fromkeys(skipped, "skipped")
        self._in_vain: set[str] = set()  # broken, or in need of what is
        self._trial_of, self._inputs = trial_of, inputs
        self._max_examples = max_examples
        self._on_each([clause for clause in clauses if clause.name in FIRST])
        for clause in clauses:
            if clause.batches != "each" and self._is_open(clause):
                self._on_sample(clause)
        self._on_each([clause for clause in clauses if clause.batches == "each"])

    def _is_open(self, clause: Clause) -> bool:
        if clause.name in self.broken or clause.name in self.left_out:
            return False
        needs = clause.needs if clause.name in FIRST else (*FIRST, *clause.needs)
        lacking = [name for name in needs if name in self._in_vain]
        if lacking:
            self.left_out[clause.name] = f"needs {lacking[0]}"
            self._in_vain.add(clause.name)
        return not lacking

    def _breaks(self, clause: Clause, breach: BreachError) -> None:
        self.broken[clause.name] = breach
        self._in_vain.add(clause.name)

    def _leaves_out(self, clause: Clause, reason: Exception) -> None:
        self.left_out[clause.name] = str(reason)
        self._in_vain.add(clause.name)

    def _on_sample(self, clause: Clause) -> None:
        """For what some batch must show, few must together, or one must at least."""
        trials = list(map(self._trial_of, drawn(self._inputs, self._max_examples)))
        found, unfit = None, None
        for trial in trials if clause.batches == "some" else trials[:1]:
            given = trials if clause.batches == "together" else trial
            try:
                _check(clause, trial, given)
            except BreachError as error:
                found = error
            except InapplicableError as reason:
                return self._leaves_out(clause, reason)
            except UnfitError as reason:
                unfit = reason
            else:
                return None
        if found is not None:
            self._breaks(clause, found)
        elif unfit is not None:
            self._leaves_out(clause, unfit)
        return None

    def _on_each(self, clauses: Sequence[Clause]) -> None:
        while still := [clause for clause in clauses if self._is_open(clause)]:
            found = self._first_breach(still)
            if found is None:
                return
            self._breaks(*found)

    def _first_breach(
        self, clauses: Sequence[Clause]
    ) -> tuple[Clause, BreachError] | None:
        guilty: list[tuple[Clause, BreachError]] = []
        unfit: defaultdict[Clause, list[str]] = defaultdict(list)
        batches = 0

        @_settings(self._max_examples)
        @given(self._inputs)
        def check(arguments: Arguments) -> None:
            nonlocal batches
            batches += 1
            trial = self._trial_of(arguments)
            # Once a clause is broken the batch shrinks, and stays with that clause.
            for clause in [guilty[0][0]] if guilty else clauses:
                if clause.name in self.left_out:
                    continue
                try:
                    _check(clause, trial, trial)
                except InapplicableError as reason:
                    self._leaves_out(clause, reason)
                except UnfitError as reason:
                    unfit[clause].append(str(reason))
                except BreachError as error:
                    guilty.append((clause, error))
                    raise

        try:
            check()
        except BreachError:
            return guilty[-1]
        except errors.Flaky:
            clause, error = guilty[-1]
            text = f"{error}\nThe same batch passed when it was tried again."
            return clause, BreachError(text, error.arguments)
        for clause, reasons in unfit.items():
            if len(reasons) > batches / 2:
                return clause, BreachError(f"It cannot be checked: {reasons[-1]}.")
        return None


def _check(clause: Clause, trial: Trial, given: Trial | list[Trial]) -> None:
    """Checks a clause on what it is given, of which the trial is the first."""
    try:
        clause.check(given)
    except BreachError as error:
        raise BreachError(str(error), error.arguments or trial.arguments) from None
    except (InapplicableError, UnfitError):
        raise
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        raise BreachError(text, trial.arguments) from error

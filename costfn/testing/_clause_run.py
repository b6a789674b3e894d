"""Checks clauses on many batches, and finds the smallest batch that breaks each."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import HealthCheck, Phase, errors, given, settings

from ._batches import Batches
from ._clauses import PREREQUISITES, Clause
from ._strategies import Array
from ._trial import BreachError, InapplicableError, Trial, UnfitError

Arguments = tuple[Array, ...]


def draw_batches(inputs: Batches, max_examples: int | None) -> list[Arguments]:
    """A few batches, the largest first."""
    found: list[Arguments] = []

    @_settings(max_examples, phases=[Phase.generate])
    @given(inputs)
    def collect(arguments: Arguments) -> None:
        found.append(arguments)

    collect()
    return sorted(found, key=lambda arguments: -arguments[0].size)


def _settings(max_examples: int | None, **options: Any) -> settings:
    # The caller's profile, without what makes no sense for a test inside a test.
    return settings(
        max_examples=max_examples or settings().max_examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        **options,
    )


class ClauseRun:
    """Checks all clauses. Those that are neither broken nor left out are kept."""

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
        self._unmet: set[str] = set()  # clauses that are broken or were not checked
        self._trial_of, self._inputs = trial_of, inputs
        self._max_examples = max_examples
        self._check_on_every_batch(
            [clause for clause in clauses if clause.name in PREREQUISITES]
        )
        for clause in clauses:
            if clause.batches != "each" and self._is_due(clause):
                self._check_on_sample(clause)
        self._check_on_every_batch(
            [clause for clause in clauses if clause.batches == "each"]
        )

    def _is_due(self, clause: Clause) -> bool:
        if clause.name in self.broken or clause.name in self.left_out:
            return False
        needs = (
            clause.needs
            if clause.name in PREREQUISITES
            else (*PREREQUISITES, *clause.needs)
        )
        lacking = [name for name in needs if name in self._unmet]
        if lacking:
            self.left_out[clause.name] = f"needs {lacking[0]}"
            self._unmet.add(clause.name)
        return not lacking

    def _note_breach(self, clause: Clause, breach: BreachError) -> None:
        self.broken[clause.name] = breach
        self._unmet.add(clause.name)

    def _leave_out(self, clause: Clause, reason: Exception) -> None:
        self.left_out[clause.name] = str(reason)
        self._unmet.add(clause.name)

    def _check_on_sample(self, clause: Clause) -> None:
        """Checks a clause that needs a few batches only: see `Clause.batches`."""
        batches = draw_batches(self._inputs, self._max_examples)
        trials = list(map(self._trial_of, batches))
        found, unfit = None, None
        for trial in trials if clause.batches == "some" else trials[:1]:
            given = trials if clause.batches == "together" else trial
            try:
                _check(clause, trial, given)
            except BreachError as error:
                found = error
            except InapplicableError as reason:
                return self._leave_out(clause, reason)
            except UnfitError as reason:
                unfit = reason
            else:
                return None
        if found is not None:
            self._note_breach(clause, found)
        elif unfit is not None:
            self._leave_out(clause, unfit)
        return None

    def _check_on_every_batch(self, clauses: Sequence[Clause]) -> None:
        while due := [clause for clause in clauses if self._is_due(clause)]:
            found = self._first_breach(due)
            if found is None:
                return
            self._note_breach(*found)

    def _first_breach(
        self, clauses: Sequence[Clause]
    ) -> tuple[Clause, BreachError] | None:
        breaches: list[tuple[Clause, BreachError]] = []
        unfit: defaultdict[Clause, list[str]] = defaultdict(list)
        batches = 0

        @_settings(self._max_examples)
        @given(self._inputs)
        def check(arguments: Arguments) -> None:
            nonlocal batches
            batches += 1
            trial = self._trial_of(arguments)
            # After the first breach Hypothesis shrinks the batch, and a smaller batch
            # counts only if it breaks the same clause.
            for clause in [breaches[0][0]] if breaches else clauses:
                if clause.name in self.left_out:
                    continue
                try:
                    _check(clause, trial, trial)
                except InapplicableError as reason:
                    self._leave_out(clause, reason)
                except UnfitError as reason:
                    unfit[clause].append(str(reason))
                except BreachError as error:
                    breaches.append((clause, error))
                    raise

        try:
            check()
        except BreachError:
            return breaches[-1]
        except errors.Flaky:
            clause, error = breaches[-1]
            text = f"{error}\nThe same batch passed when it was checked again."
            return clause, BreachError(text, error.arguments)
        for clause, reasons in unfit.items():
            if len(reasons) > batches / 2:
                return clause, BreachError(
                    f"The clause cannot be checked: {reasons[-1]}."
                )
        return None


def _check(clause: Clause, trial: Trial, given: Trial | list[Trial]) -> None:
    """Checks a clause on a trial, or on a list of trials that begins with `trial`."""
    try:
        clause.check(given)
    except BreachError as error:
        raise BreachError(str(error), error.arguments or trial.arguments) from None
    except (InapplicableError, UnfitError):
        raise
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        raise BreachError(text, trial.arguments) from error

"""Per-sample analysis of other people's models, against a loop of backward passes."""

import pytest

from tests.models import checks
from tests.models.library_models import CASES, COUPLED

# They speak to each other by names that they will drop.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")
named = {"ids": lambda case: case.name}


@pytest.mark.parametrize("case", CASES, **named)
@pytest.mark.parametrize("name", checks.FUNCTIONS)
def test_it_equals_the_loop_and_leaves_all_as_found(case, name):
    checks.check(case, name)


@pytest.mark.parametrize("case", COUPLED, **named)
@pytest.mark.parametrize("name", checks.FUNCTIONS)
def test_a_loss_that_couples_samples_is_refused(case, name):
    checks.check_or_refused(case, name)

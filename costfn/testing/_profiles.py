"""Hypothesis profiles for tests of losses."""

import os

from hypothesis import settings


def load_profile(name: str | None = None) -> str:
    """Registers three Hypothesis profiles and loads one of them.

    - `dev`: 15 random examples for each test.
    - `ci`: the same 15 examples each time, so that a build does not fail at random.
    - `nightly`: 500 random examples, for a wider search.

    None has a deadline, because the first call of a loss may compile for seconds.
    Call this function in `conftest.py`. It applies to the whole process.

    Args:
        name: One of these profiles, or one that you registered. Default: the
            environment variable `HYPOTHESIS_PROFILE` if it is set; else `ci` if `CI`
            is set; else `dev`.

    Returns:
        The name of the profile that was loaded.

    Raises:
        hypothesis.errors.InvalidArgument: If there is no profile of this name.

    Example:
        >>> from costfn.testing import load_profile
        >>> load_profile("ci")  # doctest: +SKIP
        'ci'
    """
    # On a CI machine Hypothesis loads a profile of its own, and new profiles would
    # inherit from it. So they start from "default".
    usual = settings.get_profile("default")
    settings.register_profile("dev", usual, max_examples=15, deadline=None)
    settings.register_profile(
        "ci", usual, max_examples=15, deadline=None, derandomize=True, print_blob=True
    )
    settings.register_profile(
        "nightly", usual, max_examples=500, deadline=None, print_blob=True
    )
    here = "ci" if os.environ.get("CI") else "dev"
    chosen = name or os.environ.get("HYPOTHESIS_PROFILE") or here
    settings.load_profile(chosen)
    return chosen

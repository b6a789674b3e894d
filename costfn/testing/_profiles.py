"""Profiles of Hypothesis that suit losses."""

import os

from hypothesis import settings


def load_profile(name: str | None = None) -> str:
    """Chooses how Hypothesis runs: registers three profiles and loads one.

    - `dev`: 15 random examples for each test.
    - `ci`: the same 15 examples each time, so that a build cannot fail by luck.
    - `nightly`: 500 random examples, to search where `dev` and `ci` do not.

    None has a deadline: the first call of a loss may trace and compile for seconds.
    Call it in `conftest.py`. It holds for the whole process.

    Args:
        name: The profile, one of these or one that you registered. Default: the
            environment variable `HYPOTHESIS_PROFILE` if it is set; else `ci` where `CI`
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
    # Where Hypothesis sees a build it has loaded a profile of its own, which others
    # would inherit.
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

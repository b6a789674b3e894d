"""The versions that numbers depend on."""

import platform
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("costfn", "torch", "numpy", "scikit-learn", "scipy", "pandas", "lightgbm")


def versions() -> dict[str, str]:
    """The version of Python and of each package, by its name."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found

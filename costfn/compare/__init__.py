"""Which loss serves my data? Compares losses on folds by cost or by a metric.

Install the extra for it: `pip install 'costfn[compare]'`.
"""

try:
    from ._comparison import Comparison, compare_losses
    from ._costs import read_cost
    from ._data import BUILT_IN, Data, load_data
    from ._errors import InputError
    from ._metrics import METRICS
    from ._summary import Row
    from .candidates import CANDIDATES, DEFAULT_LOSSES, METRIC_LOSSES
except ModuleNotFoundError as error:
    package = (error.name or "").partition(".")[0]
    if package not in ("matplotlib", "pandas", "rich", "scipy", "sklearn"):
        raise
    raise ImportError(
        f"costfn.compare needs {package}: pip install 'costfn[compare]'", name=package
    ) from error

__all__ = [
    "BUILT_IN",
    "CANDIDATES",
    "DEFAULT_LOSSES",
    "METRICS",
    "METRIC_LOSSES",
    "Comparison",
    "Data",
    "InputError",
    "Row",
    "compare_losses",
    "load_data",
    "read_cost",
]

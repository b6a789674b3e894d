"""Which loss serves my data? Compares losses on folds by cost or by a metric.

Install the extra for it: `pip install 'costfn[compare]'`.
"""

PACKAGES = (
    "jinja2",
    "joblib",
    "matplotlib",
    "pandas",
    "rich",
    "scipy",
    "skops",
    "sklearn",
)

try:
    from ._candidates import CANDIDATES, DEFAULT_LOSSES, METRIC_LOSSES
    from ._compare import compare_losses, compare_planned
    from ._comparison import Comparison
    from ._costs import from_gains, read_cost
    from ._data import BUILT_IN, Column, Data, load_data, read_features
    from ._directory import check_directory
    from ._errors import InputError
    from ._kept import Kept
    from ._kept import read as read_model
    from ._metrics import METRICS
    from ._models import MODELS
    from ._plan import Plan, plan
    from ._references import REFERENCES
    from ._summary import Row
except ModuleNotFoundError as error:
    package = (error.name or "").partition(".")[0]
    if package not in PACKAGES:
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
    "MODELS",
    "REFERENCES",
    "Column",
    "Comparison",
    "Data",
    "InputError",
    "Kept",
    "Plan",
    "Row",
    "check_directory",
    "compare_losses",
    "compare_planned",
    "from_gains",
    "load_data",
    "plan",
    "read_cost",
    "read_features",
    "read_model",
]

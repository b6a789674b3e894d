"""Models that a loss can train: each fits one setting, or the path of all settings."""

from .boosting import Boosting
from .estimator import Estimator
from .learner import Fit, Learner, Setting, Task
from .linear import Linear
from .network import Network, mlp

__all__ = [
    "Boosting",
    "Estimator",
    "Fit",
    "Learner",
    "Linear",
    "Network",
    "Setting",
    "Task",
    "mlp",
]

"""The doctor for losses of torch; users import it as `costfn.doctor`."""

from ._method.report import BrokenLossError, Finding, Report
from ._torch.diagnose import diagnose
from ._torch.watch import Watch, watch

__all__ = ["BrokenLossError", "Finding", "Report", "Watch", "diagnose", "watch"]

"""The doctor for losses of JAX; users import it as `costfn_jax.doctor`."""

from ._jax.diagnose import diagnose
from ._method.report import BrokenLossError, Finding, Report

__all__ = ["BrokenLossError", "Finding", "Report", "diagnose"]

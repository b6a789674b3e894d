"""What the doctors of `costfn` and of `costfn_jax` share.

It needs NumPy alone: no torch, no JAX. Use `costfn.doctor` or `costfn_jax.doctor`.
"""

from ._causes import CAUSES, Cause
from ._report import BrokenLossError, Finding, Report

__all__ = ["CAUSES", "BrokenLossError", "Cause", "Finding", "Report"]

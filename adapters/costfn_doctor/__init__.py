"""Diagnoses a loss: does its gradient flow, and if not, which line stops it?

Use it as `costfn.doctor` for losses of torch and as `costfn_jax.doctor` for losses
of JAX. Here are the parts that need neither framework, only NumPy.
"""

from ._method.causes import CAUSES
from ._method.report import BrokenLossError, Finding, Report

__all__ = ["CAUSES", "BrokenLossError", "Finding", "Report"]

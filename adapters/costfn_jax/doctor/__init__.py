"""Does the gradient of my JAX loss flow, and if not, where does it stop?

The report is that of `costfn.doctor`; what is traced is the jaxpr.
"""

from costfn_doctor import BrokenLossError, Finding, Report

from ._diagnose import diagnose

__all__ = ["BrokenLossError", "Finding", "Report", "diagnose"]

"""Does the gradient of my JAX loss flow, and if not, where does it stop?

The report is that of `costfn.doctor`; the doctor reads it from the jaxpr.
"""

from costfn_doctor.jax import BrokenLossError, Finding, Report, diagnose

__all__ = ["BrokenLossError", "Finding", "Report", "diagnose"]

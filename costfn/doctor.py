"""Does the gradient of my loss flow, and if not, where does it stop?

`diagnose` examines a loss by running it; `watch` looks at one training step.
"""

from costfn_doctor.torch import (
    BrokenLossError,
    Finding,
    Report,
    Watch,
    diagnose,
    watch,
)

__all__ = ["BrokenLossError", "Finding", "Report", "Watch", "diagnose", "watch"]

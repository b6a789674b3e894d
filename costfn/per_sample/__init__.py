"""Gradients of single samples: their norms, directions, statistics and influence.

Every function takes a model, a loss, inputs and targets. Each sample is a batch of one.
"""

from ._clip import Clipped, clip
from ._contributions import contribution_norms, contributions, linearize
from ._directions import cosine_to_mean, projections
from ._gradients import gradients
from ._influence import influence
from ._norms import gradient_norms
from ._record import record
from ._recording import Recording
from ._report import Group, Sample, Summary
from ._statistics import (
    NoiseScale,
    gradient_noise_scale,
    gradient_signal_to_noise,
    pairwise_similarity,
    variance,
)
from ._summary import summary
from ._vmap import SlowWarning

__all__ = [
    "Clipped",
    "Group",
    "NoiseScale",
    "Recording",
    "Sample",
    "SlowWarning",
    "Summary",
    "clip",
    "contribution_norms",
    "contributions",
    "cosine_to_mean",
    "gradient_noise_scale",
    "gradient_norms",
    "gradient_signal_to_noise",
    "gradients",
    "influence",
    "linearize",
    "pairwise_similarity",
    "projections",
    "record",
    "summary",
    "variance",
]

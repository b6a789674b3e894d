"""Mirror of `costfn.per_sample`: a model is a function of parameters and a batch.

Parameters are any tree of arrays, as in Flax. Every function works under `jax.jit` with
the model, the loss and the options fixed. There are no closed forms, because `jit`
computes norms without holding the gradients. The warnings and some checks look at
values, so there are none under `jit`.
"""

from ._clip import Clipped, clip
from ._contributions import contribution_norms, contributions, linearize
from ._directions import cosine_to_mean, projections
from ._gradients import gradients
from ._influence import influence
from ._norms import gradient_norms
from ._report import Group, Sample, Summary
from ._statistics import (
    NoiseScale,
    gradient_noise_scale,
    gradient_signal_to_noise,
    pairwise_similarity,
    variance,
)
from ._summary import summary
from ._warnings import SlowWarning

__all__ = [
    "Clipped",
    "Group",
    "NoiseScale",
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
    "summary",
    "variance",
]

"""Mirror of `costfn.per_sample`: a model is a function of parameters and a batch.

Parameters are any tree of arrays, as those of Flax. Every function may be put under
`jax.jit` with the model, the loss and the options fixed. `jit` fuses norms into the
gradients, so that they need no closed forms here to save memory.
"""

from ._gradients import (
    Clipped,
    clip,
    contribution_norms,
    contributions,
    gradient_norms,
    gradients,
    linearize,
)
from ._influence import influence
from ._statistics import (
    NoiseScale,
    cosine_to_mean,
    gradient_noise_scale,
    gradient_signal_to_noise,
    pairwise_similarity,
    projections,
    variance,
)

__all__ = [
    "Clipped",
    "NoiseScale",
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
    "variance",
]

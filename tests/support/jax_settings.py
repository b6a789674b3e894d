"""Every loss in JAX under the settings of this process, run by `test_jax_settings.py`.

Saves the value, gradient and Hessian-vector product of the first problem of each loss.
Three losses of counts stand for all, which share all but the metric.
"""

import sys

import jax
import numpy as np

from tests.crosscheck._backends import of_jax
from tests.crosscheck._runs import exemplars, table

jax.config.update("jax_disable_most_optimizations", True)
found = {
    loss: of_jax(table()[name][0], "float32", "compiled", "cpu")
    for loss, name in exemplars().items()
}
settings = {
    "x64": jax.config.jax_enable_x64,
    "promotion": jax.config.jax_numpy_dtype_promotion,
}
np.savez(
    sys.argv[1],
    **{name: str(value) for name, value in settings.items()},
    **{f"{loss} {i}": x for loss, three in found.items() for i, x in enumerate(three)},
)

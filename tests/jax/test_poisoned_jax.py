"""Bad values that cannot be seen: NaN in value and gradient, unless that is exactly 0.

With XLA's optimisations on, which could reorder the products that it is made of.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import jit, vmap

from costfn_jax._foundation.hidden import poisoned

WAYS = {
    "eager": lambda f: f,
    "jit": jit,
    "vmap": lambda f: (
        lambda *x: jax.tree.map(lambda y: y[0], vmap(f)(*(a[None] for a in x)))
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("direction", [1.0, -1e-30, 1e30, 0.0])
def test_a_bad_value_gives_nan_and_0_stays_0(way, direction):
    x = jnp.array([1.0, -2.0, 0.0, 3.0], jnp.float32)
    bad = jnp.array([True, True, True, False])
    along = jnp.full(4, direction, jnp.float32)

    def both(x, bad, along):
        value, pull = jax.vjp(lambda x: poisoned(x, bad), x)
        tangent = jax.jvp(lambda x: poisoned(x, bad), (x,), (along,))[1]
        return value, pull(along)[0], tangent

    value, *slopes = WAYS[way](both)(x, bad, along)
    assert jnp.isnan(value).tolist() == bad.tolist()
    for slope in slopes:
        assert slope[3] == direction
        expected = jnp.full(3, jnp.nan if direction else 0.0)
        np.testing.assert_array_equal(slope[:3], expected)

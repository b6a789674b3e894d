"""Every option of the mirror that is a number, in every form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import costfn
import costfn_jax
from option_cases import LEARNED, OPTIONS, Data

pytestmark = pytest.mark.usefixtures("quick")
DATA = Data(*(jnp.asarray(x) for x in Data()))
TORCH = Data(*(torch.as_tensor(x) for x in Data()))
WITH_SCORES = {k: v for k, v in LEARNED.items() if "loss" in k or v.per_class}
each = pytest.mark.parametrize("case", OPTIONS)


def total(row, value, data=DATA):
    """One number of all that the call returns, each with another share."""
    found = jnp.asarray(row.call(costfn_jax, data, value))
    share = jnp.arange(1.0, 1 + found.size).reshape(found.shape)
    return (share * found).sum()


def total_of_torch(row, value):
    found = torch.as_tensor(row.call(costfn, TORCH, value)).double()
    share = torch.arange(1.0, 1 + found.numel()).double().reshape(found.shape)
    return (share * found).sum()


NUMBERS = {
    "NumPy float64": np.float64,
    "NumPy array, no axis": np.array,
    "NumPy array, one entry": lambda x: np.array([x]),
    "array (1,)": lambda x: jnp.array([x]),
}


@pytest.mark.unchecked
@each
def test_numbers_of_every_kind_are_the_same_number(case):
    row = OPTIONS[case]
    right = total_of_torch(row, row.good).item()
    plain = row.call(costfn_jax, DATA, row.good)
    # Matrices are built in each library's default dtype.
    error = 1e-11 if row.learned else 1e-6
    for kind, write in NUMBERS.items():
        found = row.call(costfn_jax, DATA, write(row.good))
        assert found.shape == plain.shape, kind
        assert found.dtype == plain.dtype, kind
        assert total(row, write(row.good)).item() == pytest.approx(right, rel=error)
    single = np.float32(row.good)
    found = total(row, single).item()
    assert found == pytest.approx(total_of_torch(row, float(single)).item(), rel=1e-5)


@pytest.mark.unchecked
@each
def test_what_is_no_one_number_is_refused(case):
    row = OPTIONS[case]
    for value in ("1", True, [0.5], None, 1j, np.bool_(True)):
        with pytest.raises(TypeError, match=rf"^{row.name} must be a number or a jax"):
            row.call(costfn_jax, DATA, value)
    for value in (jnp.array(True), jnp.array(1j)):
        with pytest.raises(TypeError, match=rf"^{row.name} must"):
            row.call(costfn_jax, DATA, value)
    shapes = [(4, 1), (2, 2), (0,), *([(5,)] if row.per_class else [(3,), (4,)])]
    for shape in shapes:
        with pytest.raises(ValueError, match=rf"^{row.name} must be one number"):
            row.call(costfn_jax, DATA, jnp.full(shape, row.good))


@pytest.mark.unchecked
@each
def test_out_of_range_is_refused_by_name(case):
    row = OPTIONS[case]
    for value in row.bad:
        for write in (float, np.float32, lambda x: jnp.array([x])):
            with pytest.raises(ValueError, match=rf"^{row.name} must be .*, got"):
                row.call(costfn_jax, DATA, write(value))


@pytest.mark.unchecked
@pytest.mark.parametrize("case", WITH_SCORES)
def test_traced_it_is_learned_and_out_of_range_nan(case):
    """Value and gradients of scores and option while they are traced."""
    row = WITH_SCORES[case]
    field = "prediction" if "q_error" in case else "z"

    def loss(scores, value):
        return total(row, value, DATA._replace(**{field: scores}))

    both = jax.value_and_grad(loss, (0, 1))
    value, (of_scores, of_option) = both(getattr(DATA, field), jnp.array([row.good]))
    option = torch.tensor([row.good], dtype=torch.float64, requires_grad=True)
    right = total_of_torch(row, option)
    right.backward()
    assert value.item() == pytest.approx(right.item(), rel=1e-11)
    assert of_option.item() == pytest.approx(option.grad.item(), rel=1e-9, abs=1e-12)
    assert np.isfinite(of_scores).all()
    for bad in row.bad:
        value, (of_scores, _) = both(getattr(DATA, field), jnp.array([bad]))
        assert np.isnan(value), bad
        assert np.isnan(of_scores).any(), bad

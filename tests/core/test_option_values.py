"""Every option that is a number, in every form in which users write numbers."""

from functools import partial
from unittest.mock import patch

import numpy as np
import pytest
import torch
from torch.func import grad, vmap

import costfn
from option_cases import LEARNED, OPTIONS, Data

Q = torch.float64
DATA = Data(*(torch.as_tensor(x) for x in Data()))
WITH_SCORES = {k: v for k, v in LEARNED.items() if "loss" in k or v.per_class}
each = pytest.mark.parametrize("case", OPTIONS)
learned = pytest.mark.parametrize("case", LEARNED)
of_scores = pytest.mark.parametrize("case", WITH_SCORES)


def total(row, value, data=DATA):
    """One number of all that the call returns, each with another share."""
    found = torch.as_tensor(row.call(costfn, data, value), dtype=Q)
    share = torch.arange(1, 1 + found.numel(), dtype=Q).reshape(found.shape)
    return (share * found).sum()


def close(found, right, error=1e-12):
    torch.testing.assert_close(found, right, rtol=error, atol=error)


NUMBERS = {
    "NumPy float64": np.float64,
    "NumPy array, no axis": np.array,
    "NumPy array, one entry": lambda x: np.array([x]),
    "tensor": lambda x: torch.tensor(x, dtype=Q),
    "tensor (1,)": lambda x: torch.tensor([x], dtype=Q),
    "tensor (1, 1)": lambda x: torch.tensor([[x]], dtype=Q),
    "Parameter": lambda x: torch.nn.Parameter(torch.tensor([x], dtype=Q)),
}
COARSE = {
    "NumPy float32": np.float32,
    "NumPy float16": np.float16,
    "float32 tensor": torch.tensor,
    "bfloat16 tensor": lambda x: torch.tensor(x, dtype=torch.bfloat16),
}
WHOLE = {
    "int": int,
    "NumPy int": np.int64,
    "int tensor": lambda x: torch.tensor(int(x)),
    "int tensor (1,)": lambda x: torch.tensor([int(x)]),
}


@pytest.mark.unchecked
@each
def test_numbers_of_every_kind_are_the_same_number(case):
    row = OPTIONS[case]
    right = total(row, row.good)
    for kind, write in NUMBERS.items():
        found = total(row, write(row.good))
        torch.testing.assert_close(found, right, rtol=1e-12, atol=1e-12, msg=kind)
    for kind, write in COARSE.items():
        value = write(row.good)
        right = total(row, float(value))
        found = total(row, value)
        torch.testing.assert_close(found, right, rtol=2e-2, atol=2e-2, msg=kind)
    if 1.0 in row.bad or 0.5 in row.bad:
        return
    right = total(row, 2.0)
    for kind, write in WHOLE.items():
        torch.testing.assert_close(total(row, write(2)), right, msg=kind)


@pytest.mark.unchecked
@each
def test_the_result_keeps_its_shape_and_type(case):
    row = OPTIONS[case]
    plain = row.call(costfn, DATA, row.good)
    for write in (*NUMBERS.values(), *COARSE.values()):
        found = row.call(costfn, DATA, write(row.good))
        assert found.shape == plain.shape
        assert found.dtype == plain.dtype
    single = Data(*(x.float() if x.is_floating_point() else x for x in DATA))
    plain = row.call(costfn, single, row.good)
    found = row.call(costfn, single, torch.tensor([row.good], dtype=Q))
    assert found.dtype == plain.dtype


@pytest.mark.unchecked
@each
@pytest.mark.parametrize(
    "value", ["1", True, [0.5], None, 1j, np.bool_(True)], ids=repr
)
def test_what_is_no_number_is_refused(case, value):
    row = OPTIONS[case]
    with pytest.raises(TypeError, match=rf"^{row.name} must be a number or a tensor"):
        row.call(costfn, DATA, value)


@pytest.mark.unchecked
@each
def test_tensors_of_other_types_are_refused(case):
    row = OPTIONS[case]
    for value in (torch.tensor(True), torch.tensor(1j)):
        with pytest.raises(TypeError, match=rf"^{row.name} must"):
            row.call(costfn, DATA, value)


@pytest.mark.unchecked
@each
def test_several_numbers_are_refused(case):
    """Not one for each example, nor for each class, nor a column that broadcasts."""
    row = OPTIONS[case]
    shapes = [(4, 1), (2, 2), (0,), *([] if row.per_class else [(3,), (4,)])]
    for shape in shapes:
        with pytest.raises(ValueError, match=rf"^{row.name} must be one number"):
            row.call(costfn, DATA, torch.full(shape, row.good, dtype=Q))
    if row.per_class:
        with pytest.raises(ValueError, match=rf"^{row.name} must"):
            row.call(costfn, DATA, torch.full((5,), row.good, dtype=Q))


@pytest.mark.unchecked
@each
def test_out_of_range_is_refused_by_name(case):
    row = OPTIONS[case]
    for value in row.bad:
        for write in (float, np.float32, torch.tensor, lambda x: torch.tensor([x])):
            with pytest.raises(ValueError, match=rf"^{row.name} must be .*, got"):
                row.call(costfn, DATA, write(value))


@pytest.mark.unchecked
@of_scores
def test_out_of_range_is_nan_where_it_cannot_be_seen(case):
    """In value and in the gradient of the scores."""
    row = WITH_SCORES[case]
    floats = [f for f in Data._fields if getattr(DATA, f).is_floating_point()]
    for value in row.bad:
        leaves = {f: getattr(DATA, f).clone().requires_grad_() for f in floats}
        data = DATA._replace(**leaves)
        with patch("costfn._foundation.check.readable_values", lambda values: None):
            found = row.call(costfn, data, torch.tensor(value, dtype=Q))
        assert found.isnan().any(), value
        found.sum().backward()
        scores = data.prediction if "q_error" in case else data.z
        assert scores.grad.isnan().any(), value


@learned
def test_a_learned_option_has_the_right_gradient(case):
    row = LEARNED[case]
    parameter = torch.nn.Parameter(torch.tensor([row.good], dtype=Q))
    total(row, parameter).backward()
    step = 1e-6 * max(1.0, abs(row.good))
    ends = [total(row, row.good + way * step).item() for way in (1, -1)]
    slope = (ends[0] - ends[1]) / (2 * step)
    assert slope != 0
    assert parameter.grad.item() == pytest.approx(slope, rel=1e-6, abs=1e-8)


@learned
def test_under_vmap_each_has_its_own(case):
    row = LEARNED[case]
    values = torch.tensor([row.good, 0.9 * row.good, 0.8 * row.good], dtype=Q)
    right = torch.stack([row.call(costfn, DATA, v.item()) for v in values])
    close(vmap(partial(row.call, costfn, DATA))(values), right)
    slopes = vmap(grad(partial(total, row)))(values)
    right = torch.stack([grad(partial(total, row))(v) for v in values])
    close(slopes, right)


@of_scores
def test_one_parameter_for_all_examples_under_vmap(case):
    """The usual learned scalar, `nn.Parameter` of shape (1,), beside the examples."""
    row = WITH_SCORES[case]
    if "q_error" in case or "soft_targets" in case:
        pytest.skip("it has no class scores")
    parameter = torch.nn.Parameter(torch.tensor([row.good], dtype=Q))

    def loss(z, y, q, value):
        return total(row, value, DATA._replace(z=z[None], y=y[None], q=q[None]))

    by_parameter = vmap(grad(loss), (0, 0, 0, None))(DATA.z, DATA.y, DATA.q, parameter)
    by_number = torch.stack(
        [
            grad(loss)(*example, row.good)
            for example in zip(DATA.z, DATA.y, DATA.q, strict=True)
        ]
    )
    close(by_parameter.detach(), by_number)


RISKS = (0.0, 1e-9, 1e-4, 0.3)


@pytest.mark.parametrize("risk", RISKS)
def test_a_learned_risk_has_half_the_variance_of_the_cost_as_slope_at_0(risk):
    """Reported as 0, so that a learned risk never leaves its default."""
    value = torch.tensor(risk, dtype=Q, requires_grad=True)
    costfn.expected_cost_loss(DATA.z, DATA.y, DATA.cost, risk=value).sum().backward()
    p, c = DATA.z.softmax(-1), DATA.cost[DATA.y]
    if risk < 1e-3:
        mean = (p * c).sum(-1, keepdim=True)
        moments = [(p * (c - mean) ** n).sum(-1).sum().item() for n in (2, 3)]
        right = moments[0] / 2 + risk * moments[1] / 3
    else:
        grown = p * (risk * c).exp()
        tilted, total = (grown * c).sum(-1), grown.sum(-1)
        right = (tilted / total / risk - total.log() / risk**2).sum().item()
    assert value.grad.item() == pytest.approx(right, rel=1e-7)


@pytest.mark.unchecked
@pytest.mark.parametrize("value", [0.5, 2, -1, "0", True])
def test_zero_division_is_0_or_1_or_nan(value):
    for call in (costfn.dice_loss, costfn.mcc_loss, costfn.balanced_accuracy_loss):
        with pytest.raises((ValueError, TypeError), match=r"^zero_division must be"):
            call(DATA.z, DATA.y, zero_division=value)

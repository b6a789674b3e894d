"""The modules copied, saved, moved, shown, trained with and misused."""

import copy
import inspect
import pickle

import pytest
import torch

import costfn_nn
from module_cases import COST, LABELLED, WEIGHT, each_labelled, images, module_of


def test_it_survives_copying_saving_and_moving(loss):
    module = module_of(loss, weight=WEIGHT)
    logits, labels, probs = images((4, 3))
    target = labels if loss in LABELLED else probs
    expected = module(logits, target)
    for same in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        torch.testing.assert_close(same(logits, target), expected)
    assert not list(module.parameters())
    assert set(module.state_dict()) == {"weight", *loss.takes}
    other = module_of(loss, weight=torch.ones(3))
    other.load_state_dict(module.state_dict())
    torch.testing.assert_close(other(logits, target), expected)
    module.to(torch.float32)
    assert all(buffer.dtype == torch.float32 for buffer in module.buffers())
    assert module(logits.float(), target).dtype == torch.float32


def test_its_repr_tells_the_options(loss):
    marks = {"pos_weight": 2.0} if loss.per_label else {}
    text = repr(module_of(loss, weight=WEIGHT, **marks))
    assert text.startswith(f"{loss.class_name}(")
    for name in inspect.signature(getattr(costfn_nn, loss.class_name)).parameters:
        assert f"{name}=" in text


def test_it_trains_a_model(loss):
    x, labels, probs = images((16, 3))
    target = labels if loss in LABELLED else probs
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 3).double()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    criterion = module_of(loss)
    values = []
    for _ in range(5):
        optimizer.zero_grad()
        value = criterion(model(x), target)
        value.backward()
        optimizer.step()
        values.append(value.item())
    assert values == sorted(values, reverse=True)
    assert values[-1] < values[0]


@pytest.mark.unchecked
@each_labelled
def test_a_label_out_of_range_is_refused(loss):
    logits, labels, _ = images((4, 3))
    labels[2] = 3
    with pytest.raises(ValueError, match=r"^target must"):
        module_of(loss)(logits, labels)


@pytest.mark.unchecked
@pytest.mark.parametrize(
    "options, message",
    [
        ({"reduction": "avg"}, "^reduction must"),
        ({"label_smoothing": 1.5}, "^label_smoothing must"),
        ({"label_smoothing": -0.5}, "^label_smoothing must"),
        ({"label_smoothing": float("nan")}, "^label_smoothing must"),
        ({"weight": -WEIGHT}, "^weight must"),
        ({"weight": WEIGHT[None]}, "^weight must"),
    ],
)
def test_bad_options_are_refused_at_once(options, message):
    with pytest.raises(ValueError, match=message):
        costfn_nn.ExpectedCostLoss(COST, **options)


@pytest.mark.unchecked
@pytest.mark.parametrize("cost", [COST[0], COST / 0, COST[:, :1]])
def test_a_bad_matrix_is_refused_at_once(cost):
    with pytest.raises(ValueError, match=r"^cost must"):
        costfn_nn.ExpectedCostLoss(cost)


@pytest.mark.parametrize("classes", [2, 4])
def test_weights_that_do_not_fit_the_classes_are_refused(classes):
    weight = torch.arange(classes) + 1.0
    with pytest.raises(ValueError, match=r"^weight must"):
        costfn_nn.FocalLoss(weight=weight)(torch.zeros(2, 3), torch.tensor([0, 2]))

"""What every module does: saved, moved, learned, weighed, in half precision."""

import copy
import dataclasses
import inspect
import pickle
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch

import costfn
import costfn_nn
from costfn import relaxations
from module_cases import COST
from module_table import BY_NAME, CASES, ModuleCase

each_case = pytest.mark.parametrize("module_case", CASES, ids=repr)
# A module adds to its function what all of its kind share. One of each kind is compiled
# here, and every function in the tests of the core.
COMPILED = {
    "ExpectedCostLoss",
    "FBetaLoss",
    "FocalLoss",
    "GeneralizedWassersteinDiceLoss",
    "LovaszHingeLoss",
    "LovaszSoftmaxLoss",
    "MccLoss",
    "NormalizedCostLoss",
    "QErrorLoss",
    "SigmoidFocalLoss",
    "SoftTargetLoss",
}
FIRST = list({case.name: case for case in reversed(CASES)}.values())[::-1]
each_kind = pytest.mark.parametrize(
    "module_case",
    [case for case in FIRST if case.name in COMPILED],
    ids=lambda case: case.name,
)


def learned(*values):
    return [torch.nn.Parameter(torch.tensor([x], dtype=torch.float64)) for x in values]


def with_relaxation(case):
    """The module, with a relaxation that has a tensor in it if it takes one."""
    if not case.has_task:
        return case.make()
    of = relaxations.sigmoid(torch.tensor(1.5, dtype=torch.float64), 0.25)
    return case.make(relaxation=relaxations.straight_through(of))


@each_case
def test_it_survives_copying_and_saving(module_case, tmp_path):
    module, batch = with_relaxation(module_case), module_case.draw()
    expected = module(*batch)
    torch.save(module, tmp_path / "module.pt")
    for same in (
        copy.deepcopy(module),
        pickle.loads(pickle.dumps(module)),
        torch.load(tmp_path / "module.pt", weights_only=False),
    ):
        assert type(same) is type(module)
        assert repr(same) == repr(module)
        torch.testing.assert_close(same(*batch), expected, rtol=0, atol=0)
    other = with_relaxation(module_case)
    for tensor in other.state_dict().values():
        tensor.zero_()
    other.load_state_dict(module.state_dict())
    torch.testing.assert_close(other(*batch), expected, rtol=0, atol=0)


def test_they_all_arrive_in_another_process(tmp_path):
    """As the workers of a data loader are started where there is no fork."""
    made = [(with_relaxation(case), case.draw()) for case in CASES]
    made.append((costfn_nn.WithMetrics(MADE, mcc=partial(costfn.mcc_loss)), labels()))
    expected = [module(*batch) for module, batch in made]
    torch.save([made, expected], tmp_path / "all.pt")
    code = (
        "import sys, torch\n"
        "made, expected = torch.load(sys.argv[1], weights_only=False)\n"
        "for (module, batch), value in zip(made, expected, strict=True):\n"
        "    torch.testing.assert_close(module(*batch), value, rtol=0, atol=0)\n"
        "print(len(made))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "all.pt"],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": f"{root}:{root / 'adapters'}", "OMP_NUM_THREADS": "1"},
    )
    assert done.stdout.strip() == str(len(made)), done.stderr


MADE = costfn.metric_loss(
    partial(costfn.metrics.f_beta, class_weight=torch.tensor([1.0, 2.0, 0.5]))
)


def labels():
    """Without pixels: then functions and modules have the classes on the same axis."""
    return ModuleCase("FBetaLoss", "labels").draw(pixels=())


NUMBERS = {
    "risk": 0.5,
    "strength": 1.5,
    "temperature": 0.75,
    "epsilon": 1.5,
    "gamma": 1.5,
    "gamma_pos": 0.5,
    "gamma_neg": 1.5,
    "margin": 0.125,
    "alpha": 0.25,
    "beta": 1.5,
    "smooth": 0.5,
    "floor": 0.125,
}
# A yes or no; and a floor that nothing of this batch lies below.
NO_NUMBER = [("CostRegressionLoss", "smooth"), ("QErrorLoss", "floor")]
OPTIONS = [
    (case, name)
    for case in FIRST
    for name in NUMBERS
    if name in case.takes and (case.name, name) not in NO_NUMBER
]


@pytest.mark.parametrize("module_case, name", OPTIONS, ids=repr)
@pytest.mark.parametrize("shape", [(), (1,)])
def test_an_option_that_is_learned_is_a_parameter(module_case, name, shape):
    value = NUMBERS[name]
    parameter = torch.nn.Parameter(torch.full(shape, value, dtype=torch.float64))
    module, batch = module_case.make(**{name: parameter}), module_case.draw()
    assert dict(module.named_parameters()) == {name: parameter}
    assert name in module.state_dict()
    found = module(*batch)
    torch.testing.assert_close(found, module_case.make(**{name: value})(*batch))
    (slope,) = torch.autograd.grad(found.sum(), parameter)
    assert slope.isfinite().all() and (slope != 0).all()
    # As it is now, and not as it was when the module was made.
    with torch.no_grad():
        parameter.mul_(0.5)
    half = module_case.make(**{name: value / 2})(*batch)
    torch.testing.assert_close(module(*batch), half)
    swapped = torch.func.functional_call(module, {name: 2 * parameter}, batch)
    torch.testing.assert_close(swapped, found)
    fixed = module_case.make(**{name: parameter.detach().clone()})
    assert not list(fixed.parameters()) and name in fixed.state_dict()


RELAXATIONS = {
    "softmax": (relaxations.softmax, (0.5,)),
    "sigmoid": (relaxations.sigmoid, (1.5, 0.25)),
    "amplified": (relaxations.amplified, (3.0,)),
    "raised_cosine": (relaxations.raised_cosine, (0.5, 0.75)),
    "piecewise_linear": (relaxations.piecewise_linear, (0.5, 0.25)),
}
each_relaxation = pytest.mark.parametrize(
    "build, numbers", RELAXATIONS.values(), ids=RELAXATIONS
)


@each_relaxation
@pytest.mark.parametrize("nested", [False, True])
def test_parameters_inside_of_a_relaxation_are_found(build, numbers, nested):
    parameters = learned(*numbers)

    def relaxation(*values):
        made = build(*values)
        return relaxations.straight_through(made) if nested else made

    case = ModuleCase("DiceLoss", "labels")
    module = case.make(relaxation=relaxation(*parameters))
    assert list(map(id, module.parameters())) == list(map(id, parameters))
    names = list(module.state_dict())
    assert len(names) == len(parameters)
    assert all(
        n.startswith("relaxation.of." if nested else "relaxation.") for n in names
    )
    found = module(*case.draw())
    expected = case.make(relaxation=relaxation(*numbers))(*case.draw())
    torch.testing.assert_close(found, expected)
    slopes = torch.autograd.grad(found, parameters)
    assert all(slope.isfinite() and slope != 0 for slope in slopes)
    module.to(torch.float32)
    assert {p.dtype for p in module.parameters()} == {torch.float32}
    logits, target = case.draw()
    assert module(logits.float(), target).dtype == torch.float32
    first = dataclasses.fields(build(*numbers))[0].name
    assert f"{type(build(*numbers)).__name__}({first}=(1,)" in repr(module)


class Network(torch.nn.Module):
    """A relaxation of one's own that is a module."""

    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor(1.0, dtype=torch.float64))

    def forward(self, logits):
        return (self.scale * logits).softmax(-1)


def test_modules_inside_of_options_are_found():
    case, inner = ModuleCase("DiceLoss", "labels"), Network()
    for relaxation in (inner, relaxations.straight_through(inner)):
        module = case.make(relaxation=relaxation)
        assert list(map(id, module.parameters())) == [id(inner.scale)]
        torch.autograd.grad(module(*case.draw()), inner.scale)


with_tensor = [c for c in FIRST if {"cost", "prior", "transition"} & c.takes]


@pytest.mark.parametrize("case", with_tensor, ids=repr)
def test_a_cost_that_is_learned_is_a_parameter(case):
    module = case.make()
    (name,) = {"cost", "prior", "transition"} & set(case.takes)
    parameter = torch.nn.Parameter(getattr(module, name).detach().clone())
    needed = inspect.signature(case.cls).parameters.values()
    required = [p.name for p in needed if p.default is p.empty]
    numbers = {n: NUMBERS[n] for n in required if n in NUMBERS}
    made = case.cls(parameter, **numbers)
    assert list(map(id, made.parameters())) == [id(parameter)]
    (slope,) = torch.autograd.grad(made(*case.draw()), parameter)
    assert slope.isfinite().all() and slope.any()


def test_what_is_tracked_is_found_too():
    scale = torch.nn.Parameter(torch.tensor(1.0, dtype=torch.float64))
    loss = costfn_nn.DiceLoss(relaxation=relaxations.softmax(scale))
    weight = MADE.metric.keywords["class_weight"]
    module = costfn_nn.WithMetrics(loss, f=MADE, focal=costfn_nn.FocalLoss())
    assert list(map(id, module.parameters())) == [id(scale)]
    assert any(torch.equal(b, weight) for b in module.buffers())
    batch = labels()
    value, found = module(*batch)
    torch.testing.assert_close(value, loss(*batch))
    torch.testing.assert_close(found["f"], MADE(*batch))
    assert set(found) == {"f", "focal"} and not found["f"].requires_grad


def test_what_modules_share_is_no_module_itself():
    base = costfn_nn.FocalLoss.__mro__[1]
    assert all(
        getattr(costfn_nn, name).__mro__[1] in (base, torch.nn.Module)
        for name in costfn_nn.__all__
    )
    module = costfn_nn.FocalLoss()
    with pytest.raises(TypeError, match=r"^LossModule must .* which is abstract$"):
        base(module._loss, module._evaluate, options={}, habits={})


SCALE = 65536.0  # with which torch.amp.GradScaler begins


@each_case
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_autocast_gives_float32_and_the_first_scaled_step_is_finite(module_case, dtype):
    """As `F.cross_entropy`: in half the loss would overflow when it is scaled."""
    logits, target = module_case.draw()
    wide = 4 if module_case.kind in ("labels", "probs", "multilabel") else 3
    torch.manual_seed(0)
    model = (
        torch.nn.Conv2d(wide - 1, wide - 1, 1) if wide == 4 else torch.nn.Linear(2, 2)
    )
    inputs = logits.float() / 2
    options = {}
    if module_case.name == "CostRegressionLoss":
        # As of `F.mse_loss` its gradient is twice the error: that must be below 1/2.
        options["cost"] = COST / 16
    module = module_case.make(**options).float()
    if target.is_floating_point():
        target = target.float()
    scaler = torch.amp.GradScaler("cpu", init_scale=SCALE)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with torch.autocast("cpu", dtype):
        outputs = model(inputs)
        assert outputs.dtype == dtype
        value = module(outputs, target)
    assert value.dtype == torch.float32
    exact = module(outputs.detach().float(), target)
    torch.testing.assert_close(value.detach(), exact, rtol=1e-5, atol=1e-6)
    scaler.scale(value.sum()).backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())
    scaler.step(optimizer)
    scaler.update()
    assert scaler.get_scale() >= SCALE


@pytest.mark.unchecked  # jaxtyping's checks cannot be compiled
@each_kind
def test_it_compiles_in_one_graph(module_case):
    torch.compiler.reset()
    module, (logits, target) = with_relaxation(module_case), module_case.draw()
    keep = torch.ones(logits.shape[0], dtype=torch.bool)
    keep[0] = False
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    values, slopes = [], []
    for one in (module, compiled):
        z = logits.clone().requires_grad_()
        value = one(z, target, where=keep)
        values.append(value.detach())
        slopes += torch.autograd.grad(value, z)
    torch.testing.assert_close(*values)
    torch.testing.assert_close(*slopes)


def test_every_module_is_in_the_table():
    assert {case.name for case in CASES} | {"WithMetrics"} == set(costfn_nn.__all__)
    assert {case.name for case in CASES} == set(BY_NAME)

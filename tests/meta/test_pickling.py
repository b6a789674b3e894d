"""Relaxations and made losses are objects: shown, copied, saved, sent to a process.

Of torch and of JAX alike. `test_every_module.py` has the same of the modules.
"""

import copy
import pickle
import subprocess
import sys
from dataclasses import FrozenInstanceError
from functools import partial
from pathlib import Path

import jax.numpy as jnp
import pytest
import torch

import costfn
import costfn_jax

pytestmark = pytest.mark.usefixtures("quick")
Q = torch.float64
Z = [[0.5, -1.0, 0.25], [2.0, 0.5, -0.5]]
Y = [0, 2]


class Library:
    """One of the two, with a scalar of its kind."""

    def __init__(self, name, module, scalar, array):
        self.name, self.module, self.scalar, self.array = name, module, scalar, array

    def __repr__(self):
        return self.name

    def arguments(self):
        return self.array(Z), self.array(Y)


TORCH = Library(
    "torch",
    costfn,
    lambda x: torch.nn.Parameter(torch.tensor([x], dtype=Q)),
    lambda x: torch.tensor(x, dtype=Q if isinstance(x[0], list) else torch.long),
)
JAX = Library("jax", costfn_jax, lambda x: jnp.array([x]), jnp.array)


def relaxations_of(library, number):
    made = library.module.relaxations
    return {
        "softmax": made.softmax(number(0.5)),
        "sigmoid": made.sigmoid(number(1.5), number(0.25)),
        "amplified": made.amplified(number(9.0)),
        "raised_cosine": made.raised_cosine(number(0.4), number(0.75)),
        "piecewise_linear": made.piecewise_linear(number(0.3), number(0.1)),
        "straight_through": made.straight_through(),
        "straight_through of one": made.straight_through(made.softmax(number(2.0))),
    }


def losses_of(library):
    lib = library.module
    made = {
        "metric_loss": lib.metric_loss(lib.metrics.mcc),
        "metric_loss with options": lib.metric_loss(
            partial(lib.metrics.f_beta, beta=2.0, classes=(0, 2))
        ),
        "metric_loss of the matrix": lib.metric_loss(
            partial(lib.metrics.cohen_kappa, weights="linear"), of="matrix"
        ),
    }
    made["with_metrics"] = lib.with_metrics(
        made["metric_loss with options"], accuracy=partial(lib.accuracy_loss)
    )
    return made


def objects():
    for library in (TORCH, JAX):
        for kind, number in (("numbers", float), ("learned", library.scalar)):
            for name, made in relaxations_of(library, number).items():
                yield f"{library}-{name}-{kind}", library, made
        for name, made in losses_of(library).items():
            yield f"{library}-{name}", library, made


OBJECTS = {name: (library, made) for name, library, made in objects()}
every = pytest.mark.parametrize("name", OBJECTS)


def numbers(made, library):
    """What it gives, as plain numbers."""
    logits, labels = library.arguments()
    relaxes = type(made).__module__.endswith("soft_decisions")
    found = made(logits) if relaxes else made(logits, labels)
    if isinstance(found, tuple):
        return [found[0].tolist(), {k: v.tolist() for k, v in found[1].items()}]
    return found.tolist()


@every
def test_it_survives_copying_and_saving(name, tmp_path):
    library, made = OBJECTS[name]
    expected = numbers(made, library)
    copies = [copy.copy(made), copy.deepcopy(made)]
    copies += [
        pickle.loads(pickle.dumps(made, protocol))
        for protocol in (2, pickle.HIGHEST_PROTOCOL)
    ]
    torch.save(made, tmp_path / "made.pt")
    copies.append(torch.load(tmp_path / "made.pt", weights_only=False))
    for same in copies:
        assert type(same) is type(made)
        assert repr(same) == repr(made)
        assert numbers(same, library) == expected


def test_they_all_arrive_in_another_process(tmp_path):
    """As the workers of a data loader are started where there is no fork."""
    made, expected = {}, {}
    for name, (library, it) in OBJECTS.items():
        # JAX would compile everything there again.
        value = numbers(it, library) if library is TORCH else None
        made[name], expected[name] = it, (repr(it), value)
    (tmp_path / "all.pickle").write_bytes(pickle.dumps([made, expected]))
    code = (
        "import pickle, sys, test_pickling as t\n"
        "made, expected = pickle.load(open(sys.argv[1], 'rb'))\n"
        "for name, (shown, value) in expected.items():\n"
        "    it = made[name]\n"
        "    assert value is None or t.numbers(it, t.TORCH) == value, name\n"
        "    assert '0x' in shown or repr(it) == shown, name\n"
        "print(len(made))"
    )
    root = Path(__file__).parents[2]
    path = ":".join(map(str, (root, root / "adapters", Path(__file__).parent)))
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "all.pickle"],
        capture_output=True,
        text=True,
        env={
            "PYTHONPATH": path,
            "OMP_NUM_THREADS": "1",
            "JAX_ENABLE_X64": "1",
            "JAX_PLATFORMS": "cpu",
        },
    )
    assert done.stdout.strip() == str(len(OBJECTS)), done.stderr


@pytest.mark.parametrize("library", [TORCH, JAX], ids=repr)
def test_it_shows_what_it_is(library):
    shown = {name: repr(made) for name, made in relaxations_of(library, float).items()}
    assert shown == {
        "softmax": "Softmax(temperature=0.5)",
        "sigmoid": "Sigmoid(slope=1.5, threshold=0.25)",
        "amplified": "Amplified(slope=9.0)",
        "raised_cosine": "RaisedCosine(threshold=0.4, width=0.75)",
        "piecewise_linear": "PiecewiseLinear(threshold=0.3, delta=0.1)",
        "straight_through": "StraightThrough(of=Softmax(temperature=1.0))",
        "straight_through of one": "StraightThrough(of=Softmax(temperature=2.0))",
    }
    for name, made in losses_of(library).items():
        assert repr(made).startswith(type(made).__name__ + "(")
        assert "locals" not in repr(made), name
    assert "mcc" in repr(losses_of(library)["metric_loss"])


@every
def test_it_does_not_change(name):
    """Two modules may share one, and a compiled graph holds it."""
    _, made = OBJECTS[name]
    field = next(iter(made.__dataclass_fields__))
    with pytest.raises(FrozenInstanceError):
        setattr(made, field, 1.0)


def test_a_deep_copy_has_parameters_of_its_own():
    temperature = torch.nn.Parameter(torch.tensor([0.5], dtype=Q))
    made = costfn.relaxations.straight_through(costfn.relaxations.softmax(temperature))
    same = copy.deepcopy(made)
    with torch.no_grad():
        temperature.mul_(4)
    assert same.of.temperature.item() == 0.5
    assert isinstance(same.of.temperature, torch.nn.Parameter)
    assert made.of.temperature is temperature


def test_a_parameter_in_a_relaxation_is_the_one_that_learns():
    temperature = torch.nn.Parameter(torch.tensor([0.5], dtype=Q))
    relaxation = costfn.relaxations.softmax(temperature)
    optimizer = torch.optim.SGD([temperature], lr=0.1)
    logits, labels = TORCH.arguments()
    before = costfn.dice_loss(logits, labels, relaxation=relaxation)
    before.backward()
    optimizer.step()
    after = costfn.dice_loss(logits, labels, relaxation=relaxation)
    assert after < before

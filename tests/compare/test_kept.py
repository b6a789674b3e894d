"""The winner is kept, decides as it did, and runs no code of a stranger."""

import io
import json
import pickle
import zipfile

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.naive_bayes import GaussianNB

from command import assert_refused, run
from costfn.compare import InputError, compare_losses, read_model
from small_data import COST, overlapping, row_of

pytestmark = [pytest.mark.slow, pytest.mark.unchecked]

QUICK = {"cost": COST, "losses": ["cross_entropy"], "folds": 2, "repeats": 1}


def net(columns, outputs):
    return torch.nn.Linear(columns, outputs)


@pytest.fixture(scope="module", params=["linear", "mlp", "boosting", net, GaussianNB])
def saved(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept")
    features, y = overlapping(90)
    features.loc[::9, "income"] = np.nan
    found = compare_losses(features, y, **QUICK, model=request.param)
    row = row_of(found, "cross_entropy", "minimum_cost")
    winner = found.train(row)
    found.save(folder)
    factory = request.param if request.param is net else None
    return folder / "model", found, winner, features, factory


def test_it_decides_as_the_winner_does(saved):
    folder, found, winner, features, factory = saved
    kept = read_model(folder, factory)
    table = kept.table(features)
    ready = torch.tensor(winner.steps.transform(found.plan.data.features))
    names = np.array(found.cost.decisions, dtype=object)
    chosen = names[winner.decider(winner.fit.predict(ready))]
    if kept.described["rule"] == winner.decider.rule:
        assert table.decision.tolist() == chosen.tolist()
    probs = table.filter(like="probability")
    assert probs.to_numpy().sum(axis=1) == pytest.approx(1)
    expected = (probs.to_numpy() @ COST.to_numpy()).min(axis=1)
    assert table["expected cost"].to_numpy() == pytest.approx(expected, abs=1e-6)


def test_command(saved, tmp_path):
    folder, _, _, features, factory = saved
    path = tmp_path / "new.csv"
    features.assign(more=1).to_csv(path, index=False)
    if factory is not None:
        assert_refused(run("predict", folder, path), "name the function that makes it")
        return
    result = run("predict", folder, path, "--out", tmp_path / "decided.csv")
    assert result.exit_code == 0, result.output
    decided = pd.read_csv(tmp_path / "decided.csv")
    assert set(decided.decision) <= {"good", "bad"} and len(decided) == 90
    printed = run("predict", folder, path)
    assert printed.stdout == (tmp_path / "decided.csv").read_text()
    features[["noise"]].to_csv(path, index=False)
    assert_refused(run("predict", folder, path), "none called 'income'")
    features.assign(income="much").to_csv(path, index=False)
    assert_refused(run("predict", folder, path), "must hold numbers, as in training")


@pytest.fixture
def linear(tmp_path):
    found = compare_losses(*overlapping(60), **QUICK)
    found.save(tmp_path)
    return tmp_path / "model"


class Bomb:
    def __reduce__(self):
        return (exec, ("raise SystemExit('the code of a stranger ran')",))


def test_weights_that_are_a_pickle_of_code_are_refused(linear):
    buffer = io.BytesIO()
    torch.save({"weights": Bomb()}, buffer)
    (linear / "weights.pt").write_bytes(buffer.getvalue())
    with pytest.raises(InputError, match="model must be"):
        read_model(linear)
    (linear / "weights.pt").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(InputError, match="model must be"):
        read_model(linear)


def test_preparations_of_other_types_are_refused(linear):
    path = linear / "preparation.skops"
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(parts["schema.json"])
    schema["__module__"], schema["__class__"] = "os", "system"
    parts["schema.json"] = json.dumps(schema).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    with pytest.raises(InputError, match="is it from a stranger"):
        read_model(linear)


@pytest.mark.parametrize("name", ["model.json", "preparation.skops", "weights.pt"])
def test_damaged_files_are_refused(linear, name):
    (linear / name).write_bytes(b"{")
    with pytest.raises(InputError, match="model must be"):
        read_model(linear)
    (linear / name).unlink()
    with pytest.raises(InputError, match="model must be"):
        read_model(linear)

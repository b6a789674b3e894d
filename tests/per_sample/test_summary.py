"""The report over a loader, against the same made at once."""

import math
import sys

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import costfn
from costfn import per_sample
from per_sample_models import KINDS, flat, loop, norms

pytestmark = pytest.mark.shapes

LOSS = costfn.focal_loss


def data(samples=13):
    model, x, y = KINDS[0].make(samples)
    return model, x, y, DataLoader(TensorDataset(x, y), batch_size=5)


def test_it_equals_what_is_found_at_once():
    model, x, y, loader = data()
    g = flat(loop(model, LOSS, x, y))
    report = per_sample.summary(model, LOSS, loader, top=4, progress=False)
    assert report.samples == 13 and report.against == "mean gradient"
    lengths, scores = g.norm(dim=1), g @ g.mean(0)
    expected = lengths.argsort(descending=True)[:4].tolist()
    assert [s.index for s in report.largest] == expected
    assert [s.index for s in report.opposing] == scores.argsort()[:4].tolist()
    predicted = model(x).argmax(1)
    for sample in report.largest:
        assert math.isclose(sample.score, lengths[sample.index].item(), rel_tol=1e-12)
        assert (
            sample.label == y[sample.index]
            and sample.predicted == predicted[sample.index]
        )
    for sample in report.opposing:
        assert abs(sample.score - scores[sample.index]) < 1e-12 * scores.abs().max()
    assert report.share_opposing == (scores < 0).double().mean()
    noise = per_sample.gradient_noise_scale(model, LOSS, x, y)
    assert math.isclose(report.noise.trace, noise.trace, rel_tol=1e-12)
    assert math.isclose(report.noise.squared_norm, noise.squared_norm, rel_tol=1e-9)


def test_groups_by_class_and_by_right_and_wrong():
    model, x, y, loader = data(40)
    lengths = norms(loop(model, LOSS, x, y))
    report = per_sample.summary(model, LOSS, loader, progress=False)
    right = model(x).argmax(1) == y
    assert sum(group.samples for group in report.groups) == 40
    for group in (*report.groups, report.total):
        chosen = torch.ones(40, dtype=torch.bool)
        if group.label is not None:
            chosen = (y == group.label) & (right == group.correct)
        own = lengths[chosen]
        assert group.samples == len(own) == group.counts.sum()
        assert math.isclose(group.mean, own.mean(), rel_tol=1e-12)
        for share, found in zip((0.1, 0.5, 0.9), group.quantiles, strict=True):
            near = own.sort().values[math.ceil(share * len(own)) - 1].item()
            assert near / 1.07 < found < near * 1.07


def test_against_a_validation_batch_and_its_own_loss():
    model, x, y, loader = data()
    validation = x[:6], y[:6]
    expected = per_sample.influence(
        model, LOSS, (x, y), validation, test_loss=costfn.f_beta_loss
    )
    report = per_sample.summary(
        model,
        LOSS,
        loader,
        validation=validation,
        validation_loss=costfn.f_beta_loss,
        top=13,
        progress=False,
    )
    assert report.against == "validation batch"
    assert [s.index for s in report.opposing] == expected.argsort().tolist()


def test_samples_without_labels():
    torch.manual_seed(0)
    model, x, y = nn.Linear(3, 2), torch.randn(6, 3), torch.randn(6, 2)
    report = per_sample.summary(model, nn.MSELoss(), [(x, y)], progress=False)
    assert report.groups == () and report.largest[0].label is None
    assert "6" in str(report)
    report.plot()


def test_the_table_and_the_progress_bar(capsys):
    model, _, _, loader = data()
    report = per_sample.summary(model, LOSS, loader, top=2)
    assert "norms" in capsys.readouterr().out
    text = str(report)
    assert "most negative influence" in text and "right" in text
    assert "noise scale: infinite, too few samples" in text
    x = torch.ones(4, 4).double()
    sure = per_sample.summary(model, LOSS, [(x, torch.ones(4).long())], progress=False)
    scale = f"{sure.noise.scale:.4g}"
    assert f"noise scale: {scale} samples; 0.0 % of 4 samples" in str(sure)


def test_the_picture(tmp_path):
    model, _, _, loader = data()
    figure = per_sample.summary(model, LOSS, loader, progress=False).plot()
    figure.savefig(tmp_path / "norms.png")
    assert (tmp_path / "norms.png").stat().st_size > 5000


@pytest.mark.parametrize("package", ["rich", "matplotlib"])
def test_without_the_extra(package, monkeypatch):
    model, _, _, loader = data()
    report = per_sample.summary(model, LOSS, loader, progress=False)
    for name in list(sys.modules):
        if name.partition(".")[0] == package:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    call = {
        "rich": lambda: per_sample.summary(model, LOSS, loader),
        "matplotlib": report.plot,
    }
    with pytest.raises(ImportError, match=rf"needs {package}.*costfn\[per-sample\]"):
        call[package]()


class Endless(list):
    """Batches made as they are asked for, of which none may be kept."""

    def __iter__(self):
        for seed in range(30):
            torch.manual_seed(seed)
            yield torch.randn(8, 4).double(), torch.randint(3, (8,))


def test_nothing_grows_with_the_samples():
    model, _, _, _ = data()
    report = per_sample.summary(model, LOSS, Endless(), top=3, progress=False)
    assert report.samples == 240 and len(report.largest) == 3
    held = [v for v in vars(report).values() if isinstance(v, torch.Tensor)]
    held += [group.counts for group in report.groups]
    assert all(len(v) < 500 for v in held)


BAD_CALLS = {
    "shuffled": (
        lambda m, x, y: DataLoader(TensorDataset(x, y), shuffle=True),
        {},
        ValueError,
        "loader must not shuffle",
    ),
    "one sample": (
        lambda m, x, y: [(x[:1], y[:1])],
        {},
        ValueError,
        "loader must hold 2 samples or more, got 1",
    ),
    "no pairs": (lambda m, x, y: [x], {}, TypeError, "loader must give pairs.*Tensor"),
    "top": (lambda m, x, y: [(x, y)], {"top": 0}, ValueError, "top must be above 0"),
}


@pytest.mark.unchecked
@pytest.mark.parametrize(
    "loader, options, error, words", BAD_CALLS.values(), ids=BAD_CALLS
)
def test_bad_arguments(loader, options, error, words):
    model, x, y = KINDS[0].make(4)
    with pytest.raises(error, match=words):
        per_sample.summary(model, LOSS, loader(model, x, y), progress=False, **options)

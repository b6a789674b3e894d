"""Every loss of costfn and of torch.nn, callables, and what is refused."""

from functools import partial

import pytest
import torch
from torch import nn

import costfn
import costfn_nn
from costfn import per_sample
from costfn.doctor import BrokenLossError
from per_sample_models import (
    KINDS,
    assert_all_near,
    assert_near,
    flat,
    full_gradient,
    loop,
    norms,
)

MLP = KINDS[0]
torch.manual_seed(3)
N = 5
GIVEN = {
    "target": torch.randint(3, (N,)),
    "target_probs": torch.rand(N, 3).double().softmax(-1),
    "cost": costfn.costs.ordinal(3).double(),
    "transition": torch.full((3, 3), 0.05).double().fill_diagonal_(0.9),
    "prior": torch.tensor([3.0, 2.0, 1.0]).double(),
}
ENTRIES = [e for e in costfn.catalogue.LOSSES.values() if e.takes]
SINGLE = [e for e in ENTRIES if e.per_sample and e.name != "q_error_loss"]
BATCH = [e for e in ENTRIES if not e.per_sample and e.name != "lovasz_hinge_loss"]


def bound(entry):
    """The loss with all but predictions and targets bound, and its targets."""
    if entry.per_label:
        hot = torch.eye(3).double()[GIVEN["target"]]
        return lambda z, y: entry.loss(z, y).sum(-1), hot
    first = entry.takes[0]
    rest = {a: GIVEN[a] for a in entry.takes[1:] if a in GIVEN}
    return partial(entry.loss, **rest, **entry.options), GIVEN[first]


@pytest.mark.parametrize("entry", SINGLE, ids=lambda e: e.name)
def test_every_loss_per_sample(entry):
    model, x, _ = MLP.make(N)
    loss, y = bound(entry)
    expected = loop(model, loss, x, y)
    assert_all_near(per_sample.gradients(model, loss, x, y), expected)
    assert_near(per_sample.gradient_norms(model, loss, x, y), norms(expected))
    mean = per_sample.contributions(model, lambda z, y: costfn.reduce(loss(z, y)), x, y)
    assert_all_near(mean, {n: g / N for n, g in expected.items()})


@pytest.mark.parametrize("entry", BATCH, ids=lambda e: e.name)
def test_contributions_to_every_batch_loss_add_up(entry):
    model, x, _ = MLP.make(N)
    loss, y = bound(entry)
    found = per_sample.contributions(model, loss, x, y, chunk_size=2)
    total = {n: g.sum(0) for n, g in found.items()}
    # Relative to the contributions, of which the sum may be small.
    scale = flat(found).abs().amax().item()
    for name, g in full_gradient(model, loss, x, y).items():
        assert (total[name] - g).abs().amax().item() <= 1e-12 * scale
    assert_near(per_sample.contribution_norms(model, loss, x, y), norms(found))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_contributions_of_every_model(kind):
    model, x, y = kind.make(6)
    loss = partial(costfn.f_beta_loss, average="macro")
    found = per_sample.contributions(model, loss, x, y, chunk_size=4)
    total = {n: g.sum(0) for n, g in found.items()}
    assert_all_near(total, full_gradient(model, loss, x, y))
    linear, target = per_sample.linearize(model, loss, x, y)
    assert_all_near(per_sample.gradients(model, linear, x, target), found)


def test_a_contribution_by_the_chain_rule():
    """Through the Jacobian of each sample's prediction, made row by row."""
    model, x, y = MLP.make(4)
    z = model(x)
    (cotangent,) = torch.autograd.grad(costfn.mcc_loss(z, y), z, retain_graph=True)
    names = [n for n, _ in model.named_parameters()]
    rows = [
        torch.autograd.grad(z[i] @ cotangent[i], model.parameters(), retain_graph=True)
        for i in range(4)
    ]
    columns = zip(*rows, strict=True)
    expected = {n: torch.stack(c) for n, c in zip(names, columns, strict=True)}
    assert_all_near(per_sample.contributions(model, costfn.mcc_loss, x, y), expected)


def outputs(*shape, seed=0):
    torch.manual_seed(seed)
    return torch.rand(N, *shape).double()


SCORES = outputs(3, seed=1)
SIGNS = (torch.randint(2, (N, 3)) * 2 - 1).double()
TORCH = {
    nn.L1Loss: SCORES,
    nn.MSELoss: SCORES,
    nn.SmoothL1Loss: SCORES,
    nn.HuberLoss: SCORES,
    nn.CrossEntropyLoss: GIVEN["target"],
    nn.NLLLoss: GIVEN["target"],
    nn.PoissonNLLLoss: SCORES,
    nn.GaussianNLLLoss: (SCORES, outputs(3, seed=2) + 0.1),
    nn.KLDivLoss: GIVEN["target_probs"],
    nn.BCELoss: SCORES,
    nn.BCEWithLogitsLoss: SCORES,
    nn.HingeEmbeddingLoss: SIGNS,
    nn.MultiLabelMarginLoss: torch.tensor([[0, 2, -1]] * N),
    nn.SoftMarginLoss: SIGNS,
    nn.MultiLabelSoftMarginLoss: (SIGNS > 0).double(),
    nn.MultiMarginLoss: GIVEN["target"],
    nn.CosineEmbeddingLoss: (SCORES, SIGNS[:, 0]),
    nn.MarginRankingLoss: (SCORES, SIGNS),
    nn.TripletMarginLoss: (SCORES, outputs(3, seed=4)),
    nn.TripletMarginWithDistanceLoss: (SCORES, outputs(3, seed=4)),
}


@pytest.mark.filterwarnings("ignore:reduction:UserWarning")  # torch's, of KLDivLoss
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("cls", TORCH, ids=lambda cls: cls.__name__)
def test_every_loss_of_torch_with_every_reduction(cls, reduction):
    model, x, _ = MLP.make(N)
    if cls is nn.BCELoss:
        model.append(nn.Sigmoid())
    loss, y = cls(reduction=reduction), TORCH[cls]
    expected = loop(model, loss, x, y)
    assert_all_near(per_sample.gradients(model, loss, x, y), expected)
    assert_near(per_sample.gradient_norms(model, loss, x, y), norms(expected))


def test_it_knows_all_losses_of_torch():
    """But for CTC, whose samples are not on axis 0, and one with a layer of its own."""
    found = {
        cls
        for name, cls in vars(nn).items()
        if name.endswith("Loss") and "reduction" in cls.__init__.__code__.co_varnames
    }
    names = {cls.__name__ for cls in found - set(TORCH)}
    assert names == {"CTCLoss", "LinearCrossEntropyLoss"}


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_modules_of_costfn_nn_with_the_classes_on_axis_1(reduction):
    torch.manual_seed(0)
    model = nn.Conv2d(1, 3, 2).double()
    x, y = torch.randn(4, 1, 3, 3).double(), torch.randint(3, (4, 2, 2))
    for loss in (
        costfn_nn.ExpectedCostLoss(GIVEN["cost"], reduction=reduction),
        nn.CrossEntropyLoss(reduction=reduction),
    ):
        expected = loop(model, loss, x, y)
        assert_all_near(per_sample.gradients(model, loss, x, y), expected)
        assert_near(per_sample.gradient_norms(model, loss, x, y), norms(expected))


def test_a_loss_that_looks_at_its_values():
    """`vmap` refuses it, and a loop over the samples takes its place."""

    def loss(z, y):
        error = (z - y).square().sum()
        return error if error.item() > 1 else 10 * error

    model, x, _ = MLP.make(N)
    expected = loop(model, loss, x, SCORES)

    def together(z, y):
        return torch.stack([loss(a, b) for a, b in zip(z, y, strict=True)])

    assert_all_near(per_sample.gradients(model, together, x, SCORES), expected)
    assert_near(per_sample.gradient_norms(model, together, x, SCORES), norms(expected))
    direction = {n: g[0] for n, g in expected.items()}
    found = per_sample.projections(model, together, x, SCORES, direction)
    assert_near(found, flat(expected) @ flat(expected)[0])


def test_no_targets():
    model, x, _ = MLP.make(N)
    expected = loop(model, lambda z, _: z.logsumexp(-1), x, SCORES)
    found = per_sample.gradients(model, lambda z: z.logsumexp(-1), x, None)
    assert_all_near(found, expected)


CALLS = [per_sample.gradients, per_sample.gradient_norms, per_sample.cosine_to_mean]
calls = pytest.mark.parametrize("call", CALLS, ids=lambda f: f.__name__)


@calls
@pytest.mark.parametrize(
    "loss",
    [
        lambda z, y: costfn.f_beta_loss(z, y),
        partial(costfn.mcc_loss, relaxation=None),
        costfn_nn.FBetaLoss(),
        nn.CrossEntropyLoss(weight=torch.tensor([1.0, 5.0, 25.0]).double()),
    ],
    ids=["F1", "MCC", "module", "weighted mean"],
)
@pytest.mark.unchecked
def test_losses_of_the_batch_are_refused(call, loss):
    model, x, _ = MLP.make(6)
    y = torch.tensor([0, 1, 2, 0, 1, 1])
    with pytest.raises(ValueError, match=r"mean or the sum.*contributions.*none"):
        call(model, loss, x, y)


def zero_one(z, y):
    return (z.argmax(-1) != y).to(z.dtype)


@calls
@pytest.mark.parametrize(
    "loss",
    [zero_one, partial(zero_one), lambda z, y: zero_one(z, y).mean()],
    ids=["function", "partial", "mean"],
)
@pytest.mark.unchecked
def test_the_doctor_speaks_of_a_loss_that_no_gradient_leaves(call, loss):
    model, x, y = MLP.make(6)
    with pytest.raises(BrokenLossError, match=r"INDEX_OP(.|\n)*z\.argmax\(-1\) != y"):
        call(model, loss, x, y)


@pytest.mark.unchecked
def test_so_it_does_of_a_loss_of_the_batch():
    model, x, y = MLP.make(6)
    weights = torch.ones(6)
    for loss, target in (
        (lambda z, y: zero_one(z, y).mean(), y),
        (lambda z, y, w: (w * zero_one(z, y)).mean(), (y, weights)),
        (lambda z: (z > 0).double().mean(), None),
    ):
        with pytest.raises(BrokenLossError, match=r"INDEX_OP|HARD_THRESHOLD"):
            per_sample.contributions(model, loss, x, target)


def test_samples_that_are_right_by_a_margin_have_no_gradient():
    model, x, _ = MLP.make(4)
    loss = nn.MultiMarginLoss(margin=1e-9)
    y = model(x).argmax(-1)
    assert not per_sample.gradient_norms(model, loss, x, y).any()
    assert not per_sample.contribution_norms(model, loss, x, y).any()


def test_ignored_labels_and_sums_are_no_losses_of_the_batch():
    model, x, _ = MLP.make(4)
    y = torch.tensor([0, -100, 2, 1])
    for reduction in ("sum", "mean"):
        loss = nn.CrossEntropyLoss(reduction=reduction)
        found = flat(per_sample.gradients(model, loss, x, y))
        expected = flat(loop(model, loss, x, y))
        assert torch.equal(found.isnan(), expected.isnan())
        assert_near(found.nan_to_num(), expected.nan_to_num())


@calls
@pytest.mark.unchecked
def test_the_words_of_the_loss_reach_the_user(call):
    model, x, y = MLP.make(4)
    with pytest.raises(ValueError, match=r"target must be labels in \[0, 3\)"):
        call(model, costfn.focal_loss, x, torch.tensor([0, 1, 2, 3]))
    with pytest.raises(TypeError, match="target must be integer labels"):
        call(model, costfn.focal_loss, x, y.double())


BAD_CALLS = {
    "batch normalisation": (
        lambda m, x, y: per_sample.gradients(
            nn.Sequential(m, nn.BatchNorm1d(3)), costfn.focal_loss, x, y
        ),
        ValueError,
        r"model must treat each sample alone.*BatchNorm1d '1'.*model\.eval\(\)",
    ),
    "batch statistics in eval": (
        lambda m, x, y: per_sample.contributions(
            nn.Sequential(m, nn.BatchNorm1d(3, track_running_stats=False)).eval(),
            costfn.mcc_loss,
            x,
            y,
        ),
        ValueError,
        "model must treat each sample alone.*GroupNorm",
    ),
    "no parameters": (
        lambda m, x, y: per_sample.gradients(
            m.requires_grad_(False), costfn.focal_loss, x, y
        ),
        ValueError,
        "model must have parameters that require gradients",
    ),
    "unknown parameter": (
        lambda m, x, y: per_sample.gradients(
            m, costfn.focal_loss, x, y, parameters=["w"]
        ),
        ValueError,
        r"parameters must be names.*got \['w'\].*0\.weight",
    ),
    "function without parameters": (
        lambda m, x, y: per_sample.gradients(m.forward, costfn.focal_loss, x, y),
        TypeError,
        "parameters must be a dictionary.*got NoneType",
    ),
    "no model": (
        lambda m, x, y: per_sample.gradients(None, costfn.focal_loss, x, y),
        TypeError,
        "model must be an nn.Module or a function.*got NoneType",
    ),
    "no loss": (
        lambda m, x, y: per_sample.gradients(m, 1.0, x, y),
        TypeError,
        "loss must be a function.*got float",
    ),
    "sizes": (
        lambda m, x, y: per_sample.gradients(m, costfn.focal_loss, x, y[:2]),
        ValueError,
        r"same number of samples.*got \[2, 5\]",
    ),
    "no samples": (
        lambda m, x, y: per_sample.gradients(m, costfn.focal_loss, x[:0], y[:0]),
        ValueError,
        r"1 or more.*got \[0\]",
    ),
    "no tensor": (
        lambda m, x, y: per_sample.gradients(m, costfn.focal_loss, x.numpy(), y),
        TypeError,
        "x must be a tensor, got ndarray",
    ),
    "chunk_size": (
        lambda m, x, y: per_sample.gradients(m, costfn.focal_loss, x, y, chunk_size=0),
        ValueError,
        "chunk_size must be 1 or more, got 0",
    ),
    "randomness": (
        lambda m, x, y: per_sample.gradients(
            m, costfn.focal_loss, x, y, randomness="all"
        ),
        ValueError,
        "randomness must be one of 'error', 'same', 'different', got 'all'",
    ),
    "per": (
        lambda m, x, y: per_sample.gradient_norms(
            m, costfn.focal_loss, x, y, per="unit"
        ),
        ValueError,
        "per must be one of.*got 'unit'",
    ),
    "losses unreduced": (
        lambda m, x, y: per_sample.contributions(m, costfn.focal_loss, x, y),
        ValueError,
        r"batch_loss must return one number.*\(5,\).*costfn\.reduce",
    ),
    "a loss per class": (
        lambda m, x, y: per_sample.gradients(
            m, partial(costfn.f_beta_loss, average=None), x, y
        ),
        ValueError,
        r"one number, or one per sample, got the shape \(3,\) for 5 samples",
    ),
    "no row per sample": (
        lambda m, x, y: per_sample.contributions(
            lambda p, x: (x @ p["w"]).sum(),
            costfn.mcc_loss,
            x,
            y,
            parameters={"w": torch.ones(4, 3).double()},
        ),
        ValueError,
        "model must return one row per sample",
    ),
}


@pytest.mark.unchecked
@pytest.mark.parametrize("call, error, words", BAD_CALLS.values(), ids=BAD_CALLS)
def test_bad_arguments(call, error, words):
    model, x, y = MLP.make(N)
    with pytest.raises(error, match=words):
        call(model, x, y)


def test_batch_normalisation_in_eval():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 2, 2), nn.BatchNorm2d(2), nn.Flatten())
    model = model.double()
    x, y = torch.randn(6, 1, 3, 3).double(), torch.randint(8, (6,))
    model(x)
    model.eval()
    expected = loop(model, costfn.focal_loss, x, y)
    assert_all_near(per_sample.gradients(model, costfn.focal_loss, x, y), expected)
    found = per_sample.gradient_norms(model, costfn.focal_loss, x, y)
    assert_near(found, norms(expected))

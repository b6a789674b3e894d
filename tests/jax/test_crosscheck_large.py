"""Sums over very many examples, in float32 against float64.

`python -m tests.crosscheck` does it with two million for every loss in both libraries.
"""

import pytest
import torch
from torch.func import grad

import costfn
from tests.crosscheck._large import check
from tests.crosscheck._runs import firsts

# The same numbers come with shapes checked.
pytestmark = pytest.mark.unchecked
IN_JAX = ("f_beta_loss", "normalized_cost_loss", "lovasz_hinge_loss")
STEPWISE = "sinkhorn_loss"  # five seconds, of which the mean of the losses is nothing


@pytest.mark.parametrize("loss", [x for x in firsts() if x != STEPWISE])
def test_every_loss_of_many_examples(loss):
    """A sum one by one of as many equal numbers is 1e-4 off: a C of some hundred."""
    results = check(loss, 50_000, jax_too=loss in IN_JAX)
    assert [r for r in results if not r.passed] == []


def test_a_sum_one_by_one_is_seen(monkeypatch):
    def one_by_one(losses):
        first = torch.zeros(len(losses), dtype=torch.int64)
        return losses.new_zeros(1).scatter_add(0, first, losses)[0] / len(losses)

    monkeypatch.setattr(costfn, "reduce", one_by_one)
    (found,) = check("focal_loss", 400_000, jax_too=False)
    assert not found.passed


def test_counts_and_matrix_of_twenty_million():
    """To 1e-6; in float32 one by one each stops at 2**24 times the first number."""
    n = 20_000_000
    few = torch.tensor([[0.1, 0.9]])
    labels = torch.zeros(1, dtype=torch.int64).expand(n)
    matrix = costfn.confusion_matrix(few.expand(n, 2), labels)
    torch.testing.assert_close(
        matrix[0].double(), n * few[0].double(), rtol=1e-6, atol=0
    )


def test_lovasz_of_eight_images():
    """Its gradient of 8 x 512 x 512 pixels was off by 4 %: to 1e-5."""
    n = 8 * 512 * 512
    rng = torch.Generator().manual_seed(0)
    z, y = torch.randn(n, generator=rng), torch.rand(n, generator=rng) < 0.3
    slope, exact = (
        grad(lambda z: costfn.lovasz_hinge_loss(z, y))(x) for x in (z, z.double())
    )
    assert (slope.double() - exact).norm() <= 1e-5 * exact.norm()

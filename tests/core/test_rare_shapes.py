"""Shapes and arguments that few people use; each was once wrong in a planted fault."""

import pytest
import torch

import costfn
from costfn import metrics

LABELS = torch.tensor([2, 0, 1, 1])


def test_a_matrix_for_each_example_with_more_decisions_than_classes():
    cost = torch.arange(48, dtype=torch.float64).reshape(4, 3, 4)
    rows = costfn.costs.cost_vector(LABELS, cost)
    assert rows.equal(cost[torch.arange(4), LABELS])


def test_rectangular_tables_are_refused_in_batches_too():
    with pytest.raises(ValueError, match=r"^matrix must be square"):
        costfn.confusion.one_vs_rest(torch.zeros(2, 3, 4))


def test_binary_of_three_classes_says_how_many_there_are():
    with pytest.raises(ValueError, match="3 classes, got 'binary'"):
        metrics.precision(torch.eye(3), average="binary")


def test_a_mask_of_examples_with_several_labels():
    logits = torch.tensor([[1.0, -2.0], [0.5, 0.0], [-1.0, 3.0], [9.0, 9.0]])
    target = torch.tensor([[1, 0], [0, 1], [0, 1], [0, 0]])
    keep = torch.tensor([True, True, True, False])
    masked = costfn.f_beta_loss(logits, target, task="multilabel", where=keep)
    alone = costfn.f_beta_loss(logits[:3], target[:3], task="multilabel")
    torch.testing.assert_close(masked, alone)


@pytest.mark.unchecked
def test_metrics_are_given_plain_tensors_and_other_arguments_as_they_are():
    def loss(x, name):
        return x.sum()

    def metric(x, name):
        assert not x.requires_grad
        return name

    x = torch.ones(2, requires_grad=True)
    _, found = costfn.with_metrics(loss, named=metric)(x, "ones")
    assert found == {"named": "ones"}

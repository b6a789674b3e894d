"""Counts and confusion matrices: sums, weights, masks, soft labels, numbers, errors."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk
from torch.func import grad, vmap

import costfn
from costfn import Counts, confusion_matrix, counts
from costfn.confusion import one_vs_rest
from problems import problems, same, tensors

pytestmark = pytest.mark.shapes

rng = torch.Generator().manual_seed(0)
A = torch.rand(6, 3, dtype=torch.float64, generator=rng).softmax(-1)
Y = torch.tensor([0, 2, 1, 1, 0, 2])
Q = torch.rand(6, 3, dtype=torch.float64, generator=rng).softmax(-1)
W = torch.tensor([0.1, 2.0, 0.0, 1.5, 1.0, 0.3], dtype=torch.float64)
KEEP = torch.tensor([True, False, True, True, True, False])


def close(actual, expected, error=1e-14):
    torch.testing.assert_close(actual, expected, rtol=error, atol=error)


def by_hand(a, y, w):
    """The definition, example by example and class by class."""
    n, k = a.shape
    tp, predicted, actual, alarm, missed, rest = np.zeros((6, k))
    for i in range(n):
        for c in range(k):
            tp[c] += w[i] * min(a[i, c], y[i, c])
            predicted[c] += w[i] * a[i, c]
            actual[c] += w[i] * y[i, c]
            alarm[c] += w[i] * (a[i, c] - min(a[i, c], y[i, c]))
            missed[c] += w[i] * (y[i, c] - min(a[i, c], y[i, c]))
            rest[c] += w[i] * min(1 - a[i, c], 1 - y[i, c])
    cells = (tp, predicted, actual, np.sum(w), alarm, missed, rest)
    return Counts(*map(torch.tensor, cells))


@pytest.mark.parametrize("target", [Y, torch.eye(3).double()[Y], Q])
@pytest.mark.parametrize("weight", [None, W])
@pytest.mark.parametrize("where", [None, KEEP])
def test_the_definition(target, weight, where):
    w = np.ones(6) if weight is None else weight.numpy()
    w = w if where is None else w * where.numpy()
    y = np.eye(3)[target] if target.ndim == 1 else target.numpy()
    found = counts(A, target, sample_weight=weight, where=where)
    close(found, by_hand(A.numpy(), y, w))
    matrix = confusion_matrix(A, target, sample_weight=weight, where=where)
    close(matrix, torch.tensor(np.einsum("n,ni,nj->ij", w, y, A.numpy())))


@pytest.mark.parametrize("task", ["multilabel", "binary"])
def test_the_definition_for_other_tasks(task):
    labels, w = torch.eye(3).double()[Y], W.numpy()
    if task == "multilabel":
        found = counts(A, labels, task=task, sample_weight=W)
        expected = by_hand(A.numpy(), labels.numpy(), w)
        close(found, expected._replace(total=expected.total.expand(3)))
    else:
        found = counts(A[:, 0], labels[:, 0], task=task, sample_weight=W)
        pairs = (np.stack([1 - x, x], -1) for x in (A[:, 0].numpy(), labels[:, 0]))
        close(found, by_hand(*pairs, w))


def test_they_add_up():
    whole = counts(A, Y, sample_weight=W)
    parts = [
        counts(A[i : i + 2], Y[i : i + 2], sample_weight=W[i : i + 2])
        for i in (0, 2, 4)
    ]
    close(parts[0] + parts[1] + parts[2], whole)
    close(sum(parts), whole)
    assert isinstance(sum(parts), Counts)
    with pytest.raises(TypeError):
        whole + 1


def test_a_weight_is_so_many_copies():
    copies = torch.tensor([2, 0, 1, 3, 1, 1])
    index = torch.arange(6).repeat_interleave(copies)
    close(counts(A, Y, sample_weight=copies), counts(A[index], Y[index]))


def test_a_mask_is_to_leave_out():
    close(counts(A, Y, where=KEEP), counts(A[KEEP], Y[KEEP]))
    close(confusion_matrix(A, Q, where=KEEP), confusion_matrix(A[KEEP], Q[KEEP]))
    each = A > 0.3
    found = counts(A, Q, task="multilabel", where=each)
    close(found.actual, (Q * each).sum(0))
    close(found.total, each.sum(0).double())


@pytest.mark.parametrize("of", ["counts", "matrix"])
@pytest.mark.parametrize("target", [Y, Q])
def test_a_masked_nan_reaches_neither_value_nor_gradient(of, target):
    bad = A.clone()
    bad[~KEEP] = torch.nan

    def total(a):
        if of == "matrix":
            return confusion_matrix(a, target, where=KEEP).square().sum()
        found = counts(a, target, where=KEEP)
        return sum(x.square().sum() for x in found)

    close(total(bad), total(A))
    gradient = grad(total)(bad)
    assert gradient.isfinite().all()
    assert (gradient[~KEEP] == 0).all()
    assert (gradient[KEEP] != 0).all()


def test_a_table_for_each_image():
    maps, labels = A.reshape(2, 3, 3), Y.reshape(2, 3)
    for target in (labels, Q.reshape(2, 3, 3)):
        found = counts(maps, target, scope="example", sample_weight=W.reshape(2, 3))
        for i in range(2):
            one = counts(maps[i], target[i], sample_weight=W.reshape(2, 3)[i])
            close(Counts(*(x[i] for x in found)), one)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=2))
def test_true_positives_of_soft_labels_are_most_at_the_labels(shares):
    """A product would be largest at the corner `a = round(y)`."""
    y = torch.tensor(shares, dtype=torch.float64)

    def jaccard(a):
        found = counts(a, y, task="binary")
        return costfn.metrics.jaccard(found, zero_division=1.0)

    best = jaccard(y)
    close(best, torch.ones(()).double())
    for a in (y.round(), 1 - y, y / 2, (y + 0.5) / 2):
        assert jaccard(a) <= best + 1e-15


def test_the_derivative_in_the_decisions_is_that_of_the_product_for_labels():
    """Also where decision and label are equal, at 0 or 1."""
    y = torch.tensor([0.0, 0.0, 1.0, 1.0, 0.0, 1.0])
    a = torch.tensor([0.0, 1.0, 0.0, 1.0, 0.4, 0.4])
    slope = grad(lambda a: counts(a, y, task="binary").true_positive[1])(a)
    close(slope, y)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_summed_in_float64(dtype):
    n = 70_000  # more than the largest float16
    ones = torch.ones(n, dtype=dtype)
    found = counts(ones, ones, task="binary")
    assert found.total.dtype == torch.float64
    assert found.true_positive.tolist() == [0, n]
    pairs = torch.stack([0 * ones, ones], -1)
    labels = torch.ones(n, dtype=torch.long)
    assert counts(pairs, labels).actual.tolist() == [0, n]
    assert confusion_matrix(pairs, labels).tolist() == [[0, 0], [0, n]]


def test_hard_counts_are_exact_beyond_what_float32_can_count_to():
    n = 2**24 + 3
    yes = torch.ones(n, dtype=torch.bool)
    assert counts(yes, yes, task="binary").true_positive.tolist() == [0, n]
    half = counts(torch.ones(n), yes, task="binary")
    assert half.true_positive[1].item() == pytest.approx(n, rel=2**-22)


@given(problem=problems())
def test_as_scikit_learn_counts_them(problem):
    y, d, w = tensors(problem)
    labels = [*range(problem.classes)]
    options = {"sample_weight": problem.weight, "labels": labels}
    matrix = confusion_matrix(d, y, classes=problem.classes, sample_weight=w)
    same(matrix, sk.confusion_matrix(*problem[:2], **options))
    each = sk.multilabel_confusion_matrix(*problem[:2], **options)
    for found in (
        counts(d, y, classes=problem.classes, sample_weight=w),
        one_vs_rest(matrix),
        one_vs_rest(torch.from_numpy(sk.confusion_matrix(*problem[:2], **options))),
    ):
        same(found.true_positive, each[:, 1, 1])
        same(found.predicted - found.true_positive, each[:, 0, 1])
        same(found.actual - found.true_positive, each[:, 1, 0])
        others = found.total - found.actual - found.predicted
        same(others + found.true_positive, each[:, 0, 0])


def test_one_vs_rest_of_many_tables():
    matrices = torch.arange(18).reshape(2, 3, 3)
    found = one_vs_rest(matrices)
    assert found.actual.tolist() == [[3, 12, 21], [30, 39, 48]]
    assert found.predicted.tolist() == [[9, 12, 15], [36, 39, 42]]
    assert found.true_positive.tolist() == [[0, 4, 8], [9, 13, 17]]
    assert found.total.tolist() == [36, 117]
    assert found.total.dtype == torch.float64


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32])
def test_labels_of_any_integer_type(dtype):
    close(counts(A, Y.to(dtype)), counts(A, Y))
    close(counts(Y.to(dtype), Y.to(dtype), classes=3), counts(Y, Y, classes=3))
    close(confusion_matrix(A, Y.to(dtype)), confusion_matrix(A, Y))
    zeros_and_ones = (Y > 0).to(dtype)
    found = counts(A[:, 0], zeros_and_ones, task="binary")
    close(found, counts(A[:, 0], Y > 0, task="binary"))


@pytest.mark.parametrize("function", [counts, confusion_matrix])
@pytest.mark.parametrize("target", [Y, Q])
def test_mapped_over_batches(function, target):
    twice = torch.stack([A, A.flip(0)])
    each = vmap(function, (0, None))(twice, target)
    for i in range(2):
        expected = function(twice[i], target)
        found = (
            each[i] if function is confusion_matrix else Counts(*(x[i] for x in each))
        )
        close(found, expected)


@pytest.mark.unchecked
@pytest.mark.parametrize("function", [counts, confusion_matrix])
@pytest.mark.parametrize("target", [Y, Q])
def test_in_one_graph(function, target):
    torch._dynamo.reset()

    def f(a, target, w, keep):
        return function(a, target, sample_weight=w, where=keep)

    compiled = torch.compile(f, fullgraph=True, backend="aot_eager")
    close(compiled(A, target, W, KEEP), f(A, target, W, KEEP))


BAD = [
    (ValueError, "classes must be given", (Y, Y), {}),
    (ValueError, r"decisions must be labels in \[0, 3\)", (Y + 1, Y), {"classes": 3}),
    (ValueError, r"target must be labels in \[0, 3\)", (A, Y + 1), {}),
    (ValueError, r"target must have the shape \(6,\)", (A, Y[:5]), {}),
    (ValueError, "target must be class probabilities", (A, 2 * Q), {}),
    (TypeError, "target must hold numbers", (A, ["a"] * 6), {}),
    (TypeError, "target must be integer labels", (A, Y.bool()), {}),
    (TypeError, "where must be boolean", (A, Y), {"where": Y}),
    (ValueError, r"where must have the shape \(6,\)", (A, Y), {"where": KEEP[:5]}),
    (ValueError, "sample_weight must be at least 0", (A, Y), {"sample_weight": -W}),
    (ValueError, "sample_weight must have the shape", (A, Y), {"sample_weight": W[:5]}),
]
OF_COUNTS = [
    (ValueError, "task must be one of", (A, Y), {"task": "ordinal"}),
    (ValueError, "scope must be one of", (A, Y), {"scope": "pixel"}),
    (ValueError, "scope must be 'batch'", (A, Y), {"scope": "example"}),
    (ValueError, "target must have the shape", (A, Y), {"task": "multilabel"}),
    (ValueError, "target must be 0, 1 or", (A[:, 0], Y), {"task": "binary"}),
]


@pytest.mark.unchecked
@pytest.mark.parametrize(
    "function, error, words, arguments, options",
    [
        *((f, *row) for row in BAD for f in (counts, confusion_matrix)),
        *((counts, *row) for row in OF_COUNTS),
    ],
)
def test_bad_arguments_are_refused(function, error, words, arguments, options):
    with pytest.raises(error, match=f"^{words}.*got "):
        function(*arguments, **options)


@pytest.mark.unchecked
@pytest.mark.parametrize(
    "error, words, matrix",
    [
        (ValueError, "matrix must be square", torch.ones(2, 3)),
        (ValueError, "matrix must be square", torch.ones(3)),
        (TypeError, "matrix must be a tensor or array-like", None),
        (TypeError, "matrix must hold real numbers", torch.eye(2) == 1),
    ],
)
def test_one_vs_rest_refuses_what_is_no_table(error, words, matrix):
    with pytest.raises(error, match=f"^{words}.*got "):
        one_vs_rest(matrix)


def test_no_examples_count_nothing():
    found = counts(A[:0], Y[:0])
    assert [x.sum().item() for x in found] == [0] * 7
    same(counts(Y[:0], Y[:0], classes=3).total, 0)

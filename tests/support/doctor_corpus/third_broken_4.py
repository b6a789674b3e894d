"""The third set: further broken losses."""

import torch
import torch.nn as nn
import torch.nn.functional as F

from doctor_corpus.case import case
from doctor_corpus.third_inputs import (
    binary,
    classes,
    integer,
    normal,
    normals,
    uniform,
    uniforms,
)


@case(
    "u62_data_accumulator",
    "accumulator leaf, total.data +=",
    True,
    {"DETACH", "ITEM_ESCAPE", "REQUIRES_GRAD_MASK"},
    "total.data +=||total = torch.zeros(",
)
def _():
    def loss(p, t):
        total = torch.zeros(1, requires_grad=True)
        for a, b in zip(p, t):
            total.data += F.mse_loss(a, b)
        return total.sum()

    return loss, normals(16, 3)


@case(
    "u63_grad_by_training_flag",
    "set_grad_enabled(self.training) in eval mode",
    True,
    {"NO_GRAD"},
    "with torch.set_grad_enabled(",
)
def _():
    class L(nn.Module):
        def forward(self, p, t):
            with torch.set_grad_enabled(self.training):
                e = (p - t).abs()
            return e.mean()

    return L().eval(), normals(16, 4)


@case(
    "u64_log_softmax_without_dim",
    "log_softmax without dim on (N,C,L)",
    True,
    {"WRONG_DIM"},
    "lp = F.log_softmax(x)",
)
def _():
    def loss(x, y):
        lp = F.log_softmax(x)
        return F.nll_loss(lp, y)

    def ex(seed=0):
        return normal(8, 5, 6, seed=seed), integer(5, 8, 6, seed=seed)

    return loss, ex


@case(
    "u65_hinge_of_zero_one",
    "hinge with labels 0/1",
    True,
    {"SATURATION", "TARGET_IGNORED", "WRONG_SIGN"},
    "F.relu(1 - y * x)",
)
def _():
    def hinge(x, y):
        return F.relu(1 - y * x).mean()

    return hinge, binary(32)


@case(
    "u66_gaussian_raw_variance",
    "gaussian nll, raw variance",
    True,
    {"NAN_SINGULAR"},
    "lv = torch.log(var)",
)
def _():
    def nll(o, y):
        mu, var = o[:, 0], o[:, 1]
        lv = torch.log(var)
        return (0.5 * lv + 0.5 * (y - mu) ** 2 / var).mean()

    def ex(seed=0):
        return normal(16, 2, seed=seed), normal(16, seed=seed + 1)

    return nll, ex


@case(
    "u67_binomial_distances_sqrt",
    "pairwise distances by the binomial formula, sqrt",
    True,
    {"NAN_SINGULAR"},
    "d = (n[:, None] + n[None]",
)
def _():
    def loss(z, y):
        n = (z * z).sum(1)
        d = (n[:, None] + n[None] - 2 * z @ z.T).clamp(min=0).sqrt()
        s = (y[:, None] == y[None]).float()
        return (s * d + (1 - s) * F.relu(1 - d)).mean()

    def ex(seed=0):
        return normal(16, 8, seed=seed), torch.arange(16) // 4

    return loss, ex


@case(
    "u68_margin_in_place",
    "margin subtracted in place",
    True,
    {"INPLACE", "MUTATES_INPUT"},
    "x[torch.arange(len(y)), y] -= 0.3",
)
def _():
    def am(x, y):
        x[torch.arange(len(y)), y] -= 0.3
        return F.cross_entropy(8 * x, y)

    return am, classes(16, 6)


@case(
    "u69_wrong_variable_returned",
    "returns the wrong variable",
    True,
    {"TARGET_IGNORED"},
    "_ce = F.cross_entropy(||reg = x.pow(2).mean(1)||return reg.mean()",
)
def _():
    def loss(x, y):
        _ce = F.cross_entropy(x, y, reduction="none")
        reg = x.pow(2).mean(1)
        return reg.mean()

    return loss, classes(16, 6)


@case(
    "u70_eps_lost_in_half",
    "eps lost in half precision (0/1 probabilities)",
    True,
    {"NAN_SINGULAR"},
    "torch.log(p + 1e-8)",
)
def _():
    def bce(p, y):
        return -(y * torch.log(p + 1e-8) + (1 - y) * torch.log(1 - p + 1e-8)).mean()

    def ex(seed=0):
        return uniform(16, 3, seed=seed).half(), integer(2, 16, 3, seed=seed).half()

    return bce, ex


@case(
    "u71_mean_not_called",
    "mean without its call",
    True,
    {"EXCEPTION", "NOT_SCALAR"},
    "return l.mean",
)
def _():
    def loss(p, t):
        l = (p - t) ** 2
        return l.mean

    return loss, normals(16, 3)


@case(
    "u72_item_returned",
    "the item returned",
    True,
    {"ITEM_ESCAPE", "NOT_SCALAR"},
    "return F.mse_loss(p, t).item()",
)
def _():
    def loss(p, t):
        return F.mse_loss(p, t).item()

    return loss, normals(16, 3)


@case(
    "u73_error_rate_100_classes",
    "error rate of 100 classes",
    True,
    {"HARD_THRESHOLD", "INDEX_OP"},
    "k = x.argmax(1)",
)
def _():
    def loss(x, y):
        k = x.argmax(1)
        return (k != y).float().mean()

    return loss, classes(32, 100)


@case(
    "u74_top5_error_term",
    "CE plus top-5 error rate of 200 classes",
    True,
    {"DEAD_TERM", "INDEX_OP"},
    "_, k = x.topk(5, 1)",
)
def _():
    def loss(x, y):
        _, k = x.topk(5, 1)
        miss = 1 - (k == y[:, None]).any(1).float().mean()
        return F.cross_entropy(x, y) + miss

    return loss, classes(32, 200)


@case(
    "u75_precision_at_k",
    "precision at k by sorting",
    True,
    {"INDEX_OP"},
    "i = x.topk(5, 1).indices",
)
def _():
    def loss(x, y):
        i = x.topk(5, 1).indices
        return 1 - y.gather(1, i).mean()

    return loss, binary(16, 20)


@case(
    "u76_average_precision_loop",
    "average precision loop with python ints",
    True,
    {"INDEX_OP", "ITEM_ESCAPE"},
    "order = s.argsort(",
)
def _():
    def ap(s, y):
        order = s.argsort(descending=True).tolist()
        hits, total = 0, 0.0
        for r, i in enumerate(order):
            if y[i] == 1:
                hits += 1
                total += hits / (r + 1)
        return torch.tensor(1 - total / max(hits, 1), requires_grad=True)

    def ex(seed=0):
        return normal(32, seed=seed), integer(2, 32, seed=seed)

    return ap, ex


@case(
    "u77_count_by_python_if",
    "a count by a Python if on each score",
    True,
    {"DEAD_TERM", "HARD_THRESHOLD", "REWRAP"},
    "if s > 0.5:",
)
def _():
    def loss(p, t):
        n = 0
        for s in p:
            if s > 0.5:
                n += 1
        return (torch.tensor(float(n)) - t.sum()).abs()

    return loss, uniforms(16)


@case(
    "u78_softmax_over_batch_in_view",
    "softmax over the batch instead of the classes, inside a view",
    True,
    {"WRONG_DIM"},
    "p = h.softmax(0)",
)
def _():
    def loss(x, y):
        h = x.view(16 if len(x) == 16 else len(x), 3, 4)
        p = h.softmax(0).mean(1)
        return F.nll_loss(torch.log(p + 1e-8), y)

    def ex(seed=0):
        return normal(16, 12, seed=seed), integer(4, 16, seed=seed)

    return loss, ex


@case(
    "u79_generator_on_detached_fake",
    "GAN: generator loss on detached fake",
    True,
    {"DETACH"},
    "d = D(fake.detach())",
)
def _():
    torch.manual_seed(0)
    D = nn.Linear(8, 1)

    def g(fake):
        d = D(fake.detach())
        return F.softplus(-d).mean()

    def ex(seed=0):
        return normal(16, 8, seed=seed), None

    return g, ex


@case(
    "u80_detached_clone_leaf",
    "clone().detach(), then requires_grad_",
    True,
    {"DETACH", "REQUIRES_GRAD_MASK"},
    "p = p.clone().detach()||p.requires_grad_(True)",
)
def _():
    def loss(p, t):
        p = p.clone().detach()
        p.requires_grad_(True)
        return F.mse_loss(p, t)

    return loss, normals(16, 4)


@case(
    "u81_f1_of_confusion_matrix",
    "F1 from confusion matrix by index_put accumulate",
    True,
    {"INDEX_OP"},
    "k = x.argmax(1)",
)
def _():
    def f1(x, y):
        cm = torch.zeros(3, 3)
        k = x.argmax(1)
        cm.index_put_((y, k), torch.ones(len(y)), accumulate=True)
        tp = cm.diagonal()
        return 1 - (2 * tp / (cm.sum(0) + cm.sum(1) + 1e-6)).mean()

    return f1, classes(32, 3)


@case(
    "u82_sklearn_log_loss",
    "scikit-learn's log_loss of a detached prediction",
    True,
    {"DETACH", "NUMPY_ESCAPE"},
    ".detach().numpy()",
)
def _():
    from sklearn.metrics import log_loss

    def loss(x, y):
        p = x.softmax(1).detach().numpy()
        return torch.as_tensor(
            log_loss(
                y.numpy(),
                p.astype(float) / p.astype(float).sum(1, keepdims=True),
                labels=[0, 1, 2],
            )
        ).requires_grad_()

    return loss, classes(16, 3)


@case(
    "u83_pooled_max_index",
    "pooled max index instead of value",
    True,
    {"INDEX_OP"},
    "F.max_pool1d(x, 6, return_indices=True)",
)
def _():
    def loss(x, y):
        v, i = F.max_pool1d(x, 6, return_indices=True)
        return F.cross_entropy(i.squeeze(-1).float(), y)

    def ex(seed=0):
        return normal(8, 3, 6, seed=seed), integer(3, 8, seed=seed)

    return loss, ex

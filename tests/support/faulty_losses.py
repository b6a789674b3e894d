"""A correct loss, and for each clause of the contract losses that break only it.

The name of a function begins with the name of the clause that it breaks.
"""

import torch
from torch.nn.functional import one_hot, soft_margin_loss
from torch.utils.checkpoint import checkpoint


def good(logits, labels):
    wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
    losses = -wide.log_softmax(-1).gather(-1, labels[:, None])[:, 0]
    return losses.to(logits.dtype)


def good_mean(logits, labels):
    return good(logits, labels).mean()


def good_log_probs(logits):
    wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return wide.log_softmax(-1).to(logits.dtype)


class Square(torch.autograd.Function):
    """A square without a forward-mode derivative."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x * x

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gradient):
        return 2 * ctx.saved_tensors[0] * gradient


def shape(logits, labels):
    return good(logits, labels)[:, None]


def shape_of_integers(logits, labels):
    return (logits.argmax(-1) != labels).long()


def shape_of_a_number(logits, labels):
    return good(logits, labels).mean().item()


def pure(logits, labels):
    logits -= logits.detach().amax(-1, keepdim=True)
    return good(logits, labels)


def pure_random(logits, labels):
    return good(logits + torch.rand_like(logits), labels)


def dtype(logits, labels):
    return good(logits.double(), labels)


def finite(logits, labels):
    return good(logits, labels) + (logits**2).sum(-1).sqrt()  # slope 0 / 0 at 0


def saturation(logits, labels):
    wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
    probs = wide.softmax(-1).gather(-1, labels[:, None])[:, 0]
    return -probs.log().to(logits.dtype)


def precision(logits, labels):
    return 1e5 * good(logits, labels) / 1e5  # too large for float16


def precision_of_a_bit(logits, labels):
    far = logits * (1 + 2e-5 * (logits.dtype == torch.float32))
    return good(far, labels)


def alive(logits, labels):
    return good(10 * (logits == logits.amax(-1, keepdim=True)).to(logits), labels)


def alive_detached(logits, labels):
    return good(logits.detach(), labels)


def every_class(logits, labels):
    return good(logits, labels) * (labels != 2)


def every_class_but_the_last(logits, labels):  # which has no gradient
    others = good(logits[:, :-1], labels.clamp(max=logits.shape[-1] - 2))
    return others + 0 * good(logits, labels)


def paired(logits, labels):  # (n, 1) and (n,) broadcast: every score meets every label
    known = labels + 0 * good(logits, labels)
    guess = (logits.softmax(-1) * torch.arange(logits.shape[-1])).sum(-1, keepdim=True)
    return ((guess - known) ** 2).mean().to(logits.dtype)


def continuous(logits, labels):
    return good(logits, labels) + (logits.argmax(-1) != labels).to(logits) / 8


def continuous_but_for_a_step(logits, labels):
    return good(logits, labels) + (logits[:, 0] > logits[:, 1]).to(logits) / 64


def gradient(logits, labels):
    losses = good(logits, labels)
    return losses.detach() + 1.0001 * (losses - losses.detach())


def second_derivative(logits, labels):
    z = logits.detach()
    hot = (labels[:, None] == torch.arange(z.shape[-1])).to(z.dtype)
    slope = z.softmax(-1) - hot
    return good(z, labels) + (slope * (logits - z)).sum(-1)


def reverse_mode(logits, labels):
    return checkpoint(good, logits, labels, use_reentrant=False)


def forward_mode(logits, labels):
    return Square.apply(logits).sum(-1) + good(logits, labels)


def hessian(logits, labels):  # torch lacks forward mode for its backward
    ones = torch.ones_like(logits)
    margins = soft_margin_loss(logits.tanh(), ones, reduction="none")
    return good(logits, labels) + margins.sum(-1)


def vmap(logits, labels):
    hot = torch.zeros(logits.shape, dtype=logits.dtype)
    hot.scatter_(1, labels[:, None], 1.0)
    return -(hot * good_log_probs(logits)).sum(-1)


def per_sample_gradients(logits, labels):
    hot = one_hot(labels, logits.shape[-1])
    return -(hot * good_log_probs(logits)).sum(-1)


def independence(logits, labels):
    losses = good(logits, labels)
    return losses + losses.mean()


def permutation(logits, labels):
    losses = good(logits, labels)
    position = torch.arange(1, len(losses) + 1)
    return (losses * position.to(losses)).mean()


def compiled(logits, labels):
    print(end="")
    return good(logits, labels)


def bad_labels(logits, labels):
    return good(logits, labels.clamp(0, logits.shape[-1] - 1))


def bad_labels_hidden(logits, labels):
    bad = (labels < 0) | (labels >= logits.shape[-1])
    losses = good(logits, labels.masked_fill(bad, 0))
    return torch.where(bad, torch.nan, losses)


def non_negative(logits, labels):
    return good(logits, labels) - 0.5


def zero_at_perfect(logits, labels):
    return good(logits, labels) + 0.5


def shift_invariant(logits, labels):
    return good(logits, labels) + 0.5 * logits.tanh().sum(-1)


def lower_is_better(logits, labels):
    return -good(logits, labels)


def alive_when_wrong(logits, labels):
    wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
    p = wide.softmax(-1).gather(-1, labels[:, None])[:, 0]
    return -p.clamp(min=0.01).log().to(logits.dtype)


def mean_of_examples(logits, labels):
    return good(logits, labels).sum() / (len(logits) + 1)


def repetition_invariant(logits, labels):
    return good(logits, labels).sum()


def reference(logits, labels):
    return good(logits / 2, labels)


FAULTS = {
    name: value
    for name, value in dict(vars()).items()
    if getattr(value, "__module__", "") == __name__
    and not name.startswith("good")
    and not isinstance(value, type)
}

"""Faults that occur in real losses, and the clause that must report each.

Each row has the loss, what the contract is told, and the clause. What the contract is
told is what the author would say about the loss that was intended.
"""

import numpy as np
import torch
from torch.nn import functional

cross_entropy = functional.cross_entropy
LABELS = (
    np.array([[0.0, 0.0, 0.0], [4.0, -3.0, 0.5], [-6.0, 7.0, 6.5], [1.0, 2.0, 3.0]]),
    np.array([0, 1, 1, 2]),
)
SHARES = np.array([[0.5, 0.25, 0.25], [0, 1, 0], [0.75, 0, 0.25], [0, 0, 1]])
SCORES = np.array([0.5, -3.0, 7.0, 4.0, -0.25])
SEVERAL = {"inputs": LABELS}
NUMBERS = {"task": "regression", "inputs": (SCORES, np.array([0.0, 1.0, 2.0, 5.0, 3]))}
BINARY = {"task": "binary", "inputs": (SCORES, np.array([0.0, 1, 0, 1, 1]))}
SOFT = {"task": "soft", "inputs": (LABELS[0], SHARES)}
TRUE_KL = {
    **SOFT,
    "reference": lambda z, q: (torch.special.xlogy(q, q) - q * z.log_softmax(-1)).sum(
        -1
    ),
}


def at_label(values, labels):
    return values.gather(-1, labels[:, None])[:, 0]


def log_p(logits, labels):
    wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return at_label(wide.log_softmax(-1), labels)


# Shapes.
def column_and_row(prediction, target):
    return ((prediction[:, None] - target) ** 2).mean()


def column_and_row_of_a_binary_loss(scores, target):
    rows = target.expand(len(target), -1)
    scores = scores[:, None].expand(-1, len(target))
    return functional.binary_cross_entropy_with_logits(scores, rows)


def losses_by_weights(logits, labels):
    weight = 1.0 + labels
    return (log_p(logits, labels)[:, None] * -weight).mean()


# Vanishing gradients.
def dead_below_one_percent(logits, labels):
    return -log_p(logits, labels).exp().clamp(min=0.01).log()


def added_to_the_probability(logits, labels):
    return -(log_p(logits, labels).exp() + 1e-3).log()


def hits_counted(logits, labels):
    hits = (logits.argmax(-1) == labels).to(logits.dtype)
    return -log_p(logits, labels).mean() - 0.1 * hits.mean()


def rounded_penalty(prediction, target):
    return (prediction - target) ** 2 + 0.5 * prediction.round()


def detached_penalty(logits, labels):
    return -log_p(logits, labels) + 0.01 * (logits.detach() ** 2).sum(-1)


# Formulas.
def huber_with_a_jump(prediction, target):
    error = (prediction - target).abs()
    return torch.where(error < 1, error**2 / 2, error)


def huber_with_a_step_in_its_tail(prediction, target):
    error = (prediction - target).abs()
    return torch.where(error < 2, error**2 / 2, 2 * error - 1.5)


def temperature(logits, labels):
    return -log_p(logits / 1.1, labels)


def double_softmax(logits, labels):
    return -log_p(logits.softmax(-1), labels)


def double_sigmoid(scores, target):
    return functional.binary_cross_entropy_with_logits(scores.sigmoid(), target)


def reversed_kl(logits, probs):
    p, q = logits.softmax(-1), probs.clamp(min=1e-6)
    return (p * (logits.log_softmax(-1) - q.log())).sum(-1)


def kl_without_its_entropy(logits, probs):
    return -(probs * logits.log_softmax(-1)).sum(-1)


def swapped_arguments(scores, target):
    return functional.binary_cross_entropy(target, scores.sigmoid())


def swapped_quantile(prediction, target):
    error = prediction - target
    return torch.maximum(0.9 * error, -0.1 * error)


def rewarded_mistakes(logits, labels):
    return log_p(logits, labels).exp()


def constant_left_in(logits, labels):
    return 0.1 - log_p(logits, labels)


# Classes.
def a_class_without_loss(logits, labels):
    return torch.where(labels == 2, 0, -log_p(logits, labels))


def only_class_0_learns(logits, labels):
    return functional.softplus(logits[:, 0]) - logits[:, 0] * (labels == 0)


def only_examples_of_class_0(logits, labels):
    return -log_p(logits, labels) * (labels == 0)


def only_ones_learn(scores, target):
    return -target * functional.logsigmoid(scores)


def last_class_left_out(logits, labels):
    known = labels < logits.shape[-1] - 1
    losses = -log_p(logits[:, :-1], labels.clamp(max=logits.shape[-1] - 2))
    return torch.where(known, losses, 0)


# Sums.
def sum_for_mean(logits, labels):
    return -log_p(logits, labels).sum()


def mean_over_one_more(logits, labels):
    return -log_p(logits, labels).sum() / (len(labels) + 1)


def dice_of_sums_for_means(scores, target):
    p = scores.sigmoid()
    return 1 - (2 * (p * target).sum() + 1) / (p.sum() + target.sum() + 1)


def batch_mean_taken_off(prediction, target):
    error = (prediction - target) ** 2
    return (error - error.mean() / 2).mean()


# Numbers.
def one_by_one(values):
    total = torch.zeros((), dtype=values.dtype)
    for value in values:
        total = total + value
    return total


def sum_kept_in_half_precision(prediction, target):
    return one_by_one((prediction - target) ** 2) / len(target)


def losses_summed_in_half_precision(logits, labels):
    return one_by_one(-log_p(logits, labels).to(logits.dtype)) / len(labels)


def cancelling(scores, target):
    return functional.binary_cross_entropy(scores.sigmoid(), target)


def cast_to_single(prediction, target):
    return ((prediction.float() - target.float()) ** 2).to(prediction.dtype)


PLANTS = {
    "column_and_row": (column_and_row, NUMBERS, "paired"),
    "column_and_row_of_a_binary_loss": (
        column_and_row_of_a_binary_loss,
        BINARY,
        "paired",
    ),
    "losses_by_weights": (
        losses_by_weights,
        {**SEVERAL, "mean_of_examples": True},
        "mean_of_examples",
    ),
    "dead_below_one_percent": (
        dead_below_one_percent,
        {**SEVERAL, "alive_when_wrong": True},
        "alive_when_wrong",
    ),
    "added_to_the_probability": (
        added_to_the_probability,
        {**SEVERAL, "alive_when_wrong": True},
        "alive_when_wrong",
    ),
    "hits_counted": (hits_counted, SEVERAL, "continuous"),
    "rounded_penalty": (rounded_penalty, NUMBERS, "continuous"),
    "detached_penalty": (detached_penalty, SEVERAL, "gradient"),
    "huber_with_a_jump": (huber_with_a_jump, NUMBERS, "continuous"),
    "huber_with_a_step_in_its_tail": (
        huber_with_a_step_in_its_tail,
        NUMBERS,
        "continuous",
    ),
    "temperature": (
        temperature,
        {**SEVERAL, "reference": lambda z, y: cross_entropy(z, y, reduction="none")},
        "reference",
    ),
    "double_softmax": (
        double_softmax,
        {**SEVERAL, "zero_at_perfect": True},
        "zero_at_perfect",
    ),
    "double_softmax, alive": (
        double_softmax,
        {**SEVERAL, "alive_when_wrong": True},
        "alive_when_wrong",
    ),
    "double_sigmoid": (
        double_sigmoid,
        {**BINARY, "zero_at_perfect": True},
        "zero_at_perfect",
    ),
    "reversed_kl": (reversed_kl, TRUE_KL, "reference"),
    "kl_without_its_entropy": (kl_without_its_entropy, TRUE_KL, "reference"),
    "swapped_arguments": (swapped_arguments, BINARY, "finite"),
    "swapped_arguments, reference": (
        swapped_arguments,
        {**BINARY, "reference": functional.binary_cross_entropy_with_logits},
        "reference",
    ),
    "swapped_quantile": (
        swapped_quantile,
        {
            **NUMBERS,
            "reference": lambda p, t: torch.maximum(0.9 * (t - p), 0.1 * (p - t)),
        },
        "reference",
    ),
    "rewarded_mistakes": (
        rewarded_mistakes,
        {**SEVERAL, "lower_is_better": True},
        "lower_is_better",
    ),
    "constant_left_in": (
        constant_left_in,
        {**SEVERAL, "zero_at_perfect": True},
        "zero_at_perfect",
    ),
    "a_class_without_loss": (a_class_without_loss, SEVERAL, "every_class"),
    "only_class_0_learns": (only_class_0_learns, SEVERAL, "every_class"),
    "only_examples_of_class_0": (only_examples_of_class_0, SEVERAL, "every_class"),
    "only_ones_learn": (only_ones_learn, BINARY, "every_class"),
    "last_class_left_out": (last_class_left_out, SEVERAL, "every_class"),
    "sum_for_mean": (
        sum_for_mean,
        {**SEVERAL, "mean_of_examples": True},
        "mean_of_examples",
    ),
    "sum_for_mean, twice": (
        sum_for_mean,
        {**SEVERAL, "repetition_invariant": True},
        "repetition_invariant",
    ),
    "mean_over_one_more": (
        mean_over_one_more,
        {**SEVERAL, "mean_of_examples": True},
        "mean_of_examples",
    ),
    "mean_over_one_more, twice": (
        mean_over_one_more,
        {**SEVERAL, "repetition_invariant": True},
        "repetition_invariant",
    ),
    "dice_of_sums_for_means": (
        dice_of_sums_for_means,
        {**BINARY, "repetition_invariant": True},
        "repetition_invariant",
    ),
    "sum_kept_in_half_precision": (sum_kept_in_half_precision, NUMBERS, "precision"),
    "losses_summed_in_half_precision": (
        losses_summed_in_half_precision,
        SEVERAL,
        "precision",
    ),
    "cancelling": (cancelling, BINARY, "precision"),
    "cast_to_single": (cast_to_single, NUMBERS, "dtype"),
}

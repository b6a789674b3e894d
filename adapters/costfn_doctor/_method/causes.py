"""What can be wrong with a loss: each cause with its meaning and its mend."""

from typing import NamedTuple


class Cause(NamedTuple):
    """One entry of the vocabulary."""

    meaning: str
    mend: str


CAUSES = {
    # The graph is cut: the value follows the prediction, the gradient does not.
    "INDEX_OP": Cause(
        "the integer result of argmax, max or sort stands for the scores",
        "use the scores, not their index: softmax weights, logsumexp, soft ranks",
    ),
    "HARD_THRESHOLD": Cause(
        "a comparison turns the prediction into a mask of 0 and 1",
        "replace the comparison by a smooth step: sigmoid((x - threshold) / width)",
    ),
    "INT_CAST": Cause(
        "the prediction is cast to integers or booleans",
        "keep the prediction in floating point; interpolate instead of casting",
    ),
    "PIECEWISE_CONST": Cause(
        "rounding, sign or floor: its derivative is zero everywhere",
        "use a smooth version, or a straight-through estimator: "
        "x + (round(x) - x).detach()",
    ),
    "NONDIFF_OP": Cause(
        "an operator without a derivative: counting, histogram, unique",
        "use a smooth count: a kernel or soft assignment to each bin",
    ),
    "DETACH": Cause(
        "detach, .data or stop_gradient cuts the path to the loss",
        "remove it on the way to the loss",
    ),
    "NO_GRAD": Cause(
        "this part is computed while gradients are switched off",
        "move it out of no_grad, inference_mode or set_grad_enabled(False)",
    ),
    "ITEM_ESCAPE": Cause(
        "the value leaves the graph as a Python number",
        "stay with tensors: no .item(), float() or tolist(); stack, do not collect",
    ),
    "NUMPY_ESCAPE": Cause(
        "the value leaves the graph as a NumPy array",
        "write the NumPy, SciPy or scikit-learn step with tensors",
    ),
    "REWRAP": Cause(
        "a new tensor is built from values and knows nothing of their graph",
        "join tensors with torch.stack or torch.cat; torch.tensor copies values",
    ),
    "REQUIRES_GRAD_MASK": Cause(
        "requires_grad is set on a value that is already cut off",
        "remove it: it silences the error, and no parameter gets a gradient",
    ),
    "DEAD_TERM": Cause(
        "a term follows the prediction in value and gives no gradient",
        "compute the term with differentiable operations, or leave it out",
    ),
    "UNSEEN_CUT": Cause(
        "the gradient is lost where the doctor cannot look (script or compiled code)",
        "diagnose the parts of the loss one by one",
    ),
    # The graph is whole and the loss is wrong.
    "PRED_IGNORED": Cause(
        "the loss does not depend on the prediction",
        "look for a mistyped name, a ratio that cancels, or an overwritten result",
    ),
    "TARGET_IGNORED": Cause(
        "the loss does not depend on the target",
        "look for a term that is overwritten or dropped",
    ),
    "WRONG_BACKWARD": Cause(
        "the hand-written backward is not the derivative of the forward",
        "derive it again, multiply by grad_output, check by torch.autograd.gradcheck",
    ),
    "INPLACE": Cause(
        "an in-place write destroys a value that backward needs",
        "write out of place: x = x.clamp(...) rather than x.clamp_(...)",
    ),
    "MUTATES_INPUT": Cause(
        "the loss writes into the caller's prediction or target",
        "work on a copy: clone first, or use the out-of-place operation",
    ),
    "NOT_SCALAR": Cause(
        "the loss is no scalar tensor",
        "reduce it, by mean or sum, to one tensor",
    ),
    "EXCEPTION": Cause(
        "the loss raises an error",
        "mend the error at this line, then diagnose again",
    ),
    # Numbers.
    "NAN_SINGULAR": Cause(
        "a root, logarithm, arc cosine or power at a point without finite slope",
        "keep away from the point: sqrt(x + eps), log(x.clamp(min=eps)), "
        "or a function of the logits such as logsigmoid",
    ),
    "NAN_DIV0": Cause(
        "a division by zero: empty mask, zero norm or zero variance",
        "guard the denominator: clamp(min=eps), or torch.where before the division",
    ),
    "NAN_WHERE": Cause(
        "the branch that where or a mask throws away is not finite: 0 * inf",
        "make the input safe first: where(ok, f(where(ok, x, 1)), other)",
    ),
    "OVERFLOW": Cause(
        "exp or a power overflows for large predictions",
        "use the stable form: logsumexp, softplus, logsigmoid, log_softmax",
    ),
    "SATURATION": Cause(
        "no gradient reaches predictions that are wrong",
        "use the loss on logits (cross entropy) or do not clamp what is learned",
    ),
    # Meaning.
    "BROADCAST": Cause(
        "shapes such as (N, 1) and (N,) broadcast to (N, N) unasked",
        "give both the same shape: squeeze(-1) or unsqueeze(-1) one of them",
    ),
    "WRONG_SIGN": Cause(
        "descending the loss makes predictions worse",
        "negate it, or return one minus the score",
    ),
    "DOUBLE_ACTIVATION": Cause(
        "softmax or sigmoid is applied to what already went through one",
        "pass logits to a loss that applies the activation itself",
    ),
    "WRONG_INPUT_KIND": Cause(
        "the function expects log-probabilities and gets something else",
        "use log_softmax before kl_div and nll_loss",
    ),
    "ARG_SWAP": Cause(
        "prediction and target have changed places in a loss that is not symmetric",
        "pass the prediction first, the target second",
    ),
    "WRONG_DIM": Cause(
        "normalised along the batch axis (or not along the classes)",
        "name the class axis: dim=-1, or dim=1 for (N, K, ...)",
    ),
    "BATCH_ORDER": Cause(
        "the value changes with the order of the samples in the batch",
        "compare neighbours within a sample, not across the batch",
    ),
    "NONDET": Cause(
        "the value changes between identical calls",
        "draw random numbers outside the loss, or diagnose with stochastic=True",
    ),
    # Intended: information only.
    "STOP_GRADIENT_WEIGHT": Cause(
        "a value without gradient acts as a constant weight, mask or target",
        "nothing, if it is meant",
    ),
    "STRAIGHT_THROUGH": Cause(
        "the value and the gradient are of two functions on purpose",
        "nothing, if it is meant",
    ),
}

# Where a hard metric was meant, the loss of costfn that trains for it.
REPLACEMENTS = {
    "accuracy": "costfn.accuracy_loss",
    "balanced accuracy": "costfn.balanced_accuracy_loss",
    "macro F1": 'costfn.f_beta_loss(..., average="macro")',
    "F1 (Dice)": "costfn.dice_loss",
    "IoU (Jaccard)": "costfn.jaccard_loss",
    "precision": "costfn.precision_loss",
    "recall": "costfn.recall_loss",
    "MCC": "costfn.mcc_loss",
    "cost table": "costfn.expected_cost_loss",
}

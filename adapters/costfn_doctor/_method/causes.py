"""What can be wrong with a loss: each cause, and how to fix it."""

CAUSES: dict[str, str] = {
    # The graph is cut: the value follows the prediction, the gradient does not.
    #
    # The integer result of argmax, max or sort replaces the scores.
    "INDEX_OP": (
        "use the scores, not their index: softmax weights, logsumexp, soft ranks"
    ),
    # A comparison turns the prediction into a mask of 0 and 1.
    "HARD_THRESHOLD": (
        "replace the comparison by a smooth step: sigmoid((x - threshold) / width)"
    ),
    # The prediction is cast to integers or booleans.
    "INT_CAST": (
        "keep the prediction in floating point; interpolate instead of casting"
    ),
    # Rounding, sign or floor: the derivative is zero everywhere.
    "PIECEWISE_CONST": (
        "use a smooth version, or a straight-through estimator: "
        "x + (round(x) - x).detach()"
    ),
    # An operator without a derivative: counting, histogram, unique.
    "NONDIFF_OP": "use a smooth count: a kernel or soft assignment to each bin",
    # detach, .data or stop_gradient.
    "DETACH": "remove it between the prediction and the loss",
    # This part is computed while gradients are switched off.
    "NO_GRAD": "move it out of no_grad, inference_mode or set_grad_enabled(False)",
    # The value leaves the graph as a Python number.
    "ITEM_ESCAPE": (
        "keep tensors: no .item(), float() or tolist(); join them with torch.stack"
    ),
    # The value leaves the graph as a NumPy array.
    "NUMPY_ESCAPE": "write the NumPy, SciPy or scikit-learn step with tensors",
    # A new tensor is built from values and does not know their graph.
    "REWRAP": "join tensors with torch.stack or torch.cat; torch.tensor copies values",
    # requires_grad is set on a value that is already cut off.
    "REQUIRES_GRAD_MASK": (
        "remove it: it only hides the error, and no parameter gets a gradient"
    ),
    # A term follows the prediction in value and gives no gradient.
    "DEAD_TERM": ("compute the term with differentiable operations, or leave it out"),
    # Script or compiled code, where the doctor sees no operations.
    "UNSEEN_CUT": "diagnose the parts of the loss one by one",
    #
    # The graph is whole and the loss is wrong.
    #
    "PRED_IGNORED": (
        "look for a mistyped name, a ratio that cancels, or an overwritten result"
    ),
    "TARGET_IGNORED": "look for a term that is overwritten or dropped",
    # A backward pass written by hand is not the derivative of its forward pass.
    "WRONG_BACKWARD": (
        "derive it again, multiply by grad_output, check by torch.autograd.gradcheck"
    ),
    # An in-place write destroys a value that the backward pass needs.
    "INPLACE": "write out of place: x = x.clamp(...) rather than x.clamp_(...)",
    # The loss writes into the caller's prediction or target.
    "MUTATES_INPUT": "work on a copy: clone first, or use the out-of-place operation",
    "NOT_SCALAR": "reduce it to one number, by mean or sum",
    "EXCEPTION": "fix the error at this line, then diagnose again",
    #
    # Numbers.
    #
    # A root, logarithm, arc cosine or power at a point where its slope is infinite.
    "NAN_SINGULAR": (
        "keep away from the point: sqrt(x + eps), log(x.clamp(min=eps)), "
        "or a function of the logits such as logsigmoid"
    ),
    # An empty mask, a norm of zero or a variance of zero.
    "NAN_DIV0": (
        "guard the denominator: clamp(min=eps), or torch.where before the division"
    ),
    # The branch that `where` or a mask throws away is not finite: 0 * inf is NaN.
    "NAN_WHERE": "make the input safe first: where(ok, f(where(ok, x, 1)), other)",
    # exp or a power overflows for large predictions.
    "OVERFLOW": "use the stable form: logsumexp, softplus, logsigmoid, log_softmax",
    # Wrong predictions get no gradient.
    "SATURATION": (
        "use a loss on logits, such as cross entropy, or do not clamp the prediction"
    ),
    #
    # Meaning.
    #
    # Shapes such as (N, 1) and (N,) broadcast to (N, N) by accident.
    "BROADCAST": "give both the same shape: squeeze(-1) or unsqueeze(-1) one of them",
    # A lower loss means worse predictions.
    "WRONG_SIGN": "negate it, or return one minus the score",
    # softmax or sigmoid is applied to the result of softmax or sigmoid.
    "DOUBLE_ACTIVATION": "pass logits to a loss that applies the activation itself",
    # The function expects log-probabilities and gets something else.
    "WRONG_INPUT_KIND": "use log_softmax before kl_div and nll_loss",
    # Prediction and target are exchanged in a loss that is not symmetric.
    "ARG_SWAP": "pass the prediction first, the target second",
    # Normalised along the batch axis, or along another axis than the classes.
    "WRONG_DIM": "name the class axis: dim=-1, or dim=1 for (N, K, ...)",
    # The value depends on the order of the samples in the batch.
    "BATCH_ORDER": "compare neighbours within a sample, not across the batch",
    # Equal calls give different values.
    "NONDET": "draw random numbers outside the loss, or diagnose with stochastic=True",
    #
    # Intended, as far as the doctor can tell: information only.
    #
    # A value without gradient acts as a constant weight, mask or target.
    "STOP_GRADIENT_WEIGHT": "nothing to do if this is intended",
    # The value and the gradient belong to two functions on purpose.
    "STRAIGHT_THROUGH": "nothing to do if this is intended",
}
"""The vocabulary of causes, each with what to do about it."""

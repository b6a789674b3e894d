"""First and second derivatives, in the logits and in the costs."""

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.func import grad

from losses import CASES

SMOOTH_ENOUGH = [case for case in CASES if case.takes]


def in_logits(case, seed=0):
    """The loss as a function of its logits alone, and logits to begin at."""
    logits, *others = case.draw(seed).torch()
    return lambda x: case(x, *others), logits.requires_grad_()


def test_gradients_agree_with_finite_differences(case):
    f, logits = in_logits(case)
    assert gradcheck(f, logits, check_forward_ad=True)


def test_second_derivatives_agree_with_finite_differences(case):
    f, logits = in_logits(case)
    assert gradgradcheck(f, logits, fast_mode=True)


def test_forward_over_reverse_agrees_with_finite_differences(case):
    f, logits = in_logits(case)
    assert gradgradcheck(
        f,
        logits,
        fast_mode=True,
        check_fwd_over_rev=True,
        check_rev_over_rev=False,
        check_undefined_grad=False,
    )


@pytest.mark.parametrize("case", SMOOTH_ENOUGH, ids=repr)
def test_the_costs_can_be_learned(case):
    """P15: gradients in the cost, transition or prior, alone and with the logits."""
    logits, target, *extras = case.draw(batch=(4,)).torch()
    inputs = [x.requires_grad_() for x in (logits, *extras)]

    def f(x, *extras):
        if case.takes == ("transition",):  # stay on rows of sum 1
            extras = [extra / extra.sum(-1, keepdim=True) for extra in extras]
        if case.loss.entry.zero_diagonal:
            extras = [extra * (1 - torch.eye(*extra.shape)) for extra in extras]
        return case(x, target, *extras)

    assert gradcheck(f, inputs, check_forward_ad=True, fast_mode=True)
    assert gradgradcheck(f, inputs, fast_mode=True)
    gradients = grad(lambda *x: f(*x).sum(), argnums=1)(*inputs)
    assert gradients.abs().sum() > 0


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.form == "probs"], ids=repr
)
def test_gradients_in_the_target_probabilities(case):
    if case.options.get("one_sided"):
        pytest.skip("it asks which cost is least, a step in the target")
    logits, target, *extras = case.draw().torch()

    def f(scores):  # stay on rows of sum 1
        return case(logits, scores.softmax(-1), *extras)

    assert gradcheck(f, target.log().requires_grad_(), check_forward_ad=True)


def test_gradients_sum_to_zero_over_the_classes(case):
    """P13: the logit gradients of an example sum to 0."""
    if not case.loss.shift_invariant:
        pytest.skip("its scores are no shares: each has its own target")
    some = False
    for seed in range(3):
        f, logits = in_logits(case, seed)
        gradient = grad(lambda x, f=f: f(x).sum())(logits)
        scale = gradient.abs().amax(-1)
        # If all is background, a foreground Dice loss does not depend on the logits.
        some = some or bool((scale > 0).any())
        assert (gradient.sum(-1).abs() <= 1e-14 + 1e-12 * scale).all()
    assert some


def test_the_gradient_of_a_sum_is_that_of_each_example(sample_case):
    logits, target, *extras = sample_case.draw(batch=(3,)).torch()
    own = [dim == 0 for dim in sample_case.in_dims[2:]]
    together = grad(lambda x: sample_case(x, target, *extras).sum())(logits)
    for i in range(3):
        label = None if target is None else target[i]
        mine = [x[i] if o else x for x, o in zip(extras, own, strict=True)]
        alone = grad(sample_case)(logits[i], label, *mine)
        np.testing.assert_allclose(together[i], alone, rtol=1e-12, atol=1e-14)

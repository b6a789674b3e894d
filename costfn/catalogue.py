"""Every loss in one table: what it is, what it needs, what may be claimed of it.

The claims are tested: a loss that is called consistent agrees with the minimum-cost
decision on every posterior tried, one that is not disagrees on some.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from . import _cost, _imbalance, _margin, _scoring_rules, _soft_targets, _transport

__all__ = ["LOSSES", "Decision", "Entry"]

Decision = Literal["argmax", "argmin", "minimum_cost", "unmix"]


@dataclass(frozen=True)
class Entry:
    """One loss.

    Attributes:
        loss: The function.
        family: `"cost"`, `"soft target"`, `"transport"` or `"imbalance"`.
        formula: With `p` the softmax, `z` the logits, `y` the label, `q` the target
            probabilities, `C` the cost matrix and `c` the target's row of it.
        source: Where it comes from.
        link: To the source.
        takes: Its arguments after `logits`: the kind of target, and what else it needs.
        decisions: How its outputs may be turned into decisions, its own way first:
            `"argmax"` or `"argmin"` of the outputs; `"minimum_cost"` on their softmax,
            legitimate only where that estimates class probabilities; `"unmix"`, the
            same after `costfn.unmix`.
        consistent: Those decisions that become the cheapest, for every cost matrix,
            as the loss is minimised on ever more data.
        provided: An attribute of `costfn.costs.Diagnosis` that the cost must have for
            `proper`, `consistent` and the minimum-cost rule to hold.
        per_sample: One loss per example; otherwise one for the batch as a whole.
        zero_at_perfect: Tends to 0 as the right class takes all the probability, for
            labels and a cost of 0 on the diagonal.
        convex: In the logits.
        bounded: For every prediction.
        log_divergent: Its gradient stays alive where a wrong decision is certain.
        proper: Smallest, in expectation, at the true class probabilities.
        remark: What the above leaves out.
    """

    loss: Callable[..., Any]
    family: str
    formula: str
    source: str
    link: str
    takes: tuple[str, ...]
    decisions: tuple[Decision, ...]
    consistent: tuple[Decision, ...] = ()
    provided: str | None = None
    per_sample: bool = True
    zero_at_perfect: bool = False
    convex: bool = False
    bounded: bool = False
    log_divergent: bool = False
    proper: bool = False
    remark: str = ""

    @property
    def name(self) -> str:
        """The name in `costfn`."""
        return self.loss.__name__


_ENTRIES = (
    Entry(
        loss=_cost.expected_cost_loss,
        family="cost",
        formula="sum_j p_j c_j",
        source="Resheff et al., LIDTA 2017",
        link="https://arxiv.org/abs/1704.06062",
        takes=("target", "cost"),
        decisions=("argmax",),
        consistent=("argmax",),
        zero_at_perfect=True,
        bounded=True,
        remark="Gradient vanishes where confidently wrong; can stall on small data.",
    ),
    Entry(
        loss=_cost.log_cost_loss,
        family="cost",
        formula="-sum_j c_j log(1 - p_j)",
        source="Resheff et al., LIDTA 2017",
        link="https://arxiv.org/abs/1704.06062",
        takes=("target", "cost"),
        decisions=("argmax",),
        consistent=("argmax",),
        zero_at_perfect=True,
        log_divergent=True,
        remark="Needs costs of at least 0. Strictly proper for the zero-one cost only.",
    ),
    Entry(
        loss=_cost.cost_regularized_loss,
        family="cost",
        formula="-log(p_y) + strength sum_j p_j c_j",
        source="Galdran et al., MICCAI 2020",
        link="https://arxiv.org/abs/2010.00291",
        takes=("target", "cost"),
        decisions=("argmax",),
        zero_at_perfect=True,
        log_divergent=True,
        remark="With base 'log_cost' consistent under argmax.",
    ),
    Entry(
        loss=_cost.soft_decision_cost_loss,
        family="cost",
        formula="sum_j d_j c_j, d = softmax(-(p C) / temperature)",
        source="after Ferrer, 2022",
        link="https://arxiv.org/abs/2209.05355",
        takes=("target", "cost", "temperature"),
        decisions=("minimum_cost",),
        bounded=True,
        remark="Consistent in the limit of temperature 0 only.",
    ),
    Entry(
        loss=_margin.softmax_margin_loss,
        family="cost",
        formula="log(sum_j exp(z_j + c_j - c_y)) - z_y",
        source="Gimpel and Smith, NAACL 2010",
        link="https://aclanthology.org/N10-1112",
        takes=("target", "cost"),
        decisions=("argmax",),
        zero_at_perfect=True,
        convex=True,
        log_divergent=True,
        remark="Bounds the cost of the argmax decision from above.",
    ),
    Entry(
        loss=_margin.cost_hinge_loss,
        family="cost",
        formula="max_j(z_j + c_j - c_y) - z_y",
        source="Crammer and Singer, JMLR 2001; Tsochantaridis et al., JMLR 2005",
        link="https://jmlr.org/papers/v6/tsochantaridis05a.html",
        takes=("target", "cost"),
        decisions=("argmax",),
        zero_at_perfect=True,
        convex=True,
        log_divergent=True,
        remark="Piecewise linear: no curvature.",
    ),
    Entry(
        loss=_margin.cost_regression_loss,
        family="cost",
        formula="sum_j (z_j - c_j)^2",
        source="Beygelzimer et al., ICML 2005; Tu and Lin, ICML 2010",
        link="https://arxiv.org/abs/1511.09337",
        takes=("target", "cost"),
        decisions=("argmin",),
        consistent=("argmin",),
        convex=True,
        log_divergent=True,
        remark="Outputs are costs: the smallest decides. One-sided: not consistent.",
    ),
    Entry(
        loss=_margin.sum_to_zero_loss,
        family="cost",
        formula="sum_j c_j phi(z_j - mean(z))",
        source="Lee et al., JASA 2004; Ávila Pires et al., ICML 2013",
        link="https://proceedings.mlr.press/v28/avilapires13.html",
        takes=("target", "cost"),
        decisions=("argmax",),
        consistent=("argmax",),
        zero_at_perfect=True,
        convex=True,
        log_divergent=True,
        remark="Needs costs of at least 0. Learns slowly from little data.",
    ),
    Entry(
        loss=_scoring_rules.energy_cost_loss,
        family="cost",
        formula="sum_j p_j c_j - p' C p / 2",
        source="Gneiting and Raftery, JASA 2007",
        link="https://doi.org/10.1198/016214506000001437",
        takes=("target", "cost"),
        decisions=("minimum_cost", "argmax"),
        consistent=("minimum_cost",),
        provided="conditionally_negative_definite",
        zero_at_perfect=True,
        bounded=True,
        proper=True,
        remark="Half the Brier score for the zero-one cost.",
    ),
    Entry(
        loss=_scoring_rules.ranked_probability_loss,
        family="cost",
        formula="sum_{k<K} (F_k(p) - F_k(q))^2",
        source="Epstein, 1969; Hou et al., 2016",
        link="https://arxiv.org/abs/1611.05916",
        takes=("target",),
        decisions=("argmax", "minimum_cost"),
        consistent=("minimum_cost",),
        zero_at_perfect=True,
        bounded=True,
        proper=True,
        remark="For classes in an order.",
    ),
    Entry(
        loss=_soft_targets.soft_target_loss,
        family="soft target",
        formula="-sum_j q_j log(p_j)",
        source="Kullback and Leibler, 1951",
        link="https://doi.org/10.1214/aoms/1177729694",
        takes=("target_probs",),
        decisions=("argmax", "minimum_cost", "unmix"),
        consistent=("minimum_cost", "unmix"),
        zero_at_perfect=True,
        convex=True,
        log_divergent=True,
        proper=True,
        remark="minimum_cost for targets that are class probabilities; unmix for those "
        "of soft_targets(cost). For soft targets only 'kl' has 0 as its minimum.",
    ),
    Entry(
        loss=_soft_targets.forward_corrected_loss,
        family="soft target",
        formula="-log(sum_i p_i T[i, y])",
        source="Patrini et al., CVPR 2017",
        link="https://arxiv.org/abs/1609.03683",
        takes=("target", "transition"),
        decisions=("argmax", "minimum_cost"),
        consistent=("minimum_cost",),
        proper=True,
        remark="For labels corrupted by the transition, which must be invertible.",
    ),
    Entry(
        loss=_transport.sinkhorn_loss,
        family="transport",
        formula="OT(q, p) - OT(q, q) / 2 - OT(p, p) / 2",
        source="Cuturi, NeurIPS 2013; Feydy et al., AISTATS 2019",
        link="https://arxiv.org/abs/1810.08278",
        takes=("target_probs", "cost", "epsilon"),
        decisions=("argmax",),
        zero_at_perfect=True,
        bounded=True,
        remark="For soft targets: with one-hot ones it is the expected cost, dearly.",
    ),
    Entry(
        loss=_transport.generalized_wasserstein_dice_loss,
        family="transport",
        formula="sum(W) / (2 sum(a (1 - W)) + sum(W)), W = sum_j p_j c_j / max(C)",
        source="Fidon et al., BrainLes 2017",
        link="https://arxiv.org/abs/1707.00478",
        takes=("target", "cost"),
        decisions=("argmax",),
        per_sample=False,
        zero_at_perfect=True,
        bounded=True,
        remark="For segmentation.",
    ),
    Entry(
        loss=_imbalance.focal_loss,
        family="imbalance",
        formula="-(1 - p_y)^gamma log(p_y)",
        source="Lin et al., ICCV 2017",
        link="https://arxiv.org/abs/1708.02002",
        takes=("target",),
        decisions=("argmax",),
        zero_at_perfect=True,
        log_divergent=True,
        remark="Not proper: its probabilities are too timid.",
    ),
    Entry(
        loss=_imbalance.logit_adjusted_loss,
        family="imbalance",
        formula="log(sum_j exp(z_j + t log(prior_j))) - z_y - t log(prior_y)",
        source="Menon et al., ICLR 2021",
        link="https://arxiv.org/abs/2007.07314",
        takes=("target", "prior"),
        decisions=("argmax",),
        zero_at_perfect=True,
        convex=True,
        log_divergent=True,
        remark="Argmax serves the balanced error, not a cost matrix.",
    ),
)

LOSSES: dict[str, Entry] = {entry.name: entry for entry in _ENTRIES}

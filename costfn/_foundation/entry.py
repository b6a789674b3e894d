"""What the catalogue says of a loss."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Decision = Literal["argmax", "argmin", "minimum_cost", "unmix", "threshold"]


@dataclass(frozen=True)
class Entry:
    """One loss.

    Attributes:
        loss: The function.
        family: `"cost"`, `"soft target"`, `"transport"`, `"imbalance"`, `"per label"`,
            `"confusion matrix"` or `"regression"`.
        formula: With `p` the softmax, `z` the logits, `y` the label, `q` the target
            probabilities, `C` the cost matrix and `c` the target's row of it; `TP`,
            `FP`, `FN`, `TN`, `n_k` and `M` soft counts.
        source: Where it comes from.
        link: To the source.
        takes: Its arguments after `logits`: the kind of target, and what else it needs.
        decisions: How its outputs may be turned into decisions, its own way first:
            `"argmax"` or `"argmin"` of the outputs; `"minimum_cost"` on their softmax,
            legitimate only where that estimates class probabilities; `"unmix"`, the
            same after `costfn.unmix`; `"threshold"`: each label by its own logit.
        consistent: Those decisions that become the cheapest, for every cost matrix,
            as the loss is minimised on ever more data.
        provided: An attribute of `costfn.costs.Diagnosis` that the cost must have for
            `proper`, `consistent` and the minimum-cost rule to hold.
        per_sample: One loss per example; otherwise one for the batch as a whole.
        per_label: One loss per example and label, each of which is there or not. The
            claims below hold for the sum over the labels.
        zero_at_perfect: Tends to 0 as the right class takes all the probability, for
            labels and a cost of 0 on the diagonal.
        convex: In the logits.
        bounded: For every prediction.
        log_divergent: Its gradient stays alive wherever a wrong decision is certain.
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
    per_label: bool = False
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


SCORE_ORIENTED = ("Marchetti et al., 2022", "https://arxiv.org/abs/2103.15522")


def entry_of_metric(
    loss: Callable[..., Any],
    formula: str,
    source: tuple[str, str],
    remark: str = "",
    **claims: Any,
) -> Entry:
    """An entry with what losses of a metric share: of the batch, bounded, 0 if perfect.

    Args:
        loss: The function.
        formula: As in `Entry`.
        source: Where it comes from, and a link to it.
        remark: As in `Entry`.
        **claims: Other fields of `Entry`, also in place of the shared ones.

    Returns:
        The entry.
    """
    shared: dict[str, Any] = {
        "family": "confusion matrix",
        "takes": ("target",),
        "decisions": ("argmax",),
        "per_sample": False,
        "zero_at_perfect": True,
        "bounded": True,
    }
    return Entry(
        loss=loss,
        formula=formula,
        source=source[0],
        link=source[1],
        remark=remark,
        **(shared | claims),
    )

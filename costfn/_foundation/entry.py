"""What the catalogue says of a loss."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Decision = Literal["argmax", "argmin", "minimum_cost", "unmix", "threshold"]
Task = Literal["classes", "labels", "values"]


@dataclass(frozen=True)
class Synonym:
    """Another loss of the catalogue that has the same value and gradient.

    Attributes:
        of: The name of the other, with its options at their defaults but for those
            that both take.
        why: Why this name exists too.
        options: Options of this loss, mostly defaults, with which the two agree.
        where: On which data they agree; always, where empty.
    """

    of: str
    why: str
    options: Mapping[str, Any] = field(default_factory=dict)
    where: str = ""


@dataclass(frozen=True, eq=False)
class Entry:
    """One loss.

    Attributes:
        loss: The function.
        family: `"cost"`, `"soft target"`, `"transport"`, `"imbalance"`, `"noise"`,
            `"per label"`, `"confusion matrix"` or `"regression"`.
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
        task: What the target holds: one of several classes; labels that are there or
            not, each by itself; or the values of a regression.
        per_sample: One loss per example, or per label; otherwise one for the batch.
        scores: What the outputs are scores of: `"classes"`, or `"decisions"`, so that
            a cost matrix with further columns asks for further outputs.
        actions: Its cost may have columns for actions that are no classes.
        zero_diagonal: Its cost must be 0 on the diagonal.
        ordered: It reads the classes as being in an order.
        zero_at_perfect: Tends to 0 as the right class takes all the probability, for
            labels and a cost of 0 on the diagonal.
        convex: In the logits.
        bounded: For every prediction.
        log_divergent: Its gradient stays alive wherever a wrong decision is certain.
        proper: Smallest, in expectation, at the true class probabilities.
        remark: What the above leaves out.
        use: When to choose it.
        options: Values to start from for the options that have no default.
        default_for: `costfn.compare` tries it without being asked to, where losses
            are ranked by their cost, or by a metric.
        not_compared: Why `costfn.compare` cannot try it; empty where it can.
        synonym: The loss of the catalogue that it is by another name.
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
    task: Task = "classes"
    per_sample: bool = True
    scores: Literal["classes", "decisions"] = "classes"
    actions: bool = False
    zero_diagonal: bool = False
    ordered: bool = False
    zero_at_perfect: bool = False
    convex: bool = False
    bounded: bool = False
    log_divergent: bool = False
    proper: bool = False
    remark: str = ""
    use: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    default_for: Literal["cost", "metric"] | None = None
    not_compared: str = ""
    synonym: Synonym | None = None

    @property
    def name(self) -> str:
        """The name in `costfn`."""
        return self.loss.__name__

    @property
    def per_label(self) -> bool:
        """One loss per example and label; claims then hold for the sum of these."""
        return self.task == "labels" and self.per_sample


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

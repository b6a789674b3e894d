"""Any metric of the confusion matrix as a loss, in JAX."""

from dataclasses import dataclass, field
from typing import Unpack, get_args

from jax import Array
from jax.tree_util import register_dataclass

from .._foundation import check
from .batch_loss import Counting, Metric, TableKind, one_minus


@register_dataclass
@dataclass(frozen=True)
class MetricLoss:
    """A loss made by `costfn_jax.metric_loss`; can be pickled where its metric can."""

    metric: Metric = field(metadata={"static": True})
    of: TableKind = field(default="counts", metadata={"static": True})

    def __call__(
        self, logits: Array, target: Array, **counting: Unpack[Counting]
    ) -> Array:
        """`1 - metric` of the batch."""
        return one_minus(logits, target, counting, self.metric, self.of)


def metric_loss(metric: Metric, *, of: TableKind = "counts") -> MetricLoss:
    """Mirror of `costfn.metric_loss`: the same arguments, values and errors.

    `sum_counts=lambda c: jax.lax.psum(c, axis)` counts over all devices.
    """
    if not callable(metric):
        raise TypeError(f"metric must be a function, got {type(metric).__name__}")
    check.one_of("of", of, get_args(TableKind))
    return MetricLoss(metric, of)

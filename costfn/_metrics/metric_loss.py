"""Any metric of the confusion matrix as a loss."""

from dataclasses import dataclass
from typing import Unpack, get_args

from torch import Tensor

from .._foundation import check
from .batch_loss import Counting, Metric, TableKind, one_minus


@dataclass(frozen=True)
class MetricLoss:
    """A loss made by `costfn.metric_loss`; can be pickled where its metric can."""

    metric: Metric
    of: TableKind = "counts"

    def __call__(
        self, logits: Tensor, target: Tensor, **counting: Unpack[Counting]
    ) -> Tensor:
        """`1 - metric` of the batch."""
        return one_minus(logits, target, counting, self.metric, self.of)


def metric_loss(metric: Metric, *, of: TableKind = "counts") -> MetricLoss:
    """A loss, `1 - metric`, out of any function of the counts.

    The loss relaxes the logits to soft decisions, counts them against the targets over
    the whole batch, and measures. `costfn` has one for each of `costfn.metrics`; this
    makes them for metrics of your own. All take the options below.

    Properties of those of `costfn.metrics`, unless they say otherwise: 0 at a perfect
    prediction; in [0, 1]; not convex; of the batch as a whole.

    Args:
        metric: Differentiable function of `Counts`, or of a confusion matrix `(classes,
            classes)`, to a scalar or one value per class; larger is better.
        of: What the metric takes: `"counts"`, or the `"matrix"`, which costs `classes`
            times as much.

    Returns:
        A function of `logits`, `target` and, keyword-only:

        - `relaxation`: From logits to memberships, `costfn.relaxations`; default
          `softmax()`.
        - `task`: `"multiclass"`: logits `(*batch, classes)` and labels `(*batch,)` or
          probabilities `(*batch, classes)`. `"multilabel"`: logits and 0/1 targets
          `(*batch, labels)`. `"binary"`: logits and 0/1 targets `(*batch,)`.
        - `scope`: `"batch"` counts over all batch axes; `"example"` for each entry of
          the first one (an image) and takes the mean of the losses over the images
          that have any weight and for which the metric is defined (not NaN).
        - `sample_weight`, `where`: weights and mask of the examples, `(*batch,)`, for
          `"multilabel"` also `(*batch, labels)`; what is masked may hold anything and
          changes neither value nor gradient. With `scope="example"` weights of the
          shape `(images,)` weigh the images in the mean. (A weight that is the same for
          all pixels of an image cancels out of the image's counts.)
        - `sum_counts`: function of the counts to their sum over all devices.
        - `reduction`: `"mean"`, `"sum"` or `"none"` over the images of
          `scope="example"`; with `scope="batch"` there is one loss to reduce.

        It returns a scalar (one per image for `"none"`), or a value per class where the
        metric does, in the dtype of the logits; 0 with gradient 0 where the metric is
        undefined (NaN), or where nothing is left to judge.

    Raises:
        TypeError: If `metric` is no function. The loss: if an argument has the wrong
            dtype.
        ValueError: If `of` is unknown. The loss: if shapes do not match, a label is out
            of range, a weight is negative, or an option is unknown or makes no sense.

    Example:
        >>> import torch, costfn
        >>> def critical_success_index(c):
        ...     hits = c.true_positive[1]
        ...     return hits / (c.predicted[1] + c.actual[1] - hits)
        >>> loss = costfn.metric_loss(critical_success_index)
        >>> logits = torch.tensor([2.0, -2.0, 2.0])
        >>> loss(logits, torch.tensor([1, 0, 0]), task="binary")
        tensor(0.5596)

    Source:
        Marchetti et al., "Score-Oriented Loss (SOL) Functions", Pattern Recognition
        132, 2022. https://arxiv.org/abs/2103.15522
    """
    if not callable(metric):
        raise TypeError(f"metric must be a function, got {type(metric).__name__}")
    check.one_of("of", of, get_args(TableKind))
    return MetricLoss(metric, of)

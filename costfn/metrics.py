"""Metrics of counts or of a confusion matrix: differentiable, and scikit-learn's.

A metric takes a table: `Counts`, or a confusion matrix `(*, classes, classes)` with a
row per true class, as a tensor or an array-like; hard or soft, one table or many. Of
hard ones the value is scikit-learn's. A `TypeError` says that a table holds no numbers;
a `ValueError` that its shape is wrong, a cost is not finite, or an option is unknown.

Metrics of one class against the rest are averaged over the classes. They and the losses
made of them share these options; the other metrics take some of them.

- `average`: `"macro"`: the mean over the classes. `"weighted"`: this mean, weighted by
  the true examples of each class. `"micro"`: the metric of the sums over the classes.
  `"binary"`: that of the second of 2 classes. `"samples"`: the mean over the examples,
  from counts per example. None: one value per class.
- `zero_division`: the value of 0/0: 0, 1, or nan. nan leaves the class out of a mean;
  if the metric itself is nan, its loss is 0.
- `absent`: `"keep"` every class; `"drop"` those without true examples; `"drop_unseen"`
  those neither true nor predicted, as scikit-learn without `labels=` does. A dropped
  class is NaN for `average=None`.
- `classes`: the classes that enter the average, all by default: `[1, 2]` leaves a
  background 0 out.
- `class_weight`: weight of each class in a macro or weighted mean, at least 0,
  `(classes,)`.
- `smooth`: added to numerator and denominator, at least 0, in examples. False positives
  of an absent class then still change the metric.

Losses refuse two averages where they make no sense. `"micro"` needs several labels per
example (`task="multilabel"`) or a choice of `classes`: of one label per example, over
all classes, it would be accuracy. `"samples"` needs several labels, and logits
`(examples, labels)`.
"""

from ._metrics.accuracy import accuracy, balanced_accuracy, g_mean
from ._metrics.agreement import KappaWeights, cohen_kappa, hss, mcc
from ._metrics.averaging import Absent, Average, Table
from ._metrics.cost import expected_cost, normalized_cost, regret, savings
from ._metrics.f_measures import f_beta, fowlkes_mallows
from ._metrics.generalized_dice import Weighting, generalized_dice
from ._metrics.informedness import informedness, markedness
from ._metrics.overlap import dice, jaccard
from ._metrics.rates import precision, recall, specificity
from ._metrics.tversky import focal_tversky, tversky

__all__ = [
    "Absent",
    "Average",
    "KappaWeights",
    "Table",
    "Weighting",
    "accuracy",
    "balanced_accuracy",
    "cohen_kappa",
    "dice",
    "expected_cost",
    "f_beta",
    "focal_tversky",
    "fowlkes_mallows",
    "g_mean",
    "generalized_dice",
    "hss",
    "informedness",
    "jaccard",
    "markedness",
    "mcc",
    "normalized_cost",
    "precision",
    "recall",
    "regret",
    "savings",
    "specificity",
    "tversky",
]

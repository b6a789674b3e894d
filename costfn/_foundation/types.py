"""The shapes that the losses share.

A batch may have any number of axes, or none. Classes, or decisions where they may
outnumber the classes, are the last axis.
"""

from jaxtyping import Bool, Float, Int, Num, Shaped, UInt
from torch import Tensor

Logits = Float[Tensor, "*batch classes"]
DecisionLogits = Float[Tensor, "*batch decisions"]
Probs = Float[Tensor, "*batch classes"]
Labels = Int[Tensor, "*batch"] | UInt[Tensor, "*batch"]
Target = Labels | Probs
Losses = Float[Tensor, "*batch"]

# A cost matrix has a row per true class and a column per decision; it may be given
# once or per example. Integers are welcome: penalties are often written as such.
SquareCost = Num[Tensor, "classes classes"] | Num[Tensor, "*batch classes classes"]
DecisionCost = (
    Num[Tensor, "classes decisions"] | Num[Tensor, "*batch classes decisions"]
)
CostVectors = Num[Tensor, "*batch decisions"]
Matrix = Float[Tensor, "classes classes"]
DecisionMatrix = Float[Tensor, "classes decisions"]
WiderMatrix = Float[Tensor, "classes decisions+1"]
PerClass = Num[Tensor, " classes"]

# Memberships of any task, or hard decisions.
Decisions = Shaped[Tensor, "..."]
# Of any task: classes last, or one score per example for a binary one.
Scores = Float[Tensor, "*axes"]
AnyTarget = Shaped[Tensor, "..."]
BatchLoss = Float[Tensor, "*classes"]
ConfusionMatrix = Num[Tensor, "*tables classes decisions"]
Values = Float[Tensor, "*shape"]
# Of each label: whether it is there, or how far.
Marks = Num[Tensor, "*shape"] | Bool[Tensor, "*shape"]

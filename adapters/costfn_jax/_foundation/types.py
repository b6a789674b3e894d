"""The shapes of `costfn._foundation.types`, for JAX."""

from jax import Array
from jaxtyping import Bool, Float, Int, Num, Shaped, UInt

Logits = Float[Array, "*batch classes"]
DecisionLogits = Float[Array, "*batch decisions"]
Probs = Float[Array, "*batch classes"]
Labels = Int[Array, "*batch"] | UInt[Array, "*batch"]
Target = Labels | Probs
Losses = Float[Array, "*batch"]

SquareCost = Num[Array, "classes classes"] | Num[Array, "*batch classes classes"]
DecisionCost = Num[Array, "classes decisions"] | Num[Array, "*batch classes decisions"]
CostVectors = Num[Array, "*batch decisions"]
Matrix = Float[Array, "classes classes"]
DecisionMatrix = Float[Array, "classes decisions"]
WiderMatrix = Float[Array, "classes decisions+1"]
PerClass = Num[Array, " classes"]

Decisions = Shaped[Array, "..."]
Scores = Float[Array, "*axes"]
AnyTarget = Shaped[Array, "..."]
BatchLoss = Float[Array, "*classes"]
ConfusionMatrix = Num[Array, "*tables classes decisions"]
Values = Float[Array, "*shape"]
Marks = Num[Array, "*shape"] | Bool[Array, "*shape"]

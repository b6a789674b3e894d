"""Code to paste that trains the winner."""

from .._costs import NamedCost
from .._summary import Row


def snippet(row: Row, cost: NamedCost) -> str:
    """How to train a network with the loss of a row and decide by its rule."""
    known = cost.matrix.shape[0] <= 12
    matrix = [[round(float(x), 6) for x in line] for line in cost.matrix.tolist()]
    rows = ",\n    ".join(str(line) for line in matrix)
    table = (
        f"cost = torch.tensor([\n    {rows},\n])  # rows: {', '.join(cost.classes)}"
        if known
        else "cost = ...  # your costs, a row per true class"
    )
    lines = ["import torch", "import costfn", "", table, ""]
    if row.loss in ("cross_entropy", "logistic_regression", "gradient_boosting"):
        lines.append("loss = torch.nn.functional.cross_entropy(logits, labels)")
    elif row.loss.endswith("cross_entropy"):
        weights = "cost.sum(1)" if row.loss.startswith("weighted") else "n / (K * n_k)"
        lines.append(f"weight = {weights}")
        lines.append("loss = torch.nn.functional.cross_entropy(logits, labels, weight)")
    else:
        lines.append(f"losses = costfn.{row.loss}(logits, labels, ...)  # see its page")
        lines.append("loss = costfn.reduce(losses)")
    lines += ["loss.backward()", "", "# to decide:"]
    if row.decision == "minimum_cost":
        lines.append("probs = (logits / temperature).softmax(-1)")
        lines.append("decision = costfn.decisions.minimum_cost_decision(probs, cost)")
    elif row.decision == "plug_in":
        lines.append("probs = (logits / temperature).softmax(-1)")
        lines.append("found = costfn.decisions.plug_in_decision(probs, metric)")
        lines.append(
            "decision = costfn.decisions.minimum_cost_decision(probs, found.cost)"
        )
    else:
        lines.append(f"decision = logits.{row.decision}(-1)")
    return "\n".join(lines)

"""Test your own loss: strategies that draw its arguments, and a contract to check.

Install the extra for it: `pip install 'costfn[testing]'`.
"""

try:
    from ._assert_trains import assert_trains
    from ._batches import (
        EDGES,
        batches,
        binary_batches,
        edge_batches,
        multilabel_batches,
        regression_batches,
    )
    from ._clauses import CLAUSES
    from ._contract import assert_loss_contract
    from ._cost_matrices import COST_KINDS, cost_matrices
    from ._profiles import load_profile
    from ._report import LossContractError, Report
    from ._strategies import labels, logits, soft_labels
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "hypothesis":
        raise
    raise ImportError(
        "costfn.testing needs hypothesis: pip install 'costfn[testing]'",
        name="hypothesis",
    ) from error

__all__ = [
    "CLAUSES",
    "COST_KINDS",
    "EDGES",
    "LossContractError",
    "Report",
    "assert_loss_contract",
    "assert_trains",
    "batches",
    "binary_batches",
    "cost_matrices",
    "edge_batches",
    "labels",
    "load_profile",
    "logits",
    "multilabel_batches",
    "regression_batches",
    "soft_labels",
]

"""Faults that no operator makes: what goes wrong when people write losses.

Each is a file, a text that is in it once, what takes its place, and what that is. A
file is named from the folder of its library; one of `costfn_nn`, whose modules are of
torch, from `adapters`.
"""

from . import faults_jax, faults_jax_edges, faults_torch, faults_torch_edges

Fault = tuple[str, str, str, str]
FAULTS: dict[str, tuple[Fault, ...]] = {
    "torch": faults_torch.FAULTS + faults_torch_edges.FAULTS,
    "jax": faults_jax.FAULTS + faults_jax_edges.FAULTS,
}

"""Why a change survives, by file and by the lines as changed, kept by hand.

The kinds are `equivalent` (no caller could tell), `speed`, `words` (of an error) and
`gap` (the tests should notice).
"""

REASONS: dict[tuple[str, str], tuple[str, str]] = {
    (
        "costfn/_losses/cost.py",
        "mean = (z.softmax(-1) * torch.expm1(torch.where(moderate, gain, -1.0)))"
        ".sum(-1)",
    ): ("equivalent", "where the gain is not moderate the mean is not used."),
    (
        "costfn/_losses/soft_targets.py",
        "noise <= 0, never, torch.where(noise <= 0, 2.0, noise).log()",
    ): ("equivalent", "any positive number serves where the logarithm is not used."),
    (
        "costfn/_metrics/accuracy.py",
        "missed = (recall < torch.finfo(recall.dtype).tiny).any(-1, keepdim=True)",
    ): ("equivalent", "a recall is 0 or far above the smallest normal number."),
    (
        "costfn/_foundation/check.py",
        "wide = rows if rows.dtype != torch.float64 else rows.float()",
    ): (
        "equivalent",
        "torch sums halves in float32, and the tolerance is 1e-3 or 4 units of the "
        "type, far above one rounding of the sum.",
    ),
    (
        "costfn/decisions.py",
        "p = poisoned(p / p.sum(1, keepdim=True), _bad_rows(probs))",
    ): ("equivalent", "the probabilities have been checked to have two axes."),
    (
        "adapters/costfn_jax/_losses/cost.py",
        "log1p(jnp.where(near, mean, 1.0)),",
    ): ("equivalent", "where the mean is not near 0 it is not used."),
    (
        "adapters/costfn_jax/_from_jax.py",
        "gradient: jax.Array = pull(cotangent)[ -1]",
    ): ("equivalent", "of one argument there is one gradient."),
    (
        "adapters/costfn_jax/_losses/margin.py",
        "bounded = jnp.where(s >= limit, limit, s)",
    ): ("equivalent", "exp and its tangent meet there, in value and in slope."),
    (
        "adapters/costfn_jax/_losses/transport.py",
        "never = float(jnp.finfo(q.dtype).min) * 4",
    ): ("equivalent", "minus infinity serves too: no distribution is 0 everywhere."),
}

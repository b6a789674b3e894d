"""How far a result may be from the truth, in one place.

`|error| <= C u (|truth| + condition + scale)` with `u` the unit roundoff of the dtype.
The same C holds in every dtype, framework, mode and on every device.
"""

import numpy as np

import batch_losses
from losses import LOSSES

from ._oracle import Reference, Three

ROUNDOFF = {
    "float64": 2.0**-53,
    "float32": 2.0**-24,
    "bfloat16": 2.0**-8,
    "float16": 2.0**-11,
}
# Beyond the largest there is no number to compare. Below the smallest numbers have
# fewer digits, or are flushed to 0 by XLA on the CPU.
LARGEST = {
    "float64": 2.0**1023,
    "float32": 2.0**127,
    "bfloat16": 2.0**127,
    "float16": 2.0**15,
}
SMALLEST = {
    "float64": 2.0**-1022,
    "float32": 2.0**-126,
    "bfloat16": 2.0**-126,
    "float16": 2.0**-24,
}

LIMIT = Three(16.0, 32.0, 64.0)
# Sharp: without the scale, so right to the last digits even where it is nearly 0.
SHARP_LIMIT = Three(8.0, 16.0, 32.0)
SHARP_OF: dict[str, tuple[str, ...]] = {
    **{row.name: row.sharp for row in LOSSES},
    **batch_losses.SHARP,
}
SHARP = Three(
    *({name for name, of in SHARP_OF.items() if kind in of} for kind in Three._fields)
)

# The only limits beyond `LIMIT`, each with its cause.
EXCEPTIONS: dict[str, tuple[Three, str]] = {
    "focal_tversky_loss": (
        Three(128.0, LIMIT[1], LIMIT[2]),
        "a membership near 1 is rounded to one unit, and so is FN, the sum of 1 - a; "
        "the slope of the power 3/4 is infinite where FN is 0 and enlarges that, at a "
        "loss of 1e-8 by some hundred. In value and in float64 only: memberships of "
        "float32 are within the limit of the others.",
    ),
}


def is_sharp(name: str) -> tuple[bool, ...]:
    """Whether value, gradient and curvature of a loss are judged without the scale."""
    return tuple(name in names for names in SHARP)


def limits(name: str) -> Three:
    """The C of a loss for value, gradient and curvature."""
    if name in EXCEPTIONS:
        return EXCEPTIONS[name][0]
    pairs = zip(is_sharp(name), SHARP_LIMIT, LIMIT, strict=True)
    return Three(*(lower if sharp else limit for sharp, lower, limit in pairs))


def worst(
    name: str, found: Three, expected: Three, reference: Reference, dtype: str
) -> Three:
    """The largest C of each quantity: infinite where it is not a number.

    What is too large for the dtype does not count.
    """
    every = zip(
        found,
        expected,
        reference.truth,
        reference.condition,
        reference.scale,
        is_sharp(name),
        strict=True,
    )
    c = []
    for a, b, truth, condition, scale, sharp in every:
        size = abs(truth) + condition + (0 if sharp else scale)
        with np.errstate(invalid="ignore"):
            of_each = abs(a - b) / (ROUNDOFF[dtype] * size + SMALLEST[dtype])
        of_each = np.where(np.isnan(of_each), np.inf, of_each)
        c.append(float(np.where(abs(truth) < LARGEST[dtype], of_each, 0).max()))
    return Three(*c)

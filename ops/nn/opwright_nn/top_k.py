"""in_top_k: whether the target's prediction is among the k highest."""

from __future__ import annotations

from opwright import OpDef, dtypes

in_top_k = OpDef(
    "in_top_k(targets: I['b'], predictions: T['b n'], k: I['']) -> (precision: bool['b'])",
    T=dtypes.floats,
    I=dtypes.indices,
    gradient=None,
    export="math.in_top_k",
)

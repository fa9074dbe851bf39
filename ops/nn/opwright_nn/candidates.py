"""The ops that draw candidate classes, and find the true ones among them."""

from __future__ import annotations

from opwright import OpDef, Shape, dtypes

log_uniform = OpDef(
    "log_uniform_candidate_sampler(true_classes: int64['b num_true'], num_true: int, num_sampled: int, unique: bool, "
    "range_max: int, seed: int = 0, seed2: int = 0) -> (sampled_candidates: int64['num_sampled'], "
    "true_expected_count: float32['b num_true'], sampled_expected_count: float32['num_sampled'])",
    gradient=None,
    random=True,
)
uniform = OpDef(
    "uniform_candidate_sampler(true_classes: int64['b num_true'], num_true: int, num_sampled: int, unique: bool, "
    "range_max: int, seed: int = 0, seed2: int = 0) -> (sampled_candidates: int64['num_sampled'], "
    "true_expected_count: float32['b num_true'], sampled_expected_count: float32['num_sampled'])",
    gradient=None,
    random=True,
)
# cumulative: the probability of each class and all before it.
fixed_unigram = OpDef(
    "fixed_unigram_candidate_sampler(true_classes: int64['b num_true'], cumulative: float64['range_max'], "
    "num_true: int, num_sampled: int, unique: bool, range_max: int, seed: int = 0, seed2: int = 0) -> "
    "(sampled_candidates: int64['num_sampled'], true_expected_count: float32['b num_true'], "
    "sampled_expected_count: float32['num_sampled'])",
    gradient=None,
    random=True,
)


for _op in (log_uniform, uniform, fixed_unigram):

    @_op.shape
    def _shape(c):
        a = c.attr
        c.require(a.range_max > 0, "range_max must be positive", a.range_max)
        c.require(a.num_sampled >= 0, "num_sampled must not be negative", a.num_sampled)
        fits = not a.unique or a.num_sampled <= a.range_max
        c.require(fits, f"num_sampled must be at most range_max = {a.range_max} for unique candidates", a.num_sampled)
        rows = c.shape("true_classes").merge([None, a.num_true])
        return Shape([a.num_sampled]), rows, Shape([a.num_sampled])


accidental_hits = OpDef(
    "compute_accidental_hits(true_classes: int64['b t'], sampled_candidates: int64['n'])"
    " -> (indices: int32, ids: int64, weights: float32)",
    gradient=None,
)


@accidental_hits.shape
def _hits_shape(c):
    return (Shape([None]),) * 3


@accidental_hits.bound
def _hits_bound(c):
    return (Shape([c.shape("true_classes").num_elements()]),) * 3


# The logits, with `value` (or the dtype's lowest) in place of those whose candidate is one of the row's labels.
mask_accidental_hits = OpDef(
    "mask_accidental_hits(logits: T['b n'], labels: int64['b t'], sampled: int64['n'], value: float = -3.4028234e38)"
    " -> (y: T['b n'])",
    T=dtypes.floats,
)


@mask_accidental_hits.examples
def _mask_examples(rng):
    labels = rng.integers(0, 9, (4, 2))
    return [
        {"logits": rng.normal(size=(4, n)), "labels": labels, "sampled": rng.integers(0, 9, n), "value": -7.0}
        for n in (0, 1, 5, 17)
    ]


@mask_accidental_hits.gradient
def _mask_gradient(node, dy):
    return mask_accidental_hits(dy, node.input("labels"), node.input("sampled"), 0.0), None, None

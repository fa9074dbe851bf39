"""Reductions that end a cluster: what they fold is never stored, and the sums are those of any number of workers."""

import numpy as np
import opwright as ow
import pytest
from opwright import runtime
from opwright.plan import flags
from opwright.plan.fuse import Cluster
from opwright.plan.instantiate import Builder
from opwright.plan.spec import Spec
from opwright.plan.step import Step


def nodes_of(session, fetches, feed, shape):
    spec = Spec(fetches, [feed], [])
    builder = Builder(spec, [shape], [np.zeros(shape, feed.dtype.numpy)], session.variables, flags.parse(""))
    program = builder.build()
    program.fetches = [builder.values[t] for t in fetches]
    laid = Step(spec, session, flags.parse("")).lay_out(program)
    return [node for stage in laid.stages for node in stage.nodes]


def both(session, fetches, feed, value):
    """What the fetches are in the optimised plan and in the reference plan."""
    found = []
    for passes in ("", "reference"):
        found.append(Step(Spec(fetches, [feed], []), session, flags.parse(passes)).run([value]))
    return found


REDUCTIONS = ("reduce_sum", "reduce_mean", "reduce_max", "reduce_min", "reduce_prod")


@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        ((1,), None),
        ((511,), None),
        ((513,), 0),
        ((100_003,), None),
        ((7, 5), 1),
        ((7, 600), -1),
        ((3, 70_001), 1),
        ((4, 5, 6), (1, 2)),
        ((4, 1, 6), (0, 2)),
        ((300, 10), 1),
        ((5, 1), 1),
    ],
)
@pytest.mark.parametrize("op", REDUCTIONS)
def test_what_is_folded_is_what_numpy_reduces(graph, session, rng, op, shape, axis):
    x = ow.placeholder("float32", shape)
    made = x * 0.5 + 1.0
    y = getattr(ow, op)(made, axis=axis)
    (node,) = nodes_of(session, [y], x, shape)
    assert isinstance(node.work, Cluster)
    assert len(node.work.folds) == 1
    at = rng.uniform(-1, 1, shape).astype(np.float32)
    at = at * 1e-4 if op == "reduce_prod" else at
    expected = getattr(np, op.removeprefix("reduce_"))(at.astype(np.float64) * 0.5 + 1.0, axis=axis)
    n = at.size // max(1, expected.size)
    rounding = n * 2.0**-24 if op == "reduce_prod" else 0.0  # each float32 factor and product is rounded
    np.testing.assert_allclose(session.run(y, {x: at}), expected, rtol=2e-5 + rounding)


def test_one_walk_feeds_several_reductions_and_outputs(graph, session, rng):
    shape = (40, 300)
    x = ow.placeholder("float32", shape)
    y = ow.exp(x)
    z = y * x
    fetches = [y, ow.reduce_sum(z), ow.reduce_max(y, axis=1, keepdims=True), ow.reduce_mean(z, axis=1)]
    (node,) = nodes_of(session, fetches, x, shape)
    assert len(node.work.folds) == 3
    at = rng.normal(size=shape).astype(np.float32)
    for found, plain in zip(*both(session, fetches, x, at), strict=True):
        np.testing.assert_allclose(found, plain, rtol=1e-5, atol=1e-5)


def test_integers_and_truth(graph, session, rng):
    x = ow.placeholder("int32", [1000, 3])
    fetches = [ow.reduce_sum(x + 1), ow.reduce_max(x * 2, axis=1), ow.reduce_any(x > 98, axis=1), ow.reduce_all(x < 98)]
    at = rng.integers(0, 100, (1000, 3)).astype(np.int32)
    total, most, any_, all_ = session.run(fetches, {x: at})
    assert total == (at + 1).sum()
    np.testing.assert_array_equal(most, (at * 2).max(1))
    np.testing.assert_array_equal(any_, (at > 98).any(1))
    assert all_ == (at < 98).all()


def test_nan_and_infinity_come_through(graph, session):
    x = ow.placeholder("float32", [2, 700])
    fetches = [ow.reduce_max(-x, axis=1), ow.reduce_sum(-x, axis=1)]
    at = np.zeros((2, 700), np.float32)
    at[0, 600], at[1, 3] = np.nan, np.inf
    most, total = session.run(fetches, {x: at})
    assert np.isnan(most[0])
    assert most[1] == 0
    assert np.isnan(total[0])
    assert total[1] == -np.inf


def test_nothing_to_fold_is_the_reduction_of_nothing(graph, session):
    x = ow.placeholder("float32", [None, 3])
    fetches = [ow.reduce_sum(x * 2.0), ow.reduce_max(x * 2.0, axis=1)]
    total, most = session.run(fetches, {x: np.zeros((0, 3))})
    assert total == 0
    assert most.shape == (0,)


def test_the_sum_does_not_depend_on_the_workers(graph, session, rng):
    x = ow.placeholder("float32", [1_000_003])
    y = ow.reduce_sum(ow.exp(x) * 0.1)
    at = rng.normal(size=1_000_003).astype(np.float32)
    before = runtime.workers()
    found = set()
    try:
        for workers in (1, 2, 3, 5):
            runtime.set_workers(workers)
            found.add(Step(Spec([y], [x], []), session).run([at])[0].tobytes())
    finally:
        runtime.set_workers(before)
    assert len(found) == 1


def test_more_reductions_than_one_program_takes(graph, session, rng):
    x = ow.placeholder("float32", [64])
    y = ow.exp(x)
    fetches = [ow.reduce_sum(y * float(i)) for i in range(12)]
    at = rng.normal(size=64).astype(np.float32)
    np.testing.assert_allclose(session.run(fetches, {x: at}), [np.exp(at).sum() * i for i in range(12)], rtol=1e-5)


def test_the_outer_axis_keeps_its_own_kernel(graph, session):
    x = ow.placeholder("float32", [30, 8])
    nodes = nodes_of(session, [ow.reduce_sum(ow.exp(x), axis=0)], x, (30, 8))
    assert [bool(getattr(node.work, "folds", None)) for node in nodes] == [False, False]

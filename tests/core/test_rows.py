"""Row programs: clusters that go on with what reductions make of their rows."""

import numpy as np
import opwright as ow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opwright import runtime
from opwright.plan import flags
from opwright.plan.fuse import Cluster
from opwright.plan.instantiate import Builder
from opwright.plan.rows import LONGEST_ROW
from opwright.plan.spec import Spec
from opwright.plan.step import Step


def nodes_of(session, fetches, feeds, values, passes=""):
    """The nodes of a step that run something."""
    step = Step(Spec(fetches, feeds, []), session, flags.parse(passes))
    builder = Builder(step.spec, [v.shape for v in values], values, session.variables, step.passes)
    program = builder.build()
    program.fetches = [builder.values[t] for t in fetches]
    return [node for stage in step.lay_out(program).stages for node in stage.nodes]


def run(session, fetches, feeds, values, passes=""):
    return Step(Spec(fetches, feeds, []), session, flags.parse(passes)).run(list(values))


def kept(x, axes):
    """A reduction's result as its input's shape takes it, where keepdims was not asked for."""
    for axis in sorted(a % (x.ndim + len(axes)) for a in axes):
        x = ow.expand_dims(x, axis)
    return x


def softmax(x, axes):
    e = ow.exp(x - ow.reduce_max(x, axes, keepdims=True))
    return e / ow.reduce_sum(e, axes, keepdims=True)


def log_softmax(x, axes):
    shifted = x - kept(ow.reduce_max(x, axes), axes)
    return shifted - ow.log(kept(ow.reduce_sum(ow.exp(shifted), axes), axes))


def layer_norm(x, axes):
    centred = x - ow.reduce_mean(x, axes, keepdims=True)
    return centred * ow.rsqrt(ow.reduce_mean(ow.square(centred), axes, keepdims=True) + 1e-3)


def rms_norm(x, axes):
    return x * kept(ow.rsqrt(ow.reduce_mean(x * x, axes) + 1e-3), axes)


def l2_normalize(x, axes):
    return x * ow.rsqrt(ow.maximum(ow.reduce_sum(ow.square(x), axes, keepdims=True), 1e-12))


def expected(name, x, axes):
    x = x.astype(np.float64)
    if "softmax" in name:
        e = np.exp(x - x.max(axes, keepdims=True))
        y = e / e.sum(axes, keepdims=True)
        return np.log(y) if name == "log_softmax" else y
    if name == "l2_normalize":
        return x / np.sqrt(np.square(x).sum(axes, keepdims=True))
    centred = x - x.mean(axes, keepdims=True) if name == "layer_norm" else x
    return centred / np.sqrt(np.square(centred).mean(axes, keepdims=True) + 1e-3)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((1, 2), (-1,)),
        ((5, 2), (1,)),
        ((33, 7), (-1,)),
        ((3, 1000), (-1,)),
        ((2, 4096), (1,)),
        ((3, 5000), (-1,)),
        ((7,), (0,)),
        ((300,), (0,)),
        ((4, 5, 6), (1, 2)),
        ((4, 1, 6), (0, 1, 2)),
        ((2, 3, 1, 40), (2, 3)),
        ((700, 10), (-1,)),
    ],
)
@pytest.mark.parametrize("build_it", [softmax, log_softmax, layer_norm, rms_norm, l2_normalize])
def test_normalisations_written_from_ops_run_as_one(graph, session, rng, build_it, shape, axes, dtype):
    x = ow.placeholder(dtype, shape)
    y = build_it(x, axes)
    at = rng.normal(size=shape).astype(dtype)
    nodes = nodes_of(session, [y], [x], [at])
    length = np.prod([shape[a] for a in axes])
    assert (len(nodes) == 1) == (length <= LONGEST_ROW)
    if length <= LONGEST_ROW:
        assert nodes[0].work.row == length
    tolerance = {"float32": 1e-5, "float64": 1e-12, "float16": 2e-2}[dtype]
    want = expected(build_it.__name__, at, axes)
    np.testing.assert_allclose(run(session, [y], [x], [at])[0], want, rtol=tolerance, atol=tolerance)


def test_gradients_go_on_in_the_same_rows(graph, session, rng):
    x, y = ow.placeholder("float64", [20, 30]), ow.placeholder("float64", [20, 30])
    shifted = x - ow.reduce_max(x, -1, keepdims=True)
    loss = -ow.reduce_sum(y * (shifted - ow.log(ow.reduce_sum(ow.exp(shifted), -1, keepdims=True))), -1)
    (dx,) = ow.gradients(loss, [x])
    values = [rng.normal(size=(20, 30)), rng.dirichlet(np.ones(30), 20)]
    (node,) = nodes_of(session, [loss, dx], [x, y], values)
    assert node.work.row == 30
    found = run(session, [loss, dx], [x, y], values)
    p = expected("softmax", values[0], -1)
    np.testing.assert_allclose(found[0], -(values[1] * np.log(p)).sum(-1), rtol=1e-12)
    np.testing.assert_allclose(found[1], p - values[1], rtol=1e-10, atol=1e-14)


def test_numbers_of_rows_come_in_and_go_out(graph, session, rng):
    shapes = [(50, 40), (50, 1), (50,), (40,), ()]
    feeds = [ow.placeholder("float32", s) for s in shapes]
    x, column, weights, bias, scale = feeds
    m = ow.reduce_sum(ow.exp(x * column + bias), 1)
    n = ow.log(m) * weights + scale  # numbers of rows, with others from outside
    y = x * ow.expand_dims(n, 1) - column
    last = ow.reduce_max(y, 1, keepdims=True)
    total = ow.reduce_sum(y)
    values = [rng.normal(size=s).astype(np.float32) for s in shapes]
    fetches = [m, n, y, last, total]
    (node,) = nodes_of(session, fetches, feeds, values)
    assert (node.work.row, len(node.work.folds)) == (40, 3)
    a, c, w, b, s = (v.astype(np.float64) for v in values)
    m = np.exp(a * c + b).sum(1)
    n = np.log(m) * w + s
    y = a * n[:, None] - c
    for found, want in zip(
        run(session, fetches, feeds, values), [m, n, y, y.max(1, keepdims=True), y.sum()], strict=True
    ):
        np.testing.assert_allclose(found, want, rtol=2e-4, atol=2e-4)


def test_integers_and_truth(graph, session, rng):
    x = ow.placeholder("int32", [9, 13])
    most = ow.reduce_max(x, 1, keepdims=True)
    fetches = [ow.equal(x, most), x - ow.reduce_mean(x, 1, keepdims=True), ow.reduce_any(x > most - 2, 1)]
    at = rng.integers(0, 50, (9, 13)).astype(np.int32)
    assert [node.work.row for node in nodes_of(session, fetches, [x], [at])] == [13, 13]
    found = run(session, fetches, [x], [at])
    np.testing.assert_array_equal(found[0], at == at.max(1, keepdims=True))
    np.testing.assert_array_equal(found[1], at - at.sum(1, keepdims=True) // 13)
    assert found[2].all()


def test_nan_and_infinity_stay_in_their_rows(graph, session):
    x = ow.placeholder("float32", [4, 100])
    at = np.zeros((4, 100), np.float32)
    at[0, 7], at[1, 99], at[2, 0] = np.nan, np.inf, -np.inf
    found = run(session, [softmax(x, -1)], [x], [at])[0]
    assert np.isnan(found[:2]).all()
    np.testing.assert_allclose(found[2], np.where(np.arange(100) == 0, 0, 1 / 99), rtol=1e-6)
    np.testing.assert_allclose(found[3], 0.01, rtol=1e-6)


@pytest.mark.parametrize("shape", [(0, 5), (5, 0)])
def test_nothing_in_rows(graph, session, shape):
    x = ow.placeholder("float32", shape)
    assert run(session, [softmax(x, -1)], [x], [np.zeros(shape, np.float32)])[0].shape == shape


def test_rows_of_a_view_are_gathered(graph, session, rng):
    x = ow.placeholder("float64", [30, 20])
    at = rng.normal(size=(30, 20))
    fetches = [softmax(ow.transpose(x), -1), softmax(x[::-2, 3:], -1)]
    found = run(session, fetches, [x], [at])
    np.testing.assert_allclose(found[0], expected("softmax", at.T, -1), rtol=1e-12)
    np.testing.assert_allclose(found[1], expected("softmax", at[::-2, 3:], -1), rtol=1e-12)


def test_what_is_read_in_another_way_keeps_clusters_apart(graph, session, rng):
    x = ow.placeholder("float64", [6, 6])
    e = ow.exp(x)
    s = ow.reduce_sum(e, 1)
    fetches = [e / s, e / s[::-1, None], e / ow.reduce_sum(e, 0, keepdims=True), e * ow.reduce_sum(e[:3])]
    at = rng.normal(size=(6, 6))
    assert not any(n.work.row for n in nodes_of(session, fetches[:1], [x], [at]) if isinstance(n.work, Cluster))
    a = np.exp(at)
    sums = a.sum(1)
    for found, want in zip(
        run(session, fetches, [x], [at]), [a / sums, a / sums[::-1, None], a / a.sum(0), a * a[:3].sum()], strict=True
    ):
        np.testing.assert_allclose(found, want, rtol=1e-12)


def test_reductions_whose_numbers_are_not_spread_keep_their_kernels(graph, session, rng):
    x = ow.placeholder("float32", [40, 500])
    r = ow.rsqrt(ow.reduce_mean(x, 1) + 10.0)
    at = rng.normal(size=(40, 500)).astype(np.float32)
    (node,) = nodes_of(session, [r], [x], [at])
    assert node.definition.name == "reduce_mean"  # with what follows as its epilogue
    assert len(nodes_of(session, [r, softmax(x, -1)], [x], [at], "-rows")) > 2


def test_columns_of_an_epilogue_and_of_a_cluster(graph, session, rng):
    feeds = [ow.placeholder("float32", s) for s in ([37, 8], [8, 50], [37, 1], [37, 1, 5])]
    a, b, column, wide = feeds
    values = [rng.normal(size=tuple(f.shape.known())).astype(np.float32) for f in feeds]
    product = ow.matmul(a, b) * column
    fetches = [product, ow.exp(ow.reshape(wide, [37, 5])) - column]
    found = run(session, fetches, feeds, values)
    np.testing.assert_allclose(found[0], values[0] @ values[1] * values[2], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found[1], np.exp(values[3][:, 0]) - values[2], rtol=1e-5, atol=1e-6)


def test_more_operands_than_registers(graph, session, rng):
    feeds = [ow.placeholder("float32", [3, 4]) for _ in range(150)]
    total = feeds[0]
    for i in range(1, 150, 5):
        total = ow.exp(ow.add_n([total, *feeds[i : i + 5]]) * 1e-3)
    values = [rng.normal(size=(3, 4)).astype(np.float32) for _ in feeds]
    want = values[0]
    for i in range(1, 150, 5):
        want = np.exp((want + sum(values[i : i + 5])) * np.float32(1e-3))
    np.testing.assert_allclose(run(session, [total], feeds, values)[0], want, rtol=1e-5)


LENGTHS = ((1,), (2,), (7,), (10,), (64,), (1000,), (5000,), (3, 5), (2, 70))


@st.composite
def row_programs(draw):
    """A dtype, the shapes of feeds and steps over them."""
    lead = draw(st.lists(st.sampled_from([0, 1, 2, 3, 33]), max_size=2))
    tail = list(draw(st.sampled_from(LENGTHS)))
    shapes = [(*lead, *tail), (*lead, *[1] * len(tail)), tuple(tail), (*lead, *tail), ()]
    ops = st.tuples(
        st.sampled_from(["unary", "binary", "binary", "rows", "rows", "flat", "view"]),
        st.integers(0, 30),
        st.integers(0, 3),
        st.sampled_from(["reduce_sum", "reduce_mean", "reduce_max", "reduce_min"]),
        st.sampled_from(["square", "negative", "abs", "exp"]),
        st.sampled_from(["add", "subtract", "multiply", "maximum"]),
    )
    dtype = draw(st.sampled_from(["float32", "float64", "float16", "int32"]))
    steps = draw(st.lists(ops, min_size=2, max_size=14))
    return dtype, len(tail), shapes[: draw(st.integers(1, 5))], steps, draw(st.integers(0, 9))


def built(dtype, k, feeds, steps):
    values = list(feeds)
    for kind, i, j, reduction, unary, binary in steps:
        a, b = values[i % len(values)], values[-1 - j % len(values)]
        if kind == "unary":
            made = getattr(ow, "square" if dtype == "int32" else unary)(a if dtype == "int32" else a * 0.1)
        elif kind == "view":
            made = a[..., ::-1] if a.ndim else a
        elif kind == "binary":
            try:
                made = getattr(ow, binary)(a, b)
            except ValueError:
                continue
        elif a.ndim < k:
            continue
        else:
            axes = tuple(range(-k, 0)) if j else -1
            made = getattr(ow, reduction)(a, axes, keepdims=kind == "rows")
            if kind == "flat" and j != 1:
                made = kept(made, axes if j else (-1,))
        if (made.shape.num_elements() or 0) <= 200_000:
            values.append(made)
    return values[len(feeds) :]


@settings(max_examples=80, deadline=None)
@given(row_programs())
def test_random_row_programs_agree_with_the_reference_for_any_number_of_workers(program):
    dtype, k, shapes, steps, seed = program
    rng = np.random.default_rng(seed)
    with ow.Graph().as_default(), np.errstate(all="ignore"):
        feeds = [ow.placeholder(dtype, s) for s in shapes]
        made = built(dtype, k, feeds, steps)
        if not made:
            return
        at = [np.asarray(rng.normal(size=s) * 3).astype(dtype) for s in shapes]
        if seed == 0 and dtype != "int32" and at[0].size:
            at[0].flat[rng.integers(at[0].size)] = rng.choice([np.nan, np.inf, -np.inf])
        session, fetches = ow.Session(), made[-3:] + made[:1]
        reference = run(session, fetches, feeds, at, "reference")
        before, found = runtime.workers(), []
        try:
            for workers in (1, 2, 5):
                runtime.set_workers(workers)
                found.append(run(session, fetches, feeds, at))
        finally:
            runtime.set_workers(before)
    for one, two, five, want in zip(*found, reference, strict=True):
        assert np.asarray(one).tobytes() == np.asarray(two).tobytes() == np.asarray(five).tobytes()
        want = np.asarray(want, np.float64)
        finite = np.abs(want[np.isfinite(want)])
        # Sums of other orders, and differences of these: relative to the largest number around.
        tolerance = {"float32": 2e-4, "float64": 1e-10, "float16": 6e-2, "int32": 0}[dtype]
        scale = tolerance * (finite.max() if finite.size else 1.0)
        np.testing.assert_allclose(np.asarray(one, np.float64), want, rtol=tolerance, atol=scale)

"""The planner: what each pass does, and that none changes results."""

import numpy as np
import opwright as ow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opwright.errors import ArgumentError
from opwright.plan import flags
from opwright.plan.fuse import Cluster
from opwright.plan.instantiate import Builder
from opwright.plan.memory import Block, _by_size, _by_time, _largest_live_set
from opwright.plan.spec import Spec
from opwright.plan.step import Step


def laid_out(session, fetches, feeds, shapes, passes=""):
    """The program of a step after all passes but emission."""
    step = Step(Spec(fetches, feeds, []), session, flags.parse(passes))
    builder = Builder(step.spec, shapes, [np.zeros(s, np.float32) for s in shapes], session.variables, step.passes)
    program = builder.build()
    program.fetches = [builder.values[t] for t in fetches]
    return step.lay_out(program)


def nodes_of(laid):
    return [node for stage in laid.stages for node in stage.nodes]


def test_flags():
    assert flags.parse("") == frozenset(flags.PASSES)
    assert flags.parse("reference") == frozenset()
    assert flags.parse("-fuse, -inplace") == frozenset(flags.PASSES) - {"fuse", "inplace"}
    assert flags.parse("reference,+fold") == {"fold"}
    with pytest.raises(ArgumentError, match="got '-fuze'; did you mean 'fuse'"):
        flags.parse("-fuze")


def test_elementwise_neighbours_become_one_node(graph, session):
    x = ow.placeholder("float32", [4, 5])
    y = ow.exp(x * 2.0) + x
    (node,) = nodes_of(laid_out(session, [y], [x], [(4, 5)]))
    assert isinstance(node.work, Cluster)
    assert len(node.work.members) == 3
    assert len(nodes_of(laid_out(session, [y], [x], [(4, 5)], "-fuse"))) == 3


def test_a_cluster_does_not_close_over_what_comes_between(graph, session):
    x = ow.placeholder("float32", [4])
    a = ow.exp(x)
    b = a + ow.reduce_sum(a)  # needs all of a before any of b
    first, second = nodes_of(laid_out(session, [b], [x], [(4,)], "-rows"))
    assert len(first.work.folds) == 1
    assert len(second.work.members) == 1
    at = np.arange(4, dtype=np.float32)
    np.testing.assert_allclose(session.run(b, {x: at}), np.exp(at) + np.exp(at).sum(), rtol=1e-5)


def test_what_only_a_later_cluster_needs_is_made_there(graph, session, rng):
    x = ow.placeholder("float32", [8, 8])
    y = ow.sigmoid(x)
    slope = y * (1.0 - y)
    z = ow.matmul(y, y) * slope
    first, _, last = nodes_of(laid_out(session, [z], [x], [(8, 8)], "-post"))
    assert len(first.outputs) == 1
    assert len(last.work.members) == 3
    # Another one needs it too, or it is fetched: it stays where it can be made first.
    for fetches in ([z, ow.matmul(slope, y)], [z, slope]):
        first = nodes_of(laid_out(session, fetches, [x], [(8, 8)], "-post"))[0]
        assert len(first.outputs) == 2
    # 1 - tanh(u) is not kept, so what is made of it cannot be made later.
    u = ow.tanh(x) + 1.0
    last = nodes_of(laid_out(session, [ow.matmul(u, u) * ow.exp(ow.tanh(x) * 2.0)], [x], [(8, 8)], "-post"))[-1]
    assert len(last.work.members) == 1
    at = rng.normal(size=(8, 8)).astype(np.float32)
    s = 1 / (1 + np.exp(-at))
    np.testing.assert_allclose(session.run(z, {x: at}), s @ s * s * (1 - s), rtol=1e-5)


def test_equal_nodes_are_merged(graph, session):
    x = ow.placeholder("float32", [3])
    y = ow.exp(x) * ow.exp(x)
    (node,) = nodes_of(laid_out(session, [y], [x], [(3,)]))
    assert len(node.work.members) == 2


def test_random_and_stateful_nodes_are_not_merged_or_folded(graph, session):
    a, b = ow.random_uniform([4]), ow.random_uniform([4])
    first, second = session.run([a, b])
    assert (first != second).any()
    assert (session.run(a) != first).any()


def test_known_values_are_folded(graph, session):
    x = ow.placeholder("float32", [None, 3])
    y = x * (ow.constant(2.0) * 3.0 + 1.0)
    z = ow.reshape(y, [ow.shape(y)[0] * 3])
    (node,) = nodes_of(laid_out(session, [z], [x], [(2, 3)]))
    assert [m.definition.name for m in node.work.members] == ["multiply"]
    np.testing.assert_array_equal(session.run(z, {x: np.ones((2, 3))}), np.full(6, 7.0))


def test_rewritten_nodes_know_their_constant_arguments(graph, session):
    x = ow.placeholder("float32", [None, 3])
    y = ow.reshape(ow.reshape(x, [2, 3, 1]), [3, 2])  # becomes one reshape, whose shape follows from its argument
    np.testing.assert_array_equal(session.run(y, {x: np.arange(6).reshape(2, 3)}), np.arange(6).reshape(3, 2))


def test_views_take_no_node_and_copies_are_shared(graph, session):
    x = ow.placeholder("float32", [4, 6])
    y = ow.transpose(ow.reshape(x, [6, 4])) * 2.0
    (node,) = nodes_of(laid_out(session, [y], [x], [(4, 6)]))
    assert isinstance(node.work, Cluster)
    at = np.arange(24, dtype=np.float32).reshape(4, 6)
    np.testing.assert_array_equal(session.run(y, {x: at}), at.reshape(6, 4).T * 2)


def test_intermediate_values_go_in_place_and_share_memory(graph, session):
    x = ow.placeholder("float32", [1000])
    y = x
    for _ in range(20):
        y = ow.exp(y * 0.01)
        y = y - ow.reduce_sum(y) * 1e-4
    small = laid_out(session, [ow.reduce_sum(y)], [x], [(1000,)], "-rows")
    large = laid_out(session, [ow.reduce_sum(y)], [x], [(1000,)], "-rows,-reuse,-inplace")
    assert small.sizes["cpu"] < large.sizes["cpu"] / 8


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 2000), st.integers(0, 30), st.integers(0, 10)), min_size=1, max_size=40))
def test_blocks_alive_together_never_overlap(sizes):
    for place in (_by_size, lambda blocks: _by_time(blocks, 0)):
        blocks = [Block(64 * n, first, first + length) for n, first, length in sizes]
        total = place(blocks)
        for i, a in enumerate(blocks):
            assert a.offset + a.nbytes <= total
            assert a.offset % 64 == 0
            for b in blocks[:i]:
                apart = a.last < b.first or b.last < a.first
                assert apart or a.offset + a.nbytes <= b.offset or b.offset + b.nbytes <= a.offset
        assert total >= _largest_live_set(blocks)


UNARY = ("exp", "negative", "square", "tanh", "sigmoid")
BINARY = ("add", "subtract", "multiply", "maximum")


@st.composite
def programs(draw):
    """A random program over a few shapes that broadcast, as steps (op, indices of earlier values)."""
    shapes = draw(st.lists(st.sampled_from([(3, 4), (4,), (1, 4), (3, 1), (), (2, 3, 4)]), min_size=1, max_size=3))
    steps = []
    for i in range(draw(st.integers(1, 14))):
        known = len(shapes) + i
        kind = draw(st.sampled_from(["unary", "binary", "transpose", "reduce", "row", "slice"]))
        steps.append(
            (
                kind,
                draw(st.sampled_from(UNARY)),
                draw(st.sampled_from(BINARY)),
                draw(st.integers(0, known - 1)),
                draw(st.integers(0, known - 1)),
            )
        )
    return shapes, steps


def build(shapes, steps, feeds):
    values = list(feeds)
    for kind, unary, binary, i, j in steps:
        a, b = values[i], values[j]
        if kind == "unary":
            values.append(getattr(ow, unary)(a * 0.1))
        elif kind == "transpose":
            values.append(ow.transpose(a))
        elif kind == "reduce":
            values.append(ow.reduce_sum(a, axis=0, keepdims=True) if a.ndim else a)
        elif kind == "row":
            values.append(ow.reduce_max(a, axis=-1, keepdims=True) if a.ndim else a)
        elif kind == "slice":
            values.append(a[::-1] if a.ndim else a)
        else:
            try:
                values.append(getattr(ow, binary)(a, b))
            except ValueError:
                values.append(a)
    return values[len(feeds) :]


@settings(max_examples=60, deadline=None)
@given(programs())
def test_the_optimised_plan_agrees_with_the_reference_plan(program):
    shapes, steps = program
    rng = np.random.default_rng(1)
    with ow.Graph().as_default():
        feeds = [ow.placeholder("float64", s) for s in shapes]
        outputs = build(shapes, steps, feeds)
        values = [rng.normal(size=s) for s in shapes]
        session = ow.Session()
        fetches = outputs[-3:] + outputs[:1]
        reference = Step(Spec(fetches, feeds, []), session, flags.parse("reference")).run(list(values))
        for passes in ("", "-fuse", "-rows", "-views", "-inplace", "-reuse", "-parallel", "-rewrite,-merge"):
            found = Step(Spec(fetches, feeds, []), session, flags.parse(passes)).run(list(values))
            for got, want in zip(found, reference, strict=True):
                np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12, err_msg=passes)


def test_plans_are_cached_per_shape_and_built_quickly(graph, session):
    x = ow.placeholder("float32", [None])
    y = ow.reduce_sum(ow.exp(x))
    for n in (3, 5, 3, 5):
        session.run(y, {x: np.zeros(n)})
    (lane,) = session.lanes.free
    (cached,) = lane.executables.values()
    assert len(cached) == 2


def test_values_that_shapes_depend_on_make_their_own_plans(graph, session):
    n = ow.placeholder("int32", [])
    y = ow.zeros(ow.stack([n, 2])) + 1.0
    for size in (1, 3, 1, 0):
        assert session.run(y, {n: size}).shape == (size, 2)


def test_more_dimensions_than_the_runtime_has_are_refused(graph, session):
    x = ow.placeholder("float32", [1] * 12)
    assert session.run(x + 1.0, {x: np.zeros([1] * 12)}).shape == (1,) * 12
    too_many = ow.placeholder("float32", [1] * 13)
    with pytest.raises(ValueError, match="at most 12 dimensions"):
        session.run(too_many + 1.0, {too_many: np.zeros([1] * 13)})


def test_no_value_of_an_epilogue_is_written_over_what_it_starts_from(graph, session):
    # The register of a * b is free when the last sum gets one; the last sum's is the memory of the row sums.
    x, a, b = (ow.placeholder("float32", s) for s in ([4, 3], [4], [4]))
    product = a * b
    y = (product + product) + ow.reduce_sum(x, axis=1)
    at = [np.arange(n, dtype=np.float32).reshape(s) for n, s in ((12, (4, 3)), (4, (4,)), (4, (4,)))]
    (node,) = nodes_of(laid_out(session, [y], [x, a, b], [v.shape for v in at]))
    assert node.post is not None
    want = 2 * at[1] * at[2] + at[0].sum(axis=1)
    np.testing.assert_array_equal(session.run(y, dict(zip([x, a, b], at, strict=True))), want)


def test_an_op_written_in_others_keeps_its_own_rules(session):
    paired = ow.OpDef("paired_sum(x: T['n'], y: T['n']) -> (z: T['n'])", T=("float32",))
    paired.ref(lambda x, y: x + y)
    x, y = ow.placeholder("float32", [None]), ow.placeholder("float32", [None])
    z = paired(x, y)
    np.testing.assert_array_equal(session.run(z, {x: [1, 2], y: [3, 4]}), [4, 6])
    with pytest.raises(ValueError, match=r"\[paired_sum\] y must have n = 2 elements, got shape \(1,\)"):
        session.run(z, {x: [1, 2], y: [3]})  # add would broadcast


def test_clusters_that_need_each_other_stay_apart(graph, session):
    x, y = ow.placeholder("float64", [5]), ow.placeholder("float64", [5])
    r1, s1 = ow.exp(x), ow.sin(y)
    r2 = r1 + ow.cumsum(s1)  # needs all of s1, and s2 all of r1: only one of the pairs can be a cluster
    s2 = s1 + ow.cumsum(r1)
    laid = laid_out(session, [r2, s2], [x, y], [(5,), (5,)])
    assert len(nodes_of(laid)) == 5
    at = np.arange(5.0)
    found = session.run([r2, s2], {x: at, y: at})
    np.testing.assert_allclose(found[0], np.exp(at) + np.sin(at).cumsum())
    np.testing.assert_allclose(found[1], np.sin(at) + np.exp(at).cumsum())


def test_a_view_of_what_a_cluster_computes_names_the_cluster(graph, session):
    x, z = ow.placeholder("float64", [2, 2]), ow.placeholder("float64", [3, 4])
    seen = ow.reshape(ow.exp(x) + 1, [4])
    y = ow.reduce_sum(z, axis=0) * seen  # an epilogue of the sum that waits for the view
    laid_out(session, [y], [x, z], [(2, 2), (3, 4)])
    at, other = np.arange(4.0).reshape(2, 2), np.arange(12.0).reshape(3, 4)
    np.testing.assert_allclose(session.run(y, {x: at, z: other}), other.sum(0) * (np.exp(at) + 1).reshape(4))


def test_an_assigned_variable_may_be_read_once_sizes_are_known(graph, session):
    v = ow.Variable([1.0, 2.0])
    x = ow.placeholder("float32", [None])
    positive = ow.boolean_mask(x, x > 0.0)
    assigned = ow.assign(v, [3.0, 4.0])
    session.run(v.initializer)
    at = {x: [1.0, -1.0, 2.0]}
    np.testing.assert_array_equal(session.run(ow.concat([positive, assigned], 0), at), [1, 2, 3, 4])
    added = ow.assign_add(assigned, [1.0, 1.0] * ow.reduce_sum(positive))
    np.testing.assert_array_equal(session.run(added * 2.0, at), [12, 14])


def test_programs_of_one_element(graph, session):
    x, y = ow.placeholder("float32", []), ow.placeholder("float64", [1, 3])
    a = ow.exp(x)
    b = a * a - x
    c = ow.cast(b, "int32") > 3
    one = y[:, 2:] * 2.0  # a view of stride 3
    found = session.run([a, b, c, one], {x: 1.5, y: [[1, 2, 3]]})
    np.testing.assert_allclose(found[:2], [np.exp(1.5), np.exp(3.0) - 1.5], rtol=1e-6)
    assert found[2]
    assert found[3].tolist() == [[6.0]]


def test_shapes_that_follow_from_values_differ_between_operations_that_are_alike(graph, session):
    x, n = ow.placeholder("float32", [2]), ow.placeholder("int32", [1])
    tiled = [ow.tile(x, [2]), ow.tile(x, [3]), ow.tile(x, n), ow.tile(x, n + 1), x[:1] * 1.0, x[:2] * 1.0]
    found = session.run(tiled, {x: [1, 2], n: [4]})
    assert [len(f) for f in found] == [4, 6, 8, 10, 1, 2]

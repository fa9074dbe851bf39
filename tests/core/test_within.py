"""Values written where the node that puts them side by side would copy them to, and views of variables that change."""

import numpy as np
import opwright as ow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opwright.plan import flags
from opwright.plan.instantiate import Builder
from opwright.plan.ir import COPY
from opwright.plan.spec import Spec
from opwright.plan.step import Step

ROWS = 16  # float64: 128 bytes a row of one element, so that parts start on 64 bytes


def laid_out(session, fetches, passes="-keep"):
    step = Step(Spec(fetches, [], []), session, flags.parse(passes))
    builder = Builder(step.spec, [], [], session.variables, step.passes)
    program = builder.build()
    program.fetches = [builder.values[t] for t in fetches]
    return step.lay_out(program)


def joins(laid):
    return [n for s in laid.stages for n in s.nodes if n.definition is not None and n.definition.name == "concat_v2"]


def run(session, fetches, passes=""):
    return Step(Spec(fetches, [], []), session, flags.parse(passes)).run([])


@pytest.fixture
def v(session):
    made = ow.Variable(np.arange(2.0 * ROWS).reshape(ROWS, 2), dtype="float64")
    session.run(made.initializer)
    return made


def test_producers_write_into_a_concat(session, v):
    parts = [ow.matmul(v, [[1.0, 2], [3, 4]]), ow.exp(v * 0.1), v * 2.0]
    y = ow.cumsum(ow.concat(parts, 0))
    (node,) = joins(laid_out(session, [y]))
    assert {value.storage for value in node.inputs} == {node.outputs[0].storage}
    assert [value.layout.offset for value in node.inputs] == [0, 2 * ROWS, 4 * ROWS]
    assert node.prepared.n_chunks == 1
    (apart,) = joins(laid_out(session, [y], "-inplace,-keep"))
    assert len({value.storage for value in [*apart.inputs, *apart.outputs]}) == 4
    at = np.arange(2.0 * ROWS).reshape(ROWS, 2)
    want = np.concatenate([at @ [[1.0, 2], [3, 4]], np.exp(at * 0.1), at * 2]).cumsum(0)
    np.testing.assert_allclose(session.run(y), want, rtol=1e-14)


def test_what_must_stay_apart_is_copied(session, v):
    twice = ow.exp(v * 0.1)
    columns = ow.concat([twice, v * 3.0], 1)  # their rows do not lie in one piece
    y = ow.concat([twice, twice, columns[:, :2], v], 0)  # a value twice, a view, a variable
    (inner, outer) = joins(laid_out(session, [ow.cumsum(y)]))
    assert not any(value.storage is inner.outputs[0].storage for value in inner.inputs)
    assert [value.storage is outer.outputs[0].storage for value in outer.inputs] == [True, True, False, False]
    at = np.arange(2.0 * ROWS).reshape(ROWS, 2)
    e = np.exp(at * 0.1)
    np.testing.assert_allclose(session.run(ow.cumsum(y)), np.concatenate([e, e, e, at]).cumsum(0), rtol=1e-14)


@st.composite
def programs(draw):
    """Steps on a list of matrices of two columns: (what, which values)."""
    kinds = st.sampled_from(["exp", "add", "concat", "stack", "split", "cumsum", "matmul"])
    return draw(
        st.lists(st.tuples(kinds, st.lists(st.integers(0, 40), min_size=1, max_size=3)), min_size=2, max_size=14)
    )


def build(steps, start):
    values = [start * 1.5]
    for kind, which in steps:
        picked = [values[i % len(values)] for i in which]
        x = picked[0]
        if kind == "exp":
            values.append(ow.sin(x))
        elif kind == "add":
            values.append(x + ow.reduce_mean(picked[-1]))
        elif kind == "concat" and sum(p.shape[0] for p in picked) <= 1024:
            values.append(ow.concat(picked, 0))
        elif kind == "stack" and x.shape[0] <= 512:
            values.append(ow.reshape(ow.stack([x, x * 2.0]), [-1, 2]))
        elif kind == "split" and x.shape[0] % 2 == 0:
            values += ow.split(x, 2)
        elif kind == "cumsum":
            values.append(ow.cumsum(x) * 0.01)
        elif kind == "matmul":
            values.append(ow.matmul(x, [[0.3, -0.2], [0.1, 0.4]]))
    return values


@settings(max_examples=60, deadline=None)
@given(programs())
def test_plans_that_write_within_agree_with_the_reference_plan(steps):
    with ow.Graph().as_default(), ow.Session() as session:
        start = ow.Variable(np.linspace(-1, 1, 2 * ROWS).reshape(ROWS, 2), dtype="float64")
        session.run(start.initializer)
        values = build(steps, start)
        fetches = [ow.reduce_sum(ow.cumsum(v)) for v in values[-3:]] + values[-1:]
        want = run(session, fetches, "reference")
        for passes in ("", "-fuse", "-parallel", "-inplace", "-reuse"):
            for got, expected in zip(run(session, fetches, passes), want, strict=True):
                np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12, err_msg=passes)


def test_views_of_a_variable_are_copied_only_if_it_changes_while_they_are_read(session, v):
    start = np.arange(2.0 * ROWS).reshape(ROWS, 2)
    before = ow.cumsum(v[1:])
    with ow.control_dependencies([before.op]):
        written = ow.assign(v, v * 0.0 - 1.0)
    laid = laid_out(session, [before, written])
    names = [n.name for s in laid.stages for n in s.nodes if n.work == COPY]
    assert not any("strided" in name for name in names), names
    found = session.run([before, written])
    np.testing.assert_array_equal(found[0], start[1:].cumsum(0))
    np.testing.assert_array_equal(found[1], np.full((ROWS, 2), -1.0))


def test_a_view_outlives_the_value_it_was_taken_of(session, v):
    start = np.arange(2.0 * ROWS).reshape(ROWS, 2)
    seen = v[1:]
    with ow.control_dependencies([seen.op]):
        written = ow.assign(v, ow.zeros([ROWS, 2], "float64"))
    with ow.control_dependencies([written.op]):
        after = ow.identity(seen) * 1.0
        again = v[1:] * 1.0
    found = session.run([after, again])
    np.testing.assert_array_equal(found[0], start[1:])
    np.testing.assert_array_equal(found[1], np.zeros((ROWS - 1, 2)))


def test_equal_reads_of_a_variable_are_merged_unless_it_is_written_between(session, v):
    start = np.arange(2.0 * ROWS).reshape(ROWS, 2)
    a, b = ow.cumsum(v), ow.cumsum(v)
    with ow.control_dependencies([a.op, b.op]):
        written = ow.assign_add(v, ow.ones([ROWS, 2], "float64"))
    with ow.control_dependencies([written.op]):
        c = ow.cumsum(v)
    laid = laid_out(session, [a + b, c])
    sums = [n for s in laid.stages for n in s.nodes if n.definition is not None and n.definition.name == "cumsum"]
    assert len(sums) == 2
    found = session.run([a + b, c])
    np.testing.assert_array_equal(found[0], 2 * start.cumsum(0))
    np.testing.assert_array_equal(found[1], (start + 1).cumsum(0))


def test_a_rewrite_reads_no_variable_later_than_the_nodes_it_replaces(session, v):
    start = np.arange(2.0 * ROWS).reshape(ROWS, 2)
    ones = ow.ones([ROWS, 3], "float64")
    turned = ow.transpose(v)
    products = [ow.matmul(v, ones * k, transpose_a=True) for k in (1.0, 2.0)]
    whole = ow.matmul(v, ow.ones([2, 4], "float64"))
    with ow.control_dependencies([turned.op, whole.op, *(p.op for p in products)]):
        written = ow.assign(v, v * 0.0)
    with ow.control_dependencies([written.op]):
        fetches = [ow.matmul(turned, ones), ow.add_n(products) * 1.0, ow.split(whole, 2)[1] * 1.0]
    want = [start.T @ np.ones((ROWS, 3)), 3 * start.T @ np.ones((ROWS, 3)), (start @ np.ones((2, 4)))[ROWS // 2 :]]
    for found, expected in zip(session.run(fetches), want, strict=True):
        np.testing.assert_allclose(found, expected)

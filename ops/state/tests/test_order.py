"""The order of reads and writes in a step: reads that do not depend on a write come before it."""

import numpy as np
import opwright as ow
import pytest


@pytest.fixture(params=["", "reference", "-fuse,-inplace", "-parallel"])
def _plans(request, monkeypatch):
    monkeypatch.setenv("OPWRIGHT_PLAN", request.param)


pytestmark = pytest.mark.usefixtures("_plans")


def variable(session, value):
    v = ow.Variable(np.asarray(value, np.float32))
    session.run(v.initializer)
    return v


def test_reads_come_before_a_write_whatever_was_built_first(session):
    v = variable(session, [1.0, 2.0])
    write = v.assign([5.0, 6.0])
    read, double = v.read_value(), v * 2.0
    for _ in range(2):
        v.load([1.0, 2.0])
        old, twice, new = session.run([read, double, write])
        assert (old.tolist(), twice.tolist(), new.tolist()) == ([1, 2], [2, 4], [5, 6])
        assert session.run(v).tolist() == [5, 6]


def test_a_fetched_variable_is_read_before_it_is_written(session):
    v = variable(session, [1.0])
    add = v.assign_add([1.0])
    assert [x.tolist() for x in session.run([v, add])] == [[1.0], [2.0]]
    assert [x.tolist() for x in session.run([add, v])] == [[3.0], [2.0]]


def test_what_is_made_of_a_write_sees_it(session):
    v = variable(session, [1.0])
    added = v.assign_add([1.0])
    assert [x.tolist() for x in session.run([added * 10.0, v * 10.0])] == [[20.0], [10.0]]


def test_reads_under_a_control_dependency_come_after_it(session, graph):
    v = variable(session, [1.0, 2.0])
    write = v.assign([3.0, 4.0])
    with graph.control_dependencies([write]):
        after = v.read_value()
        triple = v * 3.0
    before = v.read_value()
    found = session.run([before, after, triple])
    assert [x.tolist() for x in found] == [[1, 2], [3, 4], [9, 12]]


def test_two_variables_swap(session, graph):
    a, b = variable(session, [1.0, 2.0]), variable(session, [3.0, 4.0])
    old_a, old_b = ow.identity(a), ow.identity(b)
    with graph.control_dependencies([old_a, old_b]):
        swap = ow.group(a.assign(old_b), b.assign(old_a))
    session.run(swap)
    assert [x.tolist() for x in session.run([a, b])] == [[3, 4], [1, 2]]
    # The same without a word about order: both reads come first.
    session.run([a.assign(b.read_value()), b.assign(a.read_value())])
    assert [x.tolist() for x in session.run([a, b])] == [[1, 2], [3, 4]]


def test_writes_in_a_chain_run_in_its_order(session, graph):
    v = variable(session, 1.0)
    first = v.assign_add(1.0)
    with graph.control_dependencies([first]):
        second = v.assign(v * 10.0)
    with graph.control_dependencies([second]):
        third = v.assign_sub(3.0)
    assert session.run(third) == 17.0
    assert ow.assign_add(ow.assign(v, 2.0), 5.0).eval() == 7.0


def test_views_of_a_variable_are_taken_before_it_changes(session):
    v = variable(session, [[1.0, 2.0], [3.0, 4.0]])
    turned, flat = ow.transpose(v), ow.reshape(v, [4])
    write = v.assign(ow.zeros([2, 2]))
    found = session.run([turned, flat, write])
    assert [x.tolist() for x in found] == [[[1, 3], [2, 4]], [1, 2, 3, 4], [[0, 0], [0, 0]]]
    v.load([[1.0, 2.0], [3.0, 4.0]])
    assert session.run(v.assign(ow.transpose(v))).tolist() == [[1, 3], [2, 4]]


def test_tuple_and_group(session):
    v = variable(session, 1.0)
    a, b = v.assign_add(1.0), ow.constant(3.0)
    gated, none, other = ow.tuple([b, None, a])
    assert none is None
    assert session.run(gated) == 3.0
    assert session.run(v) == 2.0
    assert session.run(other) == 3.0
    assert session.run(ow.group(a, [b, {"x": a}], None)) is None
    assert session.run(v) == 4.0
    with pytest.raises(TypeError, match=r"\[group\] inputs must be operations or tensors of the graph, got 3"):
        ow.group(a, 3)

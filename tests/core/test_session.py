"""Sessions: feeds, fetches, variables, order, errors, threads."""

import collections
import threading
import time

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ArgumentError, FailedPreconditionError, GraphError, InvalidArgumentError


def test_fetches_of_every_structure(graph, session):
    a = ow.placeholder("float32", [], name="a")
    b = a * 2.0
    pair = collections.namedtuple("pair", "x y")
    found = session.run({"list": [a, b], "tuple": (b,), "named": pair(a, b), "op": b.op, "again": a}, {a: 3.0})
    assert found == {"list": [3, 6], "tuple": (6,), "named": pair(3, 6), "op": None, "again": 3}
    assert session.run("a:0", {"a:0": 1}) == 1
    assert session.run(b.op, {a: 1}) is None
    assert session.run([], {a: 1}) == []
    assert type(session.run(b, {a: 1.5})) is np.float32


def test_any_tensor_can_be_fed(graph, session):
    x = ow.placeholder("float32", [2])
    y = x + 1.0
    z = y * 2.0
    np.testing.assert_array_equal(session.run(z, {y: [5, 6]}), [10, 12])
    np.testing.assert_array_equal(session.run([y, z], {y: [5, 6]})[0], [5, 6])
    c = ow.constant([1.0, 2.0])
    np.testing.assert_array_equal(session.run(c + 1.0, {c: [10, 20]}), [11, 21])


def test_feeds_are_converted_but_not_truncated(graph, session):
    x = ow.placeholder("float32", [None], name="x")
    n = ow.placeholder("int32", [], name="n")
    np.testing.assert_array_equal(session.run(x * 1.0, {x: [1, 2]}), [1, 2])
    np.testing.assert_array_equal(session.run(x * 1.0, {x: np.arange(3.0)}), [0, 1, 2])
    np.testing.assert_array_equal(session.run(x * 1.0, {x: np.arange(6, dtype=np.float32)[::2]}), [0, 2, 4])
    assert session.run(n + 1, {n: np.int64(4)}) == 5
    with pytest.raises(ArgumentError, match=r"int32 cannot hold float64 values, got 1.5"):
        session.run(n + 1, {n: 1.5})
    with pytest.raises(ArgumentError, match="int32 cannot hold int64 values"):
        session.run(n + 1, {n: 2**40})
    assert session.run(n + 1, {n: 1}) == 2


def test_large_feeds_and_fetches_are_not_shared(graph, session):
    x = ow.placeholder("float32", [None])
    y = x + 1.0
    value = np.zeros(100_000, np.float32)
    first = session.run(y, {x: value})
    second = session.run(y, {x: value + 1})
    assert first[0] == 1
    assert second[0] == 2
    first[:] = 7
    assert session.run(y, {x: value})[0] == 1
    fed = session.run(x, {x: value})
    fed[:] = 9
    assert value[0] == 0


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (1,), (3, 0, 2)])
def test_small_and_empty_shapes(graph, session, shape):
    x = ow.placeholder("float32", None)
    np.testing.assert_array_equal(session.run(x * 2.0, {x: np.ones(shape)}), 2 * np.ones(shape))


def test_wrong_feeds_and_fetches_say_what_to_do(graph, session):
    x = ow.placeholder("float32", [2, None], name="x")
    y = x + 1.0
    with pytest.raises(InvalidArgumentError, match=r"x must be fed a value of dtype float32 and shape \(2, \?\)"):
        session.run(y)
    with pytest.raises(InvalidArgumentError, match=r"x:0 must be fed a value of shape \(2, \?\), got shape \(3, 1\)"):
        session.run(y, {x: np.ones((3, 1))})
    with pytest.raises(ArgumentError, match="x:0: float32 cannot hold string values, got 'abc'"):
        session.run(y, {x: "abc"})
    with pytest.raises(ArgumentError, match="rows must have equal lengths"):
        session.run(y, {x: [[1], [1, 2]]})
    with pytest.raises(ArgumentError, match="must be fed a value, got <Tensor"):
        session.run(y, {x: y})
    with pytest.raises(GraphError, match="is needed, got 3"):
        session.run(3)
    with pytest.raises(GraphError, match="got None"):
        session.run([y, None])
    with ow.Graph().as_default():
        other = ow.placeholder("float32", [])
    with pytest.raises(GraphError, match="must belong to this graph"):
        session.run(other)
    with pytest.raises(GraphError, match="must belong to this graph"):
        session.run(y, {other: 1})
    np.testing.assert_array_equal(session.run(y, {x: np.ones((2, 1))}), [[2], [2]])


def test_a_variable_keeps_its_value_per_session(graph):
    v = ow.Variable(1.0, name="v")
    more = v.assign_add(2.0)
    one, two = ow.Session(), ow.Session()
    for s in (one, two):
        s.run(v.initializer)
    assert one.run(more) == 3
    assert one.run(more) == 5
    assert (one.run(v), two.run(v)) == (5, 1)


def test_a_variable_must_be_initialised_before_it_is_read(graph, session):
    v = ow.Variable([1.0, 2.0], name="weights")
    with pytest.raises(FailedPreconditionError, match=r"variable 'weights' must be initialised before it is read"):
        session.run(v * 2.0)
    with pytest.raises(FailedPreconditionError, match=r"built at File .*test_session.py"):
        session.run(v)
    assert not session.run(v.is_initialized())
    session.run(v.initializer)
    assert session.run(v.is_initialized())
    np.testing.assert_array_equal(session.run(v * 2.0), [2, 4])
    with pytest.raises(GraphError, match="got a variable; assign to it"):
        session.run(v * 2.0, {v: [1, 1]})


def test_reads_that_do_not_depend_on_a_write_come_before_it(graph, session):
    v = ow.Variable(1.0)
    write = v.assign(10.0)
    read = v + 0.5
    after = write + 0.5
    with graph.control_dependencies([write]):
        controlled = v + 0.25
    session.run(v.initializer)
    for fetches in ([read, write, after, controlled, v], [write, controlled, after, v, read]):
        session.run(v.initializer)
        found = dict(zip(fetches, session.run(fetches), strict=True))
        assert found[read] == 1.5
        assert found[v] == 1
        assert found[write] == 10
        assert found[after] == 10.5
        assert found[controlled] == 10.25


def test_a_snapshot_is_taken_where_it_stands(graph, session):
    v = ow.Variable(1.0)
    old = v.read_value()
    with graph.control_dependencies([old]):
        write = v.assign_add(1.0)
    with graph.control_dependencies([write]):
        new = v.read_value()
        both = old + 10.0 * new
    session.run(v.initializer)
    assert session.run([old, new, both]) == [1, 2, 21]
    assert session.run([old, new, both]) == [2, 3, 32]


def test_two_writers_each_with_readers_of_the_other(graph, session):
    v, w = ow.Variable(1.0), ow.Variable(2.0)
    to_v, to_w = v.assign(10.0), w.assign(20.0)
    with graph.control_dependencies([to_v]):
        w_after_v = w + 0.0
    with graph.control_dependencies([to_w]):
        v_after_w = v + 0.0
    session.run([v.initializer, w.initializer])
    found = session.run([w_after_v, v_after_w])
    assert found in ([2, 10], [20, 1])  # one of them has to give way, and nothing hangs


def test_changing_shapes_of_an_open_variable(graph, session):
    v = ow.Variable(np.zeros((2,), np.float32), validate_shape=False)
    x = ow.placeholder("float32", None)
    write, double = ow.assign(v, x, validate_shape=False), v * 2.0
    session.run(v.initializer)
    np.testing.assert_array_equal(session.run(double), [0, 0])
    session.run(write, {x: np.ones((3, 2))})
    np.testing.assert_array_equal(session.run(double), 2 * np.ones((3, 2)))
    session.run(write, {x: np.ones(1)})
    np.testing.assert_array_equal(session.run(double), [2])


def test_a_variable_may_grow_from_its_own_value(session):
    x = ow.placeholder("float32", [None])
    v = ow.Variable(np.zeros((1,), np.float32), validate_shape=False)
    double, grow = v * 2.0, ow.assign(v, ow.concat([v, x], 0), validate_shape=False)
    with pytest.raises(FailedPreconditionError, match="must be initialised before it is read"):
        session.run(grow, {x: [1]})
    session.run(v.initializer)
    assert [a.tolist() for a in session.run([grow, double, v], {x: [1, 2]})] == [[0, 1, 2], [0], [0]]
    assert session.run(grow, {x: [3]}).tolist() == [0, 1, 2, 3]
    assert session.run(double).tolist() == [0, 2, 4, 6]


def test_make_callable_takes_values_in_order(graph, session):
    a, b = ow.placeholder("float32", []), ow.placeholder("float32", [])
    call = session.make_callable([a - b, a * b], [a, b])
    assert call(5, 3) == [2, 15]
    with pytest.raises(GraphError, match="takes 2 values, got 1"):
        call(5)


def test_closed_and_default_sessions(graph):
    x = ow.constant(2.0) * 3.0
    with pytest.raises(GraphError, match="eval needs a session"):
        x.eval()
    with ow.Session() as session:
        assert x.eval() == 6
        x.op.run()
    with pytest.raises(GraphError, match="the session is closed"):
        session.run(x)
    with pytest.raises(GraphError, match="eval needs a session"):
        x.eval()


def test_eight_threads_run_one_session(graph, session):
    x = ow.placeholder("float32", [None, 8])
    y = ow.reduce_sum(ow.exp(x) * x + x)
    inputs = [np.full((n + 1, 8), n / 10, np.float32) for n in range(8)]
    wanted = [session.run(y, {x: v}) for v in inputs]
    wrong = []

    def work(n):
        for i in range(300):
            k = (n + i) % 8
            if session.run(y, {x: inputs[k]}) != wanted[k]:
                wrong.append((n, i))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert wrong == []


def test_sizes_that_depend_on_data(graph, session):
    x = ow.placeholder("float32", [None])
    v = ow.Variable(0.0)
    found = ow.boolean_mask(x, x > 0.0)
    twice = found * 2.0
    total = ow.reduce_sum(twice)
    with graph.control_dependencies([total]):
        write = v.assign_add(total)
    session.run(v.initializer)
    fed = np.array([-1, 2, 0, 3], np.float32)
    found_, twice_, total_, size = session.run([found, twice, total, ow.shape(twice)], {x: fed})
    np.testing.assert_array_equal(found_, [2, 3])
    np.testing.assert_array_equal(twice_, [4, 6])
    assert (total_, size.tolist()) == (10, [2])
    assert session.run(write, {x: fed}) == 10
    assert session.run(write, {x: -fed}) == 12
    np.testing.assert_array_equal(session.run(twice, {x: -np.ones(3)}), [])


def test_a_failed_step_leaves_the_session_usable(graph, session):
    x = ow.placeholder("int32", [None], name="rows")
    table = ow.Variable(np.arange(6, dtype=np.float32).reshape(3, 2))
    picked = ow.gather(table, x)
    session.run(table.initializer)
    with pytest.raises(IndexError, match=r"(?s)\[gather\].*7.*\[0, 3\).*built at File .*test_session"):
        session.run(picked, {x: [0, 7]})
    np.testing.assert_array_equal(session.run(picked, {x: [2, 0]}), [[4, 5], [0, 1]])


def test_nested_fetches_are_planned_once_and_keep_their_types(graph, session):
    x = ow.placeholder("float32", [2])
    y, z = ow.exp(x), x * 2.0
    First, Second = collections.namedtuple("First", "a b"), collections.namedtuple("Second", "c d")
    at = {x: [0.0, 0.0]}
    for nest in (First(y, z), Second(y, z), [(y, z)], [First(y, z)], {"y": y, "z": [z]}, [y, z]):
        for _ in range(2):
            found = session.run(nest, at)
            assert type(found) is type(nest)
            if not isinstance(nest, dict):
                assert type(found[0]) is (type(nest[0]) if isinstance(nest[0], tuple) else np.ndarray)
    (lane,) = session.lanes.free
    assert len(lane.executables) == 1


def test_a_feed_that_is_not_aligned_is_read_right(graph, session):
    x = ow.placeholder("float64", [1000])
    fed = np.zeros(8001, np.uint8)[1:].view(np.float64)
    fed[:] = np.arange(1000)
    assert not fed.flags.aligned
    np.testing.assert_array_equal(session.run(x * 2.0, {x: fed}), 2.0 * np.arange(1000))


def test_an_array_of_the_wrong_dtype_is_refused_by_name(graph, session):
    x, n = ow.placeholder("float32", [2], name="x"), ow.placeholder("int32", [2], name="n")
    y = ow.cast(n, "float32") + x
    good = {x: np.ones(2, np.float32), n: np.ones(2, np.int32)}
    for _ in range(2):  # before and after there is a plan
        with pytest.raises(TypeError, match=r"x:0: a tensor holds numbers, bools or strings, got array\(\[1.\+0.j"):
            session.run(y, {**good, x: np.ones(2, np.complex64)})
        with pytest.raises(TypeError, match=r"n:0: int32 cannot hold float64 values"):
            session.run(y, {**good, n: np.ones(2)})
        np.testing.assert_array_equal(session.run(y, good), [2, 2])


def test_a_constant_does_not_change_with_the_array_it_was_made_of(graph, session):
    array = np.ones(3, np.float32)
    x = ow.placeholder("float32", [3])
    made = [ow.constant(array), ow.convert_to_tensor(array), x * array]
    array[:] = 7
    for tensor in made:
        np.testing.assert_array_equal(session.run(tensor, {x: np.ones(3)}), np.ones(3))


def test_known_integers_wrap_around_as_computed_ones_do(graph, session):
    lowest = ow.constant([-(2**31)])
    np.testing.assert_array_equal(session.run(lowest // ow.constant([-1])), [-(2**31)])
    np.testing.assert_array_equal((ow.constant([2**31 - 1]) * 2).static_value(), [-2])


def test_threads_that_first_run_at_once_share_their_variables(graph, session, monkeypatch):
    v = ow.Variable([0.0, 0.0])
    allocate = session._allocate
    monkeypatch.setattr(session, "_allocate", lambda *a: (time.sleep(0.05), allocate(*a))[1])
    found = []
    threads = [threading.Thread(target=lambda: found.append(session.variables(v.op, None)[0][0])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(map(id, found))) == 1

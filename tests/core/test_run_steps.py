"""Session.run_steps and that of callables: many steps in one go."""

import os
import signal
import threading
import time

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ArgumentError, InvalidArgumentError, OutOfRangeError


@pytest.fixture
def counter(session):
    made = ow.Variable(0.0)
    session.run(made.initializer)
    return made


def test_steps_without_feeds(session, counter):
    up = ow.assign_add(counter, 1.0)
    assert session.run_steps(1, up) == 1
    assert session.run_steps(1000, up) == 1001
    assert session.run_steps(3, [up.op, up]) == [None, 1004]
    assert session.run_steps(3, {"v": up}, collect=True) == [{"v": 1005}, {"v": 1006}, {"v": 1007}]
    call = session.make_callable(up)
    assert call.run_steps(10) == 1017
    assert call.run_steps(2, collect=True) == [1018, 1019]


def test_steps_on_the_same_feeds(session, counter):
    x = ow.placeholder("float32", [None])
    up = ow.assign_add(counter, ow.reduce_sum(x))
    assert session.run_steps(5, up, {x: [1, 2]}) == 15
    assert session.run_steps(2, up, {x: np.ones(70_000, np.float32)}) == 15 + 140_000


def test_steps_on_an_iterator(session, counter):
    x = ow.placeholder("float32", [None])
    up = ow.assign_add(counter, ow.reduce_sum(x))
    feeds = ({x: np.full(1 + i % 2, i, np.float32)} for i in range(100))
    assert session.run_steps(4, up, feeds) == 0 + 1 * 2 + 2 + 3 * 2
    assert next(feeds)[x][0] == 4  # no more is read than there are steps
    assert session.run_steps(2, up, [{x: [1]}, {x: [2]}], collect=True) == [11, 13]
    call = session.make_callable([up, x], [x])
    found = call.run_steps(2, iter([([1.0],), ([2.0, 3.0],)]))
    assert found[0] == 19
    np.testing.assert_array_equal(found[1], [2, 3])


def test_large_results_are_those_of_the_last_step(session, counter):
    with ow.control_dependencies([ow.assign_add(counter, 1.0).op]):
        y = ow.ones([200, 200]) * counter
    first = session.run_steps(3, y)
    second = session.run_steps(2, y)
    assert first.shape == (200, 200)
    assert (first == 3).all()
    assert (second == 5).all()


def test_sizes_that_depend_on_data(session):
    x = ow.placeholder("float32", [None])
    positive = ow.boolean_mask(x, x > 0.0)
    twice = ow.concat([positive, positive], 0) * 1.0
    np.testing.assert_array_equal(session.run_steps(3, positive, {x: [1, -1, 2]}), [1, 2])
    np.testing.assert_array_equal(session.run_steps(3, twice, {x: [1, -1, 2]}), [1, 2, 1, 2])


def test_random_numbers_differ_from_step_to_step(graph):
    with ow.Session() as one, ow.Session() as other:
        drawn = ow.random.uniform([4], seed=7)
        together = one.run_steps(3, drawn)
        apart = [other.run(drawn) for _ in range(3)]
    np.testing.assert_array_equal(together, apart[-1])
    assert (apart[0] != apart[2]).any()


def test_errors(session, counter):
    x = ow.placeholder("int32", [])
    picked = ow.gather(ow.constant([1.0, 2.0]), x)
    up = ow.assign_add(counter, 1.0)
    with pytest.raises(ArgumentError, match=r"\[run_steps\] n must be at least 1, got 0"):
        session.run_steps(0, up)
    with pytest.raises(OutOfRangeError, match=r"\[run_steps\] feeds must give n = 3 elements, got 2"):
        session.run_steps(3, picked, [{x: 0}, {x: 1}])
    with pytest.raises((InvalidArgumentError, OutOfRangeError), match=r"\[gather\]"):
        session.run_steps(3, picked, {x: 5})
    with pytest.raises(ArgumentError, match="placeholder:0: "):  # as run does, with the tensor's name
        session.run_steps(3, picked, {x: "one"})
    assert session.run_steps(2, picked, {x: 1}) == 2

    def broken():
        yield from [{x: 0}] * 5
        raise RuntimeError("no more")

    before = session.run(counter)
    with ow.control_dependencies([up.op]):
        counted = picked * 1.0
    with pytest.raises(RuntimeError, match="no more"):
        session.run_steps(9, counted, broken())
    assert session.run(counter) == before + 5  # the steps before have run


def test_control_flow_in_repeated_steps(session, counter):
    up = ow.assign_add(counter, 1.0)
    with ow.control_dependencies([up.op]):
        (y,) = ow.while_loop(lambda i: i < 10.0, lambda i: i + counter, [0.0])
    assert session.run_steps(4, y) == 12


def test_ctrl_c_ends_them(session, counter, interrupts):
    up = ow.assign_add(counter, 1.0).op
    timer = threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    start = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        session.run_steps(10**11, up)
    assert time.perf_counter() - start < 5
    before = session.run(counter)
    session.run_steps(2, up)
    assert session.run(counter) == before + 2 or before == 2**24  # where float32 cannot count on


def test_feeds_are_read_while_steps_run(session):
    """The iterator's waiting time is not the steps': both take 10 ms, and together hardly more."""
    x = ow.placeholder("float32", [])
    slow = ow.py_func(lambda v: (time.sleep(0.01), v)[1], [x], "float32")

    def feeds():
        for i in range(20):
            time.sleep(0.01)
            yield {x: i}

    session.run(slow, {x: 0})
    start = time.perf_counter()
    session.run_steps(20, slow, feeds())
    together = time.perf_counter() - start
    start = time.perf_counter()
    for feed in feeds():
        session.run(slow, feed)
    assert together < 0.85 * (time.perf_counter() - start)


def test_a_small_step_is_faster_in_one_go(session, counter):
    up = ow.assign_add(counter, 1.0).op
    session.run(up)

    def loop(n):
        for _ in range(n):
            session.run(up)

    def seconds(work):
        start = time.process_time()
        work(20_000)
        return time.process_time() - start

    pairs = [(seconds(lambda n: session.run_steps(n, up)), seconds(loop)) for _ in range(3)]
    assert min(one / many for one, many in pairs) < 0.5

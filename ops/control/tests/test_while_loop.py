"""while_loop against Python's while."""

import os
import signal
import threading
import time

import numpy as np
import opwright as ow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opwright.errors import ArgumentError, GradientError, InvalidArgumentError, ShapeError


@pytest.fixture(params=["", "reference"], ids=["planned", "reference"])
def plan(request, monkeypatch):
    monkeypatch.setenv("OPWRIGHT_PLAN", request.param)


@pytest.fixture
def graph():
    with ow.Graph().as_default() as made:
        yield made


def run(fetches, feed=None):
    with ow.Session() as session:
        return session.run(fetches, feed)


# A program is a list of steps over three vectors and a counter, executed by NumPy and by a loop.
STEPS = {
    "add": lambda m, a, b, c, i: (a + b, b, c),
    "swap": lambda m, a, b, c, i: (b, a, c),
    "rotate": lambda m, a, b, c, i: (c, a, b),
    "scale": lambda m, a, b, c, i: (a * 0.5, b + 1.0, c),
    "mix": lambda m, a, b, c, i: (a, m.tanh(b - a), m.tanh(c * 0.5 + b)),
    "reset": lambda m, a, b, c, i: (a * 0.0 + 1.0, b, a),
    "sum": lambda m, a, b, c, i: (a, b, c * 0.25 + m.reshape(m.sum(a), (1,))),
}


class _Ow:
    tanh = staticmethod(lambda x: ow.tanh(x))
    sum = staticmethod(lambda x: ow.reduce_sum(x))
    reshape = staticmethod(lambda x, s: ow.reshape(x, s))


def _apply(m, steps, state, i):
    for step in steps:
        state = STEPS[step](m, *state, i)
    return state


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(sorted(STEPS)), max_size=4),
    st.lists(st.sampled_from(sorted(STEPS)), max_size=3),
    st.integers(0, 6),
    st.integers(0, 3),
    st.sampled_from(["", "reference", "-inplace", "-fuse,-views"]),
)
def test_random_programs(outer, inner, times, inner_times, passes):
    start = [np.linspace(-1, 1, 5), np.linspace(0, 2, 5), np.linspace(1, -2, 5)]
    expected = tuple(start)
    for i in range(times):
        expected = _apply(np, outer, expected, i)
        for j in range(inner_times):
            if (i + j) % 2 == 0:
                expected = _apply(np, inner, expected, j)
    os.environ["OPWRIGHT_PLAN"] = passes
    try:
        with ow.Graph().as_default():
            feeds = [ow.placeholder("float64", [5]) for _ in start]

            def body(i, *state):
                def inner_body(j, *s):
                    s = ow.cond(ow.equal((i + j) % 2, 0), lambda: list(_apply(_Ow, inner, s, j)), lambda: list(s))
                    return [j + 1, *s]

                made = ow.while_loop(lambda j, *s: j < inner_times, inner_body, [0, *_apply(_Ow, outer, state, i)])
                return [i + 1, *made[1:]]

            found = ow.while_loop(lambda i, *s: i < times, body, [0, *feeds])
            values = run(found, dict(zip(feeds, start, strict=True)))
    finally:
        del os.environ["OPWRIGHT_PLAN"]
    assert values[0] == times
    for a, b in zip(values[1:], expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def test_structures(graph, plan):
    made = ow.while_loop(
        lambda i, rest: i < 3, lambda i, rest: (i + 1, {"a": rest["a"] + 1.0, "b": [rest["b"][0] * 2]}),
        (ow.constant(0), {"a": ow.constant(0.5), "b": [ow.constant([1, 2])]}),
    )  # fmt: skip
    i, rest = run(made)
    assert (i, rest["a"]) == (3, 3.5)
    np.testing.assert_array_equal(rest["b"][0], [8, 16])


def test_no_iteration_gives_the_start(graph, plan):
    x = ow.placeholder("float32", [2])
    i, y = ow.while_loop(lambda i, y: i < 0, lambda i, y: (i + 1, y * 2), [0, x])
    assert run(i, {x: [1, 2]}) == 0
    np.testing.assert_array_equal(run(y, {x: [1, 2]}), [1, 2])


def test_maximum_iterations(graph, plan):
    x = ow.while_loop(lambda x: x > 0, lambda x: [x + 1], [ow.constant(1)], maximum_iterations=5)
    assert run(x) == [6]
    n = ow.placeholder("int32", [])
    y = ow.while_loop(lambda x: x < 100, lambda x: [x + 1], [ow.constant(1)], maximum_iterations=n)
    assert run(y, {n: 7}) == [8]
    assert run(y, {n: 700}) == [100]
    assert ow.while_loop(lambda x: x < 3, lambda x: x + 1, [1], return_same_structure=False).shape == ()


def test_in_place_work_leaves_what_goes_in_alone(graph):
    v = ow.Variable(np.arange(10000.0))
    x = ow.placeholder("float64", [10000])
    made = ow.while_loop(lambda i, a, b: i < 3, lambda i, a, b: (i + 1, a * 2, b + a), [0, x, v])
    value = np.ones(10000)
    with ow.Session() as session:
        session.run(v.initializer)
        _, a, b = session.run(made, {x: value})
        np.testing.assert_array_equal(session.run(v), np.arange(10000.0))
    np.testing.assert_array_equal(value, np.ones(10000))
    np.testing.assert_array_equal(a, value * 8)
    np.testing.assert_array_equal(b, np.arange(10000.0) + 7)


def test_variables_written_in_the_body(graph, plan):
    v, n = ow.Variable(1.0), ow.placeholder("int32", [])

    def body(i, seen):
        seen = seen + v.read_value()
        v.assign(v.read_value() * 2)
        return i + 1, seen

    made = ow.while_loop(lambda i, s: i < n, body, [0, 0.0])
    with ow.Session() as session:
        session.run(v.initializer)
        assert session.run(made, {n: 4}) == [4, 15]
        assert session.run(v) == 16


def test_random_streams_advance_with_the_iterations(graph):
    made = ow.while_loop(
        lambda i, a, b: i < 2,
        lambda i, a, b: (i + 1, b, ow.random_uniform([3], seed=1)),
        [0, ow.zeros([3]), ow.zeros([3])],
    )
    with ow.Session() as session:
        _, first, second = session.run(made)
        assert not np.array_equal(first, second)
        assert not np.array_equal(first, session.run(made)[1])


def test_shapes_fed_late(graph, plan):
    x = ow.placeholder("float32", [None, 2])
    made = ow.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, a + ow.cast(ow.shape(x)[0], "float32")), [0, x])
    for rows in (1, 5):
        np.testing.assert_array_equal(run(made[1], {x: np.zeros((rows, 2))}), np.full((rows, 2), 3 * rows, "f"))


def test_heavy_bodies_use_all_workers(graph):
    a = np.random.default_rng(0).normal(size=(256, 256)).astype("f") / 16
    x = ow.placeholder("float32", [256, 256])
    made = ow.while_loop(lambda i, m: i < 6, lambda i, m: (i + 1, ow.tanh(ow.matmul(m, x)) + m), [0, x])
    expected = a
    for _ in range(6):
        expected = np.tanh(expected @ a) + expected
    np.testing.assert_allclose(run(made[1], {x: a}), expected, rtol=1e-3, atol=1e-4)


def test_eight_threads(graph):
    x = ow.placeholder("int32", [])
    made = ow.while_loop(
        lambda i, s: i < 2000, lambda i, s: (i + 1, ow.cond(i % 2 < 1, lambda: s + x, lambda: s)), [0, 0]
    )
    found = {}
    with ow.Session() as session:

        def work(k):
            found[k] = [int(session.run(made[1], {x: k})) for _ in range(5)]

        threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    assert found == {k: [1000 * k] * 5 for k in range(8)}


def test_ctrl_c_ends_an_endless_loop(graph, interrupts):
    made = ow.while_loop(
        lambda i, j: i >= 0,
        lambda i, j: (ow.maximum(i + 1, 0), ow.while_loop(lambda j: j < 100, lambda j: [j + 1], [ow.constant(0)])[0]),
        [0, 0],
    )
    with ow.Session() as session:
        sent = []

        def send():
            sent.append(time.perf_counter())
            os.kill(os.getpid(), signal.SIGINT)

        timer = threading.Timer(0.3, send)
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            session.run(made)
        assert time.perf_counter() - sent[0] < 1  # 0.1 s on a machine that does nothing else
        short = ow.while_loop(lambda i: i < 5, lambda i: [i + 1], [ow.constant(0)])
        assert session.run(short) == [5]


def test_a_loop_left_in_the_middle_starts_anew(graph, interrupts):
    stop = ow.placeholder("int32", [])
    made = ow.while_loop(lambda i: i < stop, lambda i: [i + 1], [ow.constant(0)])
    with ow.Session() as session:
        timer = threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            session.run(made, {stop: 2**31 - 1})
        assert session.run(made, {stop: 10}) == [10]


def test_an_error_inside_names_the_operation(graph):
    table = ow.constant([1.0, 2.0, 3.0])
    made = ow.while_loop(lambda i, s: i < 10, lambda i, s: (i + 1, s + ow.gather(table, i, name="pick")), [0, 0.0])
    with ow.Session() as session:
        for _ in range(2):
            with pytest.raises(ow.OpwrightError, match=r"(?s)\[gather\].*in pick .*test_while_loop.py"):
                session.run(made)


@pytest.mark.parametrize(
    ("build", "kind", "text"),
    [
        (lambda: ow.while_loop(lambda i: i < 3, lambda i: [ow.cast(i, "float32")], [ow.constant(0)]), ArgumentError,
         r"\[while_loop\] a loop variable must keep its dtype, int32 for number 0, got float32 from body; cast it there"),
        (lambda: ow.while_loop(lambda x: True, lambda x: [ow.concat([x, x], 0)], [ow.zeros([2])]), ShapeError,
         r"must keep its shape, \(2,\) for number 0, got \(4,\) from body; give shape_invariants"),
        (lambda: ow.while_loop(lambda i: i < 3, lambda i: [i, i], [ow.constant(0)]), ArgumentError,
         r"body must return the structure of loop_vars"),
        (lambda: ow.while_loop(lambda i: i, lambda i: [i], [ow.constant(0)]), ArgumentError,
         r"cond's result must be a scalar of dtype bool, got dtype int32 and shape \(\)"),
        (lambda: ow.while_loop(lambda i: True, lambda i: [i], []), ArgumentError, r"loop_vars must be a list of at least one"),
        (lambda: ow.while_loop(1, lambda i: [i], [1]), ArgumentError, r"cond and body must be functions, got 1"),
        (lambda: ow.while_loop(lambda x: True, lambda x: [x], [ow.zeros([2])], [[3]]), ShapeError,
         r"must fit its shape invariant \(3,\), got \(2,\)"),
    ],
)  # fmt: skip
def test_errors(graph, build, kind, text):
    with pytest.raises(kind, match=text):
        build()


def test_sizes_that_depend_on_data_are_refused(graph):
    x = ow.placeholder("float32", [4])
    made = ow.while_loop(
        lambda i, s: i < 2, lambda i, s: (i + 1, s + ow.reduce_sum(ow.boolean_mask(x, x > s))), [0, 0.0]
    )
    with pytest.raises(InvalidArgumentError, match="sizes inside a branch or loop must follow from the shapes"):
        run(made, {x: [1, 2, 3, 4]})


def test_a_shape_that_changes_is_refused(graph):
    x = ow.placeholder("float32", [None])
    made = ow.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, ow.concat([x, x], 0)), [0, x], [[], [None]])
    with pytest.raises(
        InvalidArgumentError, match=r"must keep its shape while the loop runs, got \(2,\) before and \(4,\) after"
    ):
        run(made, {x: [1, 2]})


def test_eagerly_it_is_pythons_loop():
    i, x = ow.while_loop(lambda i, x: i < 4, lambda i, x: (i + 1, x * 2), [0, ow.constant(1.5)])
    assert (int(i), float(x)) == (4, 24)


def grown(n, step=1):
    """n rows, each the sum of those before and of a captured one."""
    row = ow.identity(ow.ones([step, 2]))

    def body(i, x):
        return i + 1, ow.concat([x, row + ow.reduce_sum(x)], 0)

    invariants = [ow.TensorShape([]), ow.TensorShape([None, 2])]
    return ow.while_loop(lambda i, x: i < n, body, [0, ow.zeros([0, 2])], shape_invariants=invariants)


def test_loops_whose_variables_grow(graph):
    n = ow.placeholder("int32", [])
    count, rows = grown(n)
    assert rows.shape.as_list() == [None, 2]
    with ow.Session(graph=graph) as session:
        for size in (0, 1, 3):
            found = session.run([count, rows, ow.shape(rows)], {n: size})
            assert found[0] == size
            assert found[1].tolist() == [[1.0, 1.0], [3.0, 3.0], [9.0, 9.0]][:size]
            assert found[2].tolist() == [size, 2]
    limited = ow.while_loop(
        lambda x: True, lambda x: x[1:], [ow.ones([9])], shape_invariants=[ow.TensorShape([None])], maximum_iterations=4
    )
    with ow.Session(graph=graph) as session:
        assert session.run(limited)[0].shape == (5,)


def test_growing_loops_in_functions():
    f = ow.function(lambda n: ow.reduce_sum(grown(n)[1]) * 2.0)
    assert [float(f(ow.constant(n))) for n in (0, 2, 3)] == [0.0, 16.0, 52.0]


def test_what_growing_loops_refuse(graph):
    w = ow.Variable(1.0)
    for body, error, text in (
        (
            lambda x: ow.concat([x, [w * 1.0]], 0),
            ArgumentError,
            "must use no Variable, got one; read it before the loop",
        ),
        (lambda x: ow.concat([x, x], 0)[:, None], ShapeError, "a loop variable must keep its shape"),
    ):
        with pytest.raises(error, match=text):
            ow.while_loop(lambda x: ow.size(x) < 9, body, [ow.ones([1])], shape_invariants=[ow.TensorShape([None])])
    x = ow.placeholder("float32", [])
    y = ow.while_loop(
        lambda y: ow.size(y) < 9,
        lambda y: ow.concat([y, y * x], 0),
        [ow.ones([1])],
        shape_invariants=[ow.TensorShape([None])],
    )[0]
    with pytest.raises(GradientError, match=r"\[py_"):
        ow.gradients(ow.reduce_sum(y), x)

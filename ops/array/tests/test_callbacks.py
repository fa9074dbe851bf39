"""py_func, numpy_function, Print, print."""

import sys
import threading

import numpy as np
import opwright as ow
import pytest

DTYPES = ("float32", "float64", "float16", "int8", "int16", "int32", "int64", "uint8", "bool")


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_goes_in_and_comes_out(session, dtype):
    x = ow.placeholder(dtype, [None, 2])
    seen = []

    def function(array):
        seen.append(array)
        return array[::-1]

    y = ow.numpy_function(function, [x], dtype)
    assert y.dtype.name == dtype
    assert y.shape.rank is None
    for n in (2, 0, 3):
        value = (np.arange(2 * n) % 3).reshape(n, 2).astype(dtype)
        np.testing.assert_array_equal(session.run(y, {x: value}), value[::-1])
        assert seen[-1].dtype == value.dtype
    np.testing.assert_array_equal(seen[0], (np.arange(4) % 3).reshape(2, 2).astype(dtype))  # its own copy


def test_bfloat16_is_seen_as_float32(session):
    x = ow.cast(ow.constant([1.5, -2.0]), "bfloat16")
    y = ow.py_func(lambda a: a * 2, [x], "bfloat16")
    assert session.run(y).tolist() == [3, -4]


def test_results_have_shapes_of_their_own(session):
    n = ow.placeholder("int32", [])
    a, b, c = ow.py_func(lambda n: (np.ones((n, 2)), 7, [n] * int(n)), [n], ["float32", "int64", "int32"])
    a.set_shape([None, 2])
    total = ow.reduce_sum(a) + ow.cast(b, "float32")
    for k in (3, 1, 3, 0):
        found = session.run([a, b, c, total], {n: k})
        assert found[0].shape == (k, 2)
        assert found[0].dtype == np.float32
        assert found[1] == 7
        assert found[2].tolist() == [k] * k
        assert found[3] == 2 * k + 7


def test_a_function_without_results_is_an_operation(session):
    seen = []
    x = ow.placeholder("float32", [])
    done = ow.py_func(lambda a, b: seen.append((float(a), int(b))), [x, 3], [])
    assert session.run(done, {x: 2.5}) is None
    assert seen == [(2.5, 3)]


def test_it_is_called_in_each_step_and_only_where_it_is_needed(session):
    calls = []
    y = ow.py_func(lambda: calls.append(1) or len(calls), [], "int64")
    other = ow.constant(1) + 1
    assert [session.run(y) for _ in range(3)] == [1, 2, 3]
    session.run(other)
    assert len(calls) == 3


def test_eager_functions_run_at_once():
    assert ow.py_func(lambda a: a + 1, [ow.constant([1, 2])], "int32").numpy().tolist() == [2, 3]
    a, b = ow.numpy_function(lambda: (1.5, True), [], ["float64", "bool"])
    assert (a.numpy(), b.numpy()) == (1.5, True)


def test_what_goes_wrong(session):
    def fails(a):
        raise ValueError("no such file")

    x = ow.placeholder("float32", [])
    with pytest.raises(ow.OpwrightError, match=r"(?s)\[py_call\] ValueError: no such file .*built at .*test_callbacks"):
        session.run(ow.py_func(fails, [x], "float32"), {x: 1})
    with pytest.raises(ow.OpwrightError, match="must return 2 values, got 1"):
        session.run(ow.py_func(lambda a: a, [x], ["float32", "float32"]), {x: 1})
    with pytest.raises(ow.OpwrightError, match="result 0 of the function must be int32, got float32"):
        session.run(ow.py_func(lambda a: a, [x], "int32"), {x: 1})
    with pytest.raises(ow.OpwrightError, match=r"\[py_result\] the op .*has no gradient"):
        ow.gradients(ow.py_func(lambda a: a, [x], "float32"), x)


def test_print_1(session, capfd):
    x = ow.placeholder("float32", [None, 2])
    y = ow.Print(x, [x, ow.constant([True, False]), 7], message="x: ")
    assert y.dtype.name == "float32"
    value = np.array([[1.5, 2], [3, 4]], np.float32)
    np.testing.assert_array_equal(session.run(y * 2, {x: value}), 2 * value)
    assert capfd.readouterr().err == "x: [[1.5 2][3...]...][1 0][7]\n"
    np.testing.assert_array_equal(session.run(ow.gradients(y * y, x)[0], {x: value}), 2 * value)


@pytest.mark.parametrize(
    ("value", "summarize", "text"),
    [
        (np.arange(5), None, "[0 1 2...]"),
        (np.arange(3), None, "[0 1 2]"),
        (5.25, None, "[5.25]"),
        (np.arange(6).reshape(2, 3), 6, "[[0 1 2][3 4 5]]"),
        (np.arange(6).reshape(2, 3), 3, "[[0 1 2]...]"),
        (np.arange(8).reshape(2, 2, 2), -1, "[[[0 1][2 3]][[4 5][6 7]]]"),
        (np.zeros(0), None, "[]"),
    ],
)
def test_print_1_in_eager_execution(capfd, value, summarize, text):
    ow.Print(ow.constant(1), [value], summarize=summarize)
    assert capfd.readouterr().err == text + "\n"


def test_print_1_so_many_times(session, capfd):
    y = ow.Print(ow.constant(1), ["a" == "a"], first_n=2)
    for _ in range(4):
        session.run(y)
    assert capfd.readouterr().err == "[1]\n[1]\n"


def test_print_2(session, capfd):
    x = ow.placeholder("float32", [None])
    shown = ow.print("x =", x, [x, 3], {"k": 1}, sep="|", end="!\n")
    session.run(shown, {x: np.arange(9)})
    assert capfd.readouterr().err == "x =|[0 1 2 ... 6 7 8]|[[0 1 2 ... 6 7 8], 3]|{'k': 1}!\n"
    session.run(ow.print(x, summarize=-1, output_stream=sys.stdout), {x: np.arange(9)})


def test_print_2_in_eager_execution(capfd):
    assert ow.print("at once", ow.constant([[1, 2], [3, 4]])) is None
    assert capfd.readouterr().err == "at once [[1 2]\n [3 4]]\n"
    ow.print(ow.constant(np.arange(9)), summarize=-1)
    assert capfd.readouterr().err == "[0 1 2 3 4 5 6 7 8]\n"


def test_a_thread_that_waits_keeps_its_results(session):
    """Others call the function many times between its call in a step and the use of what it returned."""
    blocked, go_on, slow = threading.Event(), threading.Event(), []

    def wait():
        if threading.current_thread() is slow[0]:
            blocked.set()
            go_on.wait(30)

    first = ow.py_func(threading.get_ident, [], "int64")
    with ow.control_dependencies([first.op.inputs[0].op]):
        then = ow.py_func(wait, [], [])
    with ow.control_dependencies([then]):
        last = ow.identity(first)
    found = []
    slow.append(threading.Thread(target=lambda: found.append((session.run(last), threading.get_ident()))))
    slow[0].start()
    assert blocked.wait(30)
    for _ in range(300):
        assert session.run(first) == threading.get_ident()
    go_on.set()
    slow[0].join(30)
    assert found[0][0] == found[0][1]

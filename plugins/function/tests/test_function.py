"""ow.function: traces, signatures, variables, effects, gradients; against the undecorated function."""

import logging
import os
import signal
import sys
import threading
import time

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ArgumentError, GraphError


def test_python_runs_once_for_each_kind_of_arguments():
    seen = []

    @ow.function
    def f(x, k=2.0):
        seen.append((x.dtype.name, x.shape.dims, k))
        return x * k

    assert float(f(ow.constant(3.0))) == 6
    assert float(f(ow.constant(4.0))) == 8
    assert float(f(np.float32(5), k=2.0)) == 10
    assert f(ow.constant([1, 2]), k=3).numpy().tolist() == [3, 6]
    f(ow.constant([1.0, 2.0]))
    f(ow.constant([1.0, 2.0, 3.0]))
    assert seen == [("float32", (), 2.0), ("int32", (2,), 3), ("float32", (2,), 2.0), ("float32", (3,), 2.0)]
    assert f.experimental_get_tracing_count() == 4


def test_structures_in_and_out():
    @ow.function
    def f(pair, table):
        a, b = pair
        return {"sum": a + b, "none": None, "list": [table["x"] * 2, 7]}

    made = f((ow.constant(1.0), ow.constant(2.0)), {"x": ow.constant([1.0])})
    assert float(made["sum"]) == 3
    assert made["none"] is None
    assert made["list"][0].numpy().tolist() == [2]
    assert int(made["list"][1]) == 7
    assert ow.function(lambda: None)() is None


def test_effects_happen_in_the_order_of_the_program():
    v, w = ow.Variable(1.0), ow.Variable([1.0, 2.0])

    @ow.function
    def f(x):
        a = v.read_value()
        v.assign_add(x)
        b = v * 10.0
        v.assign(v * 2.0)
        w.assign(w * v)
        return a, b, v

    assert [float(t) for t in f(ow.constant(2.0))] == [1, 30, 6]
    assert w.numpy().tolist() == [6, 12]
    assert [float(t) for t in f(ow.constant(1.0))] == [6, 70, 14]


def test_tensors_and_variables_from_outside_are_those_of_the_call():
    v, c = ow.Variable(1.0), ow.constant(10.0)
    f = ow.function(lambda x: x * v + c)
    assert float(f(ow.constant(2.0))) == 12
    v.assign(3.0)
    assert float(f(ow.constant(2.0))) == 16
    assert f.experimental_get_tracing_count() == 1


def test_print_speaks_when_traced_and_ow_print_when_run(capsys):
    @ow.function
    def f(x):
        print("traced")
        ow.print("runs with", x, output_stream=sys.stdout)
        return x

    f(ow.constant(1))
    f(ow.constant(2))
    assert capsys.readouterr().out.split("\n")[:-1] == ["traced", "runs with 1", "runs with 2"]


def test_input_signature():
    @ow.function(input_signature=[ow.TensorSpec([None, 2], "float32")])
    def f(x):
        assert x.shape.dims == (None, 2)
        return ow.reduce_sum(x, 0)

    for rows in (1, 4):
        assert f(np.ones((rows, 2))).numpy().tolist() == [rows, rows]
    assert f.experimental_get_tracing_count() == 1
    with pytest.raises(ArgumentError, match=r"\[function\] argument 0 of 'f' must have dtype float32 and shape \(\?, 2\), as its "
                       r"input_signature says, got dtype float32 and shape \(3,\)"):  # fmt: skip
        f(ow.constant([1.0, 2.0, 3.0]))
    with pytest.raises(ArgumentError, match="got dtype int32 and shape"):
        f(ow.constant([[1, 2]]))
    with pytest.raises(
        ArgumentError, match="must be called with the 1 tensors of its input_signature, got 2 arguments"
    ):
        ow.function(lambda x, y=1: x, input_signature=[ow.TensorSpec([])])(ow.constant(1.0))


def test_reduce_retracing_and_the_warning(caplog):
    f = ow.function(lambda x: ow.reduce_sum(x), reduce_retracing=True)
    with caplog.at_level(logging.WARNING, "opwright"):
        assert [float(f(ow.ones([n]))) for n in range(1, 9)] == list(range(1, 9))
    assert f.experimental_get_tracing_count() == 2
    assert caplog.text == ""
    g = ow.function(lambda x, k: x * k)
    with caplog.at_level(logging.WARNING, "opwright"):
        for k in range(5):
            g(ow.constant(1), k)
    assert "the last 5 calls of function had to trace it" in caplog.text


def test_variables_are_made_once():
    class Model:
        def __init__(self):
            self.w = None

        @ow.function
        def __call__(self, x):
            if self.w is None:
                self.w = ow.Variable(ow.ones([2]) * 3.0)
            return x * self.w

    a, b = Model(), Model()
    assert a(ow.constant([1.0, 2.0])).numpy().tolist() == [3, 6]
    a.w.assign([0.0, 1.0])
    assert a(ow.constant([1.0, 2.0])).numpy().tolist() == [0, 2]
    assert b(ow.constant([1.0, 2.0])).numpy().tolist() == [3, 6]

    @ow.function
    def always():
        return ow.Variable(1.0) * 2

    with pytest.raises(
        GraphError, match=r"a function must make its variables once, on its first call, got another one in 'always'"
    ):
        always()

    kept = []

    @ow.function
    def depends(x):
        if not kept:
            kept.append(ow.Variable(x * 2))
        return kept[0]

    with pytest.raises(GraphError, match="initial_value must not depend on the arguments of the function 'depends'"):
        depends(ow.constant(1.0))


def test_tensors_do_not_leak():
    leaked = []

    @ow.function
    def f(x):
        leaked.append(x * 2)
        return x

    f(ow.constant(1.0))
    with pytest.raises(
        GraphError, match=r"a tensor must be used inside the function that made it, got one of 'f' after"
    ):
        leaked[0] + 1.0
    with pytest.raises(
        GraphError, match=r"a tensor must be used inside the function that made it, got <Tensor .* in 'g'; return it"
    ):
        ow.function(lambda x: x + leaked[0])(ow.constant(1.0)) if False else ow.function(g_of(leaked[0]))(
            ow.constant(1.0)
        )
    with pytest.raises(TypeError, match="has no value until a session runs"):
        np.asarray(leaked[0])


def g_of(tensor):
    def g(x):
        return x + tensor

    return g


def test_functions_in_functions():
    v = ow.Variable(2.0)

    @ow.function
    def inner(x):
        v.assign_add(1.0)
        return x * v

    @ow.function
    def outer(x):
        return inner(x) + inner(x)

    assert float(outer(ow.constant(1.0))) == 7
    assert float(v) == 4


def test_concrete_functions():
    f = ow.function(lambda x, y: x @ y)
    concrete = f.get_concrete_function(ow.TensorSpec([None, 2]), ow.TensorSpec([2, 3]))
    assert concrete(ow.ones([4, 2]), ow.ones([2, 3])).shape == (4, 3)
    assert [t.shape.dims for t in concrete.inputs] == [(None, 2), (2, 3)]
    assert concrete.structured_outputs.shape.dims == (None, 3)
    with pytest.raises(
        ArgumentError, match=r"argument 1 of 'function' must have dtype float32 and shape \(2, 3\), for which"
    ):
        concrete(ow.ones([4, 2]), ow.ones([2, 2]))
    with pytest.raises(ArgumentError, match="takes 2 tensors here, got 1"):
        concrete(ow.ones([4, 2]))


def test_what_cannot_be_returned_or_traced():
    f = ow.function(lambda: object())
    with pytest.raises(GraphError, match=r"'function' must return tensors, or nests of them and of None, got <object"):
        f()
    with pytest.raises(ArgumentError, match="func must be a function, got 3"):
        ow.function(3)
    with pytest.raises(TypeError, match=r"use cond, while_loop or where"):
        ow.function(lambda x: 1 if x > 0 else 2, autograph=False)(ow.constant(1.0))
    with pytest.raises(TypeError, match=r"AutoGraph could not rewrite '<lambda>': it is not defined by def"):
        ow.function(lambda x: 1 if x > 0 else 2)(ow.constant(1.0))


def test_run_eagerly():
    seen = []
    f = ow.function(lambda x: seen.append(x) or x * 2)
    ow.config.run_functions_eagerly(True)
    try:
        assert ow.config.functions_run_eagerly()
        assert float(f(ow.constant(2.0))) == float(f(ow.constant(2.0))) == 4
    finally:
        ow.config.run_functions_eagerly(False)
    assert len(seen) == 2


# -- gradients ---------------------------------------------------------------------------------------------------------


def test_gradients_are_those_of_the_undecorated_function():
    v = ow.Variable([0.5, 1.5])

    def plain(x, y):
        h = ow.tanh(x * v) + y
        return ow.reduce_sum(h * h), ow.exp(x)

    for function in (plain, ow.function(plain)):
        x, y = ow.constant([0.3, -0.7]), ow.constant(0.2)
        with ow.GradientTape(persistent=True) as outer:
            outer.watch([x, y])
            with ow.GradientTape(persistent=True) as tape:
                tape.watch([x, y])
                a, b = function(x, y)
                c = a * ow.reduce_sum(b)
            first = tape.gradient(c, [x, y, v])
            only = tape.gradient(b, x)
            squared = sum(ow.reduce_sum(g * g) for g in first)
        second = outer.gradient(squared, [x, y, v])
        found = [g.numpy() for g in [*first, only, *second]]
        if function is plain:
            expected = found
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4)


def test_the_value_of_a_variable_is_that_of_the_forward_pass():
    v = ow.Variable(3.0)

    @ow.function
    def f(x):
        y = x * v
        v.assign(100.0)
        return y

    x = ow.constant(2.0)
    with ow.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
    assert [float(g) for g in tape.gradient(y, [x, v])] == [3, 2]
    assert float(v) == 100


def test_rows_of_a_table():
    table = ow.Variable(np.arange(12.0, dtype="f").reshape(4, 3))
    f = ow.function(lambda i: ow.reduce_sum(ow.gather(table, i) ** 2))
    with ow.GradientTape() as tape:
        y = f(ow.constant([1, 1]))
    grad = tape.gradient(y, table)
    dense = np.zeros((4, 3), "f")
    dense[1] = 4 * np.arange(3.0, 6.0)
    np.testing.assert_allclose(ow.convert_to_tensor(grad).numpy(), dense)


def test_a_tape_inside():
    @ow.function
    def f(x):
        with ow.GradientTape() as outer:
            outer.watch(x)
            with ow.GradientTape() as inner:
                inner.watch(x)
                y = x * x * x
            d = inner.gradient(y, x)
        return d, outer.gradient(d, x)

    assert [float(t) for t in f(ow.constant(2.0))] == [12, 12]


def test_gradients_through_loops_and_branches():
    @ow.function
    def power(x, n):
        y = x
        for _ in range(n):
            if y < 100.0:
                y = y * x
            else:
                y = y + x
        return y

    x = ow.constant(2.0)
    with ow.GradientTape(persistent=True) as outer:
        outer.watch(x)
        with ow.GradientTape() as tape:
            tape.watch(x)
            y = power(x, ow.constant(3))
        d = tape.gradient(y, x)
    assert (float(y), float(d), float(outer.gradient(d, x))) == (16, 32, 48)


@pytest.mark.parametrize(
    "optimizer", [lambda: ow.train.AdamOptimizer(0.1), lambda: ow.train.MomentumOptimizer(0.01, 0.9)]
)
def test_training_is_that_of_eager_execution(optimizer, rng):
    x = rng.normal(size=(32, 3)).astype("f")
    y = x @ np.array([[1.0], [2.0], [-1.0]], "f") + 0.5
    weights = []
    for decorate in (lambda f: f, ow.function):
        w, b, opt = ow.Variable(np.zeros((3, 1), "f")), ow.Variable(0.0), optimizer()

        @decorate
        def step(x, y, w=w, b=b, opt=opt):
            with ow.GradientTape() as tape:
                loss = ow.reduce_mean(ow.square(ow.matmul(x, w) + b - y))
            opt.apply_gradients(zip(tape.gradient(loss, [w, b]), [w, b], strict=True))
            return loss

        losses = [float(step(ow.constant(x), ow.constant(y))) for _ in range(20)]
        assert losses[-1] < losses[0] / 2
        weights.append(np.append(w.numpy(), b.numpy()))
    np.testing.assert_allclose(weights[0], weights[1], rtol=1e-4, atol=1e-6)


def test_under_vmap_and_jvp():
    f = ow.function(lambda x: x * x * x)
    assert ow.vectorized_map(f, ow.constant([[1.0, 2.0], [3.0, 4.0]])).numpy().tolist() == [[1, 8], [27, 64]]
    assert [t.numpy().tolist() for t in ow.jvp(f, [ow.constant(2.0)], [ow.constant(1.0)])] == [8, 12]


# -- running -----------------------------------------------------------------------------------------------------------


def test_eight_threads():
    v = ow.Variable(2.0)

    @ow.function
    def f(x, n):
        y = x
        for _ in range(n):
            y = y + v
        return y

    found = {}

    def work(k):
        found[k] = [float(f(ow.constant(float(k)), ow.constant(50))) for _ in range(20)]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert found == {k: [k + 100.0] * 20 for k in range(8)}
    assert f.experimental_get_tracing_count() == 1


def test_ctrl_c(interrupts):
    @ow.function
    def forever(x):
        while x >= 0:
            x = ow.maximum(x + 1, 0)
        return x

    sent = []

    def send():
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    threading.Timer(0.5, send).start()
    with pytest.raises(KeyboardInterrupt):
        forever(ow.constant(1))
    assert time.perf_counter() - sent[0] < 1  # 0.1 s on a machine that does nothing else


def test_the_function_is_faster_than_eager_execution():
    def body(x):
        for _ in range(20):
            x = ow.tanh(x * 1.1 + 0.1)
        return x

    f, x = ow.function(body), ow.ones([16])
    np.testing.assert_allclose(f(x).numpy(), body(x).numpy(), rtol=1e-6)

    def best(call):
        times = []
        for _ in range(30):
            start = time.perf_counter()
            call(x)
            times.append(time.perf_counter() - start)
        return min(times)

    assert best(f) < best(body) / 2

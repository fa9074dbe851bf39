"""Programs of TensorFlow 2's guides, verbatim but for the import: eager tensors, tapes, functions, what they print."""

import importlib.util
from pathlib import Path

import numpy as np
import opwright as tf
import pytest


def test_the_gradient_of_a_variable(capsys):
    w = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        loss = tf.sqrt(tf.exp(w) + 1)
    print(tape.gradient(loss, w))
    assert capsys.readouterr().out.startswith("ow.Tensor(1.2755646")


def test_a_persistent_tape(capsys):
    x = tf.constant(3.0)
    with tf.GradientTape(persistent=True) as t:
        t.watch(x)
        y = x * x
        z = y * y
    dz_dx = t.gradient(z, x)
    dy_dx = t.gradient(y, x)
    del t
    print(dz_dx.numpy(), dy_dx.numpy())
    assert capsys.readouterr().out == "108.0 6.0\n"

    with tf.GradientTape(persistent=True) as t:
        t.watch(x)
        z = x * x * x * x
    assert [float(t.gradient(z, x)) for _ in range(2)] == [108.0, 108.0]


def test_a_watched_tensor():
    x = tf.ones((2, 2))
    with tf.GradientTape() as t:
        t.watch(x)
        y = tf.reduce_sum(x)
        z = tf.multiply(y, y)
    dz_dx = t.gradient(z, x)
    for i in [0, 1]:
        for j in [0, 1]:
            assert dz_dx[i][j].numpy() == 8.0


def test_second_derivatives():
    x = tf.Variable(1.0)
    with tf.GradientTape() as t:
        with tf.GradientTape() as t2:
            y = x * x * x
        dy_dx = t2.gradient(y, x)
    d2y_dx2 = t.gradient(dy_dx, x)
    assert (dy_dx.numpy(), d2y_dx2.numpy()) == (3.0, 6.0)


def test_variables_print_as_in_tensorflow(capsys):
    v = tf.Variable(1.0)
    print(v)
    v.assign(2.0)
    print(v)
    v.assign_add(0.5)
    print(v)
    print(tf.Variable([[1, 2], [3, 4]], name="m"))
    assert capsys.readouterr().out.splitlines() == [
        "<ow.Variable 'Variable:0' shape=() dtype=float32, numpy=1.0>",
        "<ow.Variable 'Variable:0' shape=() dtype=float32, numpy=2.0>",
        "<ow.Variable 'Variable:0' shape=() dtype=float32, numpy=2.5>",
        "<ow.Variable 'm:0' shape=(2, 2) dtype=int32, numpy=",
        "array([[1, 2],",
        "       [3, 4]], dtype=int32)>",
    ]


def test_a_decorated_function_is_the_undecorated_one():
    def add(a, b):
        return a + b

    decorated = tf.function(add)
    assert (
        decorated(tf.ones([2, 2]), tf.ones([2, 2])).numpy().tolist()
        == add(tf.ones([2, 2]), tf.ones([2, 2])).numpy().tolist()
    )

    v = tf.Variable(1.0)
    with tf.GradientTape() as tape:
        result = decorated(v, 1.0)
    assert tape.gradient(result, v).numpy() == 1.0


def test_control_flow_of_python(capsys):
    @tf.function
    def fizzbuzz(n):
        count = tf.constant(0)
        for num in tf.range(1, n + 1):
            if num % 15 == 0:
                count += 1000
            elif num % 5 == 0:
                count += 10
            elif num % 3 == 0:
                count += 1
        return count

    assert int(fizzbuzz(tf.constant(30))) == 2000 + 40 + 8


def test_a_line_is_fitted():
    class Model(tf.Module):
        def __init__(self):
            super().__init__()
            self.w = tf.Variable(5.0)
            self.b = tf.Variable(0.0)

        def __call__(self, x):
            return self.w * x + self.b

    model = Model()
    x = tf.random.normal(shape=[1000], seed=1)
    y = x * 3.0 + 2.0 + tf.random.normal(shape=[1000], seed=2)

    def train(model, x, y, learning_rate):
        with tf.GradientTape() as t:
            current_loss = tf.reduce_mean(tf.square(y - model(x)))
        dw, db = t.gradient(current_loss, [model.w, model.b])
        model.w.assign_sub(learning_rate * dw)
        model.b.assign_sub(learning_rate * db)

    for _ in range(60):
        train(model, x, y, learning_rate=0.1)
    np.testing.assert_allclose([model.w.numpy(), model.b.numpy()], [3.0, 2.0], atol=0.15)


def test_the_decorated_function_is_faster():
    path = Path(__file__).parent.parent / "bench" / "decorated.py"
    spec = importlib.util.spec_from_file_location("decorated", path)
    decorated = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(decorated)
    eager, traced = decorated.measured()
    assert eager > 2 * traced


@pytest.mark.parametrize("persistent", [False, True])
def test_asking_a_tape_twice(persistent):
    x = tf.constant(3.0)
    with tf.GradientTape(persistent=persistent) as t:
        t.watch(x)
        y = x * x
    t.gradient(y, x)
    if persistent:
        assert t.gradient(y, x).numpy() == 6.0
    else:
        with pytest.raises(tf.OpwrightError, match=r"persistent=True"):
            t.gradient(y, x)

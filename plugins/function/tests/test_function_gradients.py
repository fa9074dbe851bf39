"""Functions differentiated: loops without a bound, random numbers, what is left out."""

import numpy as np
import opwright as ow
import pytest
from opwright.errors import GradientError


def twice(f, x):
    """The value, the first and the second derivative of a function at x."""
    with ow.GradientTape() as outer:
        outer.watch(x)
        with ow.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        d = tape.gradient(y, x)
    return y.numpy(), d.numpy(), np.asarray(outer.gradient(d, x))


def test_random_numbers_in_second_derivatives_are_those_that_were_drawn():
    x = ow.constant([1.0, 2.0, 3.0, 0.5])
    y, d, dd = twice(ow.function(lambda x: ow.sin(x) * ow.random.normal([4])), x)
    drawn = y / np.sin(x.numpy())
    np.testing.assert_allclose(d, np.cos(x.numpy()) * drawn, rtol=1e-5)
    np.testing.assert_allclose(dd, -np.sin(x.numpy()) * drawn, rtol=1e-5)
    y, d, dd = twice(ow.function(lambda x: ow.nn.dropout(ow.exp(x), rate=0.5) * ow.exp(x)), x)
    kept = y / np.exp(2 * x.numpy())
    assert set(np.round(kept, 5)) <= {0.0, 2.0}
    np.testing.assert_allclose(dd, 4 * np.exp(2 * x.numpy()) * kept, rtol=1e-5)

    @ow.function
    def looped(x):
        for _ in ow.range(2):
            x = x * x * ow.random.normal([4])
        return x

    with pytest.raises(
        GradientError, match=r"second derivatives .* must not pass through branches or loops with effects"
    ):
        twice(looped, x)


def test_gradients_through_loops_without_a_bound():
    @ow.function
    def grown(x, n):
        i = 0
        while i < n:
            x = x * x
            i += 1
        return x

    x = ow.constant([1.1, 0.9])
    with ow.GradientTape() as outer:
        outer.watch(x)
        with ow.GradientTape() as tape:
            tape.watch(x)
            y = grown(x, ow.constant(3))
        d = tape.gradient(y, x)
    np.testing.assert_allclose(d, 8 * x.numpy() ** 7, rtol=1e-6)
    np.testing.assert_allclose(outer.gradient(d, x), 56 * x.numpy() ** 6, rtol=1e-6)


def test_concrete_functions_by_name():
    @ow.function
    def f(a, b, scale=2.0):
        return (a - b["x"]) * scale

    concrete = f.get_concrete_function(ow.TensorSpec([None]), {"x": ow.TensorSpec([])})
    assert concrete.argument_names == ["a", "b"]
    assert concrete(b=ow.constant(1.0), a=ow.constant([3.0])).numpy().tolist() == [4.0]
    assert concrete.structured_input_signature == ((ow.TensorSpec([None]), {"x": ow.TensorSpec([])}, 2.0), {})
    assert f.concrete_functions() == [concrete]


def test_reads_of_a_variable_that_nobody_needs_are_left_out():
    """The gradient by x reads w, which is written later: that alone is no reason to compute it."""
    w = ow.Variable(np.ones((3, 2), np.float32))

    @ow.function
    def step(x):
        with ow.GradientTape() as tape:
            loss = ow.reduce_sum((x @ w) ** 2.0)
        w.assign_sub(tape.gradient(loss, w))
        return loss

    concrete = step.get_concrete_function(ow.TensorSpec([4, 3]))
    run = concrete._traced._step.spec.operations
    assert [op.type for op in run].count("matmul") == 2
    assert float(step(ow.ones([4, 3]))) == 72.0
    assert w.numpy().tolist() == [[-23.0, -23.0]] * 3

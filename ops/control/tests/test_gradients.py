"""Gradients of branches and loops against central differences and formulas, first and second order."""

import numpy as np
import opwright as ow
import pytest
from opwright.errors import GradientError


@pytest.fixture(params=["", "reference"], ids=["planned", "reference"])
def plan(request, monkeypatch):
    monkeypatch.setenv("OPWRIGHT_PLAN", request.param)


def check(build, x, feeds=(), order=2):
    """Derivatives of sum(build(x)) against central differences, and second ones of sum(gradient^2)."""
    with ow.Graph().as_default():
        p = ow.placeholder("float64", x.shape)
        y = ow.reduce_sum(build(p))
        (dy,) = ow.gradients(y, [p])
        z = ow.reduce_sum(dy * dy)
        fetched = [dy] + (ow.gradients(z, [p]) if order > 1 else [])
        with ow.Session() as session:
            session.run(ow.global_variables_initializer())
            found = session.run(fetched, {p: x})
            for target, made in zip([y, z], found, strict=False):
                expected = np.zeros_like(x)
                for i in np.ndindex(*x.shape):
                    step = np.zeros_like(x)
                    step[i] = 1e-5
                    high, low = (float(session.run(target, {p: x + s})) for s in (step, -step))
                    expected[i] = (high - low) / 2e-5
                np.testing.assert_allclose(made, expected, rtol=1e-6, atol=1e-7)


X = np.array([0.5, -0.3, 0.8])


def loop(body, x, n, **kwargs):
    return ow.while_loop(lambda i, *_: i < n, lambda i, *s: (i + 1, *body(i, *s)), [0, *x], **kwargs)[1:]


@pytest.mark.parametrize("maximum", [None, 4, 9])
@pytest.mark.parametrize("n", [0, 1, 4])
def test_a_loop(plan, n, maximum):
    check(lambda x: loop(lambda i, y: [ow.sin(y) * x + y], [x], n, maximum_iterations=maximum)[0], X)


def test_several_states_and_what_is_captured(plan):
    w = np.array([[0.2, 0.5, -0.4], [0.1, -0.3, 0.6], [0.7, 0.2, 0.1]])

    def build(x):
        a = x * 2
        made = loop(
            lambda i, h, c: [ow.tanh(ow.reshape(ow.matmul(ow.reshape(h, [1, 3]), w), [3]) * a) + c, c + h * h],
            [x, x * x],
            3,
        )
        return made[0] * made[1]

    check(build, X)


def test_nested_loops(plan):
    def build(x):
        def body(i, y):
            inner = loop(lambda j, z: [z * x + ow.sin(z)], [y], i + 1, maximum_iterations=4)
            return [inner[0] * 0.5]

        return loop(body, [x], 3, maximum_iterations=3)[0]

    check(build, X)


def test_a_branch_in_a_loop(plan):
    def build(x):
        def body(i, y):
            return [ow.cond(ow.equal(i % 2, 0), lambda: ow.exp(y * 0.5) * x, lambda: y * y * y + x)]

        return loop(body, [x], 4, maximum_iterations=4)[0]

    check(build, X)


def test_a_loop_in_a_branch(plan):
    def build(x):
        return ow.cond(
            ow.reduce_sum(x) > 0,
            lambda: loop(lambda i, y: [y * y + x], [x], 3, maximum_iterations=3)[0],
            lambda: ow.exp(x),
        )

    check(build, X)
    check(build, -X)


@pytest.mark.parametrize("sign", [1, -1])
def test_branches(plan, sign):
    def build(x):
        a, b = ow.cond(ow.reduce_sum(x) > 0, lambda: (ow.exp(x * x), ow.sin(x)), lambda: (x * x * x, x * 0 + 2.0))
        return a * b

    check(build, sign * X)


def test_a_branch_without_a_way_gives_zeros(plan):
    check(
        lambda x: ow.cond(ow.reduce_sum(x) > 0, lambda: ow.constant([1.0, 2.0, 3.0], dtype="float64"), lambda: x * x), X
    )


def test_third_order():
    with ow.Graph().as_default():
        x = ow.placeholder("float64", [])
        y = loop(lambda i, y: [y * x], [x], 3, maximum_iterations=5)[0]  # x^4
        d1 = ow.gradients(y, [x])[0]
        d2 = ow.gradients(d1, [x])[0]
        d3 = ow.gradients(d2, [x])[0]
        with ow.Session() as session:
            np.testing.assert_allclose(session.run([y, d1, d2, d3], {x: 2.0}), [16, 32, 48, 48])


def test_sizes_are_those_of_the_run():
    with ow.Graph().as_default():
        x = ow.placeholder("float64", [None])
        y = loop(lambda i, y: [y * y], [x], 2)[0]
        dy = ow.gradients(y, [x])[0]
        with ow.Session() as session:
            for n in (1, 4):
                value = np.linspace(0.5, 1.5, n)
                np.testing.assert_allclose(session.run(dy, {x: value}), 4 * value**3)


def test_value_and_gradient_run_the_loop_once():
    with ow.Graph().as_default():
        v = ow.Variable(0)
        x = ow.placeholder("float64", [])

        def body(i, y):
            v.assign_add(1)
            return [ow.sin(y) * x]

        y = loop(body, [x], 5, maximum_iterations=5)[0]
        dy = ow.gradients(y, [x])[0]
        d2y = ow.gradients(dy, [x])[0]
        with ow.Session() as session:
            session.run(v.initializer)
            session.run([y, dy, d2y], {x: 0.5})
            assert session.run(v) == 5


def test_the_gradient_of_an_unbounded_loop_with_effects_asks_for_a_bound():
    with ow.Graph().as_default():
        x = ow.placeholder("float64", [])
        y = loop(lambda i, y: [ow.sin(y) * ow.random_uniform([], dtype="float64")], [x], 3)[0]
        with pytest.raises(
            GradientError, match=r"(?s)\[while_loop\] the gradient of a loop with effects.*give maximum_iterations"
        ):
            ow.gradients(y, [x])


def test_random_numbers_are_those_of_the_forward_pass():
    with ow.Graph().as_default():
        x = ow.placeholder("float64", [])
        y = loop(lambda i, y: [y * ow.random_uniform([], 1.0, 2.0, dtype="float64")], [x], 3, maximum_iterations=3)[0]
        dy = ow.gradients(y, [x])[0]
        with ow.Session() as session:
            for _ in range(3):
                a, b = session.run([y, dy], {x: 2.0})
                np.testing.assert_allclose(a, 2 * b)


def test_gradients_of_gather_inside(plan):
    check(lambda x: loop(lambda i, y: [y * 0.5 + ow.gather(x, [i, 0, 0])], [x], 3)[0] ** 2, X)

"""Moving averages of variables and tensors, and decays by TensorFlow 1's names, against their recurrences."""

import math

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ArgumentError


def test_averages_of_variables(graph):
    v = ow.Variable([1.0, 2.0], name="v")
    step = ow.Variable(0.0, trainable=False, name="step")
    plain, hurried = (
        ow.train.ExponentialMovingAverage(0.9),
        ow.train.ExponentialMovingAverage(0.9, step, name="hurried"),
    )
    assert plain.average(v) is None
    moves = [plain.apply(), hurried.apply([v])]
    assert plain.average(v).op.name == plain.average_name(v) == "v/ExponentialMovingAverage"
    assert ow.moving_average_variables() == [v]
    assert set(plain.variables_to_restore()) == {"v/ExponentialMovingAverage", "step", "v/hurried"}
    with ow.Session() as session:
        session.run(ow.global_variables_initializer())
        first = second = np.array([1.0, 2.0])
        for n in range(4):
            value = np.array([n, -3.0 * n])
            session.run([v.assign(value), step.assign(n)])
            session.run(moves)
            first = 0.9 * first + 0.1 * value
            decay = min(0.9, (1 + n) / (10 + n))
            second = decay * second + (1 - decay) * value
        np.testing.assert_allclose(session.run(plain.average(v)), first, rtol=1e-5)
        np.testing.assert_allclose(session.run(hurried.average(v)), second, rtol=1e-5)


def test_averages_of_tensors_are_corrected_for_their_start(graph):
    x = ow.placeholder("float64", [2], name="x")
    loss = ow.multiply(x, 2.0, name="loss")
    averages = ow.train.ExponentialMovingAverage(0.5)
    move = averages.apply([loss])
    with ow.Session() as session:
        session.run(ow.global_variables_initializer())
        np.testing.assert_array_equal(session.run(averages.average(loss)), [0, 0])
        for value in ([1.0, 2.0], [3.0, -2.0]):
            session.run(move, {x: value})
        want = (0.5 * np.array([2.0, 4.0]) + np.array([6.0, -4.0])) / 1.5
        np.testing.assert_allclose(session.run(averages.average(loss)), want, rtol=1e-12)


def test_eager_averages():
    v = ow.Variable([1.0])
    averages = ow.train.ExponentialMovingAverage(0.75)
    averages.apply([v])
    v.assign([5.0])
    averages.apply([v])
    np.testing.assert_allclose(np.asarray(averages.average(v)), [2.0])


def test_averages_are_of_floats():
    with pytest.raises(ArgumentError, match=r"\[ExponentialMovingAverage\] averages are of floats, got int32 in"):
        ow.train.ExponentialMovingAverage(0.9).apply([ow.Variable([1])])


@pytest.mark.parametrize("step", [0, 3, 7, 10, 25])
def test_decays(step):
    n = ow.constant(step)
    for found, want in (
        (ow.train.exponential_decay(0.1, n, 10, 0.5), 0.1 * 0.5 ** (step / 10)),
        (ow.train.exponential_decay(0.1, n, 10, 0.5, staircase=True), 0.1 * 0.5 ** (step // 10)),
        (ow.train.natural_exp_decay(0.1, n, 10, 0.5), 0.1 * math.exp(-0.5 * step / 10)),
        (ow.train.inverse_time_decay(0.1, n, 10, 0.5), 0.1 / (1 + 0.5 * step / 10)),
        (ow.train.piecewise_constant(n, [3, 9], [1.0, 0.5, 0.25]), 1.0 if step <= 3 else 0.5 if step <= 9 else 0.25),
        (ow.train.polynomial_decay(0.1, n, 20, 0.01, power=2.0), 0.09 * (1 - min(step, 20) / 20) ** 2 + 0.01),
        (ow.train.cosine_decay(0.1, n, 20), 0.05 * (1 + math.cos(math.pi * min(step, 20) / 20))),
    ):
        np.testing.assert_allclose(float(found), want, rtol=1e-5, atol=1e-9)

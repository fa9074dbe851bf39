"""dropout: which elements stay, by how much they grow, the gradient, seeds, noise shapes, wrong rates."""

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ArgumentError, DTypeError, InvalidArgumentError


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.75])
def test_elements_are_dropped_or_scaled(dtype, rate, rng):
    x = rng.uniform(1, 2, size=(123, 457)).astype(np.float32)
    given = ow.constant(x, dtype)
    y = np.asarray(ow.nn.dropout(given, rate), np.float64)
    kept = y != 0
    # 56,211 draws: five standard deviations of the fraction are at most 0.0106.
    assert abs(kept.mean() - (1 - rate)) < 0.011
    limit = {"float32": 1e-6, "float64": 1e-12, "float16": 1e-3, "bfloat16": 8e-3}[dtype]  # one rounding
    np.testing.assert_allclose(y[kept], np.asarray(given, np.float64)[kept] / (1 - rate), rtol=limit)


def test_draws_are_independent_of_position():
    kept = np.asarray(ow.nn.dropout(np.ones((1000, 64), np.float32), 0.5)) != 0
    # Each of 64 columns, and each pair of neighbours: 1000 draws, five standard deviations are 0.08.
    assert np.abs(kept.mean(0) - 0.5).max() < 0.08
    assert np.abs((kept[:, 1:] == kept[:, :-1]).mean(0) - 0.5).max() < 0.08


def test_known_rate_0_changes_nothing(rng):
    x = rng.normal(size=(5, 13)).astype(np.float32)
    np.testing.assert_array_equal(np.asarray(ow.nn.dropout(x, 0.0)), x)
    np.testing.assert_array_equal(np.asarray(ow.nn.dropout(x, keep_prob=1)), x)


def test_fed_rate_0_changes_nothing(session, rng):
    x = rng.normal(size=(5, 13)).astype(np.float32)
    rate, fed = ow.placeholder("float32", []), ow.placeholder("float32", [None, 13])
    np.testing.assert_array_equal(session.run(ow.nn.dropout(fed, rate), {rate: 0, fed: x}), x)
    np.testing.assert_array_equal(session.run(ow.nn.dropout(fed, keep_prob=rate), {rate: 1, fed: x}), x)


def test_what_is_dropped_is_0_whatever_it_was():
    y = np.asarray(ow.nn.dropout(np.full(1000, np.nan, np.float32), 0.5))
    assert 0.4 < (y == 0).mean() < 0.6


def test_the_gradient_has_the_same_mask(session, rng):
    x = ow.placeholder("float32", [40, 33])
    rate = ow.placeholder("float32", [])
    y = ow.nn.dropout(x, rate)
    (slope,) = ow.gradients(y, x)
    (bend,) = ow.gradients(slope * slope * x, x)  # slope does not depend on x
    values, slopes, bends = session.run([y, slope, bend], {x: np.full((40, 33), 2.0), rate: 0.25})
    np.testing.assert_allclose(values, 2 * slopes, rtol=1e-6)
    assert set(np.unique(slopes)) == {0, np.float32(1 / 0.75)}
    np.testing.assert_allclose(bends, slopes**2, rtol=1e-6)


def test_eager_gradient(rng):
    x = ow.constant(rng.normal(size=50), "float64")
    with ow.GradientTape() as tape:
        tape.watch(x)
        y = ow.nn.dropout(x, 0.5)
    np.testing.assert_allclose(np.asarray(tape.gradient(y, x)) * np.asarray(x), np.asarray(y))


def test_each_run_draws_anew_and_seeds_repeat(graph):
    y = ow.nn.dropout(ow.ones([1000]), 0.5, seed=7)
    runs = []
    for _ in range(2):
        with ow.Session(graph=graph) as session:
            runs.append([session.run(y), session.run(y)])
    assert (runs[0][0] != runs[0][1]).any()
    np.testing.assert_array_equal(runs[0], runs[1])
    other = ow.nn.dropout(ow.ones([1000]), 0.5, seed=8)
    with ow.Session(graph=graph) as session:
        assert (session.run(other) != runs[0][0]).any()


def test_the_same_numbers_however_the_work_is_cut(graph):
    # Elements are drawn in groups of 64; a large tensor is cut into chunks of such, a small one is not.
    x = ow.placeholder("float32", [None])
    y = ow.nn.dropout(x, 0.5, seed=3)
    with ow.Session(graph=graph) as session:
        small = session.run(y, {x: np.ones(100)})
    with ow.Session(graph=graph) as session:
        large = session.run(y, {x: np.ones(1_000_003)})
    np.testing.assert_array_equal(small, large[:100])


@pytest.mark.parametrize("shape", [[5, 1, 7], [None, 1, None], (5, 1, 7)])
def test_noise_shape(shape, session):
    x = ow.placeholder("float32", [None, 6, 7])
    y = session.run(ow.nn.dropout(x, 0.5, noise_shape=shape), {x: np.ones((5, 6, 7))})
    np.testing.assert_array_equal(y, np.repeat(y[:, :1], 6, 1))
    assert 0 < (y == 0).mean() < 1


def test_empty():
    assert np.asarray(ow.nn.dropout(np.zeros((0, 3), np.float32), 0.5)).shape == (0, 3)


@pytest.mark.parametrize("rate", [-0.1, 1.0, 2.0, np.nan])
def test_rates_out_of_range(rate, session):
    x = ow.ones([3])
    with pytest.raises(InvalidArgumentError, match=r"\[dropout\] rate must lie in \[0, 1\), got"):
        ow.nn.dropout(x, rate)
    fed = ow.placeholder("float32", [])
    with pytest.raises(InvalidArgumentError, match=r"rate must lie in \[0, 1\), got"):
        session.run(ow.nn.dropout(x, fed), {fed: rate})


def test_errors():
    x = np.ones(3, np.float32)
    with pytest.raises(InvalidArgumentError, match=r"\[dropout\] keep_prob must lie in \(0, 1\], got 0"):
        ow.nn.dropout(x, keep_prob=0)
    with pytest.raises(ArgumentError, match=r"\[dropout\] one of rate and keep_prob must be given, got None and None"):
        ow.nn.dropout(x)
    with pytest.raises(DTypeError, match=r"\[dropout\] x must be floating, got int32"):
        ow.nn.dropout(np.ones(3, np.int32), 0.5)

"""Distributions, seeds and streams of the ops that fill tensors."""

import numpy as np
import opwright as ow
import pytest
import scipy.stats
from opwright.errors import ArgumentError, DTypeError, InvalidArgumentError
from opwright.runtime import set_workers, workers

N = 20_001
# A Kolmogorov-Smirnov test at fixed seeds either passes for good or not; 1e-3 would reject one good sample in 1,000.
P_VALUE = 1e-3

FLOATS = ("float32", "float64", "float16", "bfloat16")
FILLS = (ow.random_uniform, ow.random_normal, ow.truncated_normal)
CDF = {
    "random_uniform": scipy.stats.uniform.cdf,
    "random_normal": scipy.stats.norm.cdf,
    "truncated_normal": scipy.stats.truncnorm(-2, 2).cdf,
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("fill", FILLS, ids=lambda f: f.__name__)
def test_samples_follow_the_distribution(fill, dtype):
    ow.set_random_seed(20151109)
    x = np.asarray(fill([N], dtype=dtype), np.float64)
    assert scipy.stats.kstest(x, CDF[fill.__name__]).pvalue > P_VALUE
    # Neighbours, those that share a Box-Muller pair among them, are uncorrelated: 4 deviations of 1/sqrt(N).
    for lag in (1, 2, 4, 64):
        assert abs(np.corrcoef(x[:-lag], x[lag:])[0, 1]) < 4 / np.sqrt(N)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("fill", FILLS, ids=lambda f: f.__name__)
def test_moments_of_16_bit_floats(fill, dtype):
    ow.set_random_seed(1)
    x = np.asarray(fill([N], dtype=dtype), np.float64)
    mean = 0.5 if fill is ow.random_uniform else 0.0
    deviation = {"random_uniform": 12**-0.5, "random_normal": 1.0}.get(
        fill.__name__, scipy.stats.truncnorm(-2, 2).std()
    )
    step = 2.0**-7 if dtype == "bfloat16" else 2.0**-10  # a uniform's mean lies half a step lower
    assert abs(x.mean() - mean) < 4 * deviation / np.sqrt(N) + step
    assert abs(x.std() - deviation) < 4 * deviation / np.sqrt(2 * N) + step
    if fill is ow.random_uniform:
        assert x.min() >= 0
        assert x.max() < 1
    if fill is ow.truncated_normal:
        assert abs(x).max() < 2


def test_the_tails_of_normals():
    ow.set_random_seed(2)
    x = np.asarray(ow.random_normal([1_000_000]))
    count = int((abs(x) > 4).sum())
    expected = 1e6 * 2 * scipy.stats.norm.sf(4)  # 63
    assert abs(count - expected) < 4 * np.sqrt(expected)
    assert np.isfinite(x).all()


def test_mean_deviation_and_limits_are_applied():
    ow.set_random_seed(3)
    unit = np.asarray(ow.random_normal([7, 3]))
    ow.set_random_seed(3)
    np.testing.assert_array_equal(
        np.asarray(ow.random.normal([7, 3], 5.0, 0.5)), unit * np.float32(0.5) + np.float32(5)
    )
    ow.set_random_seed(3)
    unit = np.asarray(ow.random_uniform([7, 3]))
    ow.set_random_seed(3)
    got = np.asarray(ow.random.uniform([7, 3], -2, np.array([1.0, 2.0, 4.0])))
    np.testing.assert_allclose(got, unit * np.array([3, 4, 6]) - 2, rtol=1e-6, atol=1e-6)
    assert abs(np.asarray(ow.truncated_normal([1000], 10.0, 3.0)) - 10).max() < 6


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_integers_are_even(dtype):
    ow.set_random_seed(4)
    x = np.asarray(ow.random_uniform([N], -3, 4, dtype=dtype))
    assert x.dtype == dtype
    counts = np.bincount(x + 3, minlength=7)
    assert len(counts) == 7
    assert scipy.stats.chisquare(counts).pvalue > P_VALUE


def test_bernoulli():
    ow.set_random_seed(5)
    x = np.asarray(ow.random_bernoulli([N], 0.3))
    assert set(np.unique(x)) == {0.0, 1.0}
    assert abs(x.mean() - 0.3) < 4 * np.sqrt(0.21 / N)
    assert ow.random_bernoulli([3], dtype="bool").dtype == ow.bool


@pytest.mark.parametrize("shape", [[], [0], [1], [3, 0, 2], [63], [64], [65], [4097]])
@pytest.mark.parametrize("dtype", FLOATS)
def test_a_shorter_tensor_is_the_beginning_of_a_longer_one(shape, dtype):
    n = int(np.prod(shape))
    for make in (ow.stateless_random_uniform, ow.stateless_random_normal, ow.stateless_truncated_normal):
        long = np.asarray(make([5000], [1, 2], dtype=dtype))
        short = np.asarray(make(shape, [1, 2], dtype=dtype))
        assert short.shape == tuple(shape)
        np.testing.assert_array_equal(short.ravel(), long[:n])


@pytest.fixture
def one_worker():
    before = workers()
    set_workers(1)
    yield
    set_workers(before)


def drawn(shape):
    with ow.Graph().as_default():
        ow.set_random_seed(6)
        made = [
            ow.random_uniform(shape),
            ow.random_normal(shape, 1.0, 2.0),
            ow.truncated_normal(shape, dtype="float64"),
            ow.random_uniform(shape, 0, 99, dtype="int64"),
        ]
        with ow.Session() as session:
            return session.run(made)


def test_numbers_do_not_depend_on_the_number_of_workers(one_worker):
    alone = drawn([300, 1001])
    set_workers(3)
    for a, b in zip(alone, drawn([300, 1001])):
        np.testing.assert_array_equal(a, b)


def test_numbers_do_not_depend_on_the_plan(monkeypatch):
    planned = drawn([50, 101])
    monkeypatch.setenv("OPWRIGHT_PLAN", "reference")
    for a, b in zip(planned, drawn([50, 101])):
        np.testing.assert_allclose(a, b, rtol=1e-6)  # a fused multiply-add may round otherwise


def test_shapes_and_limits_may_be_fed(session):
    shape = ow.placeholder("int32", [2])
    high = ow.placeholder("int32", [])
    floats, ints = ow.random_normal(shape, dtype="float64"), ow.random_uniform(shape, 3, high, dtype="int32")
    assert floats.shape.as_list() == [None, None]
    for size in ((2, 3), (4, 1), (2, 3)):
        a, b = session.run([floats, ints], {shape: size, high: 4})
        assert a.shape == b.shape == size
        assert (b == 3).all()
    with pytest.raises(InvalidArgumentError, match="minval must be less than maxval, got 3 and 3"):
        session.run(ints, {shape: (1, 1), high: 3})


def test_no_gradient_flows_into_shape_and_limits_are_differentiable(session):
    x = ow.placeholder("float32", [2, 3])
    noise = ow.random_normal(ow.shape(x), stddev=x)
    (slope,) = ow.gradients(noise, [x])
    a, b = session.run([noise, slope], {x: np.full((2, 3), 2.0)})
    np.testing.assert_allclose(a, 2 * b, rtol=1e-6)


def test_errors():
    with pytest.raises(DTypeError, match=r"\[random_normal\] dtype must be float32, .* got int32"):
        ow.random_normal([2], dtype="int32")
    with pytest.raises(DTypeError, match=r"\[random_uniform\] dtype must be .* got bool"):
        ow.random_uniform([2], dtype="bool")
    with pytest.raises(ArgumentError, match=r"\[random_uniform\] maxval must be given for integers, got None"):
        ow.random_uniform([2], dtype="int32")
    with pytest.raises(ArgumentError, match=r"\[random_uniform\] minval must be less than maxval, got 5 and 5"):
        ow.random_uniform([2], 5, 5, dtype="int64")
    with pytest.raises(ValueError, match=r"shape must not be negative"):
        ow.random_uniform([2, -1])
    with pytest.raises(
        ValueError, match=r"\[stateless_random_standard_normal\] seed must have 2 elements, got shape \(3,\)"
    ):
        ow.stateless_random_normal([2], [1, 2, 3])

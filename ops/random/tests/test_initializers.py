"""Initializers: scales by shape, defaults of TensorFlow 1 and 2, matrices."""

import math

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ArgumentError, DTypeError, ShapeError


def test_constants():
    assert np.asarray(ow.zeros_initializer()([2, 3])).tolist() == [[0.0] * 3] * 2
    assert ow.ones_initializer("int32")([2]).dtype == ow.int32
    assert np.asarray(ow.constant_initializer(7)([2, 2], dtype="int64")).tolist() == [[7, 7], [7, 7]]
    assert np.asarray(ow.constant_initializer([1, 2, 3])([2, 2], "float32")).tolist() == [[1, 2], [3, 3]]
    with pytest.raises(ArgumentError, match=r"value must have shape \(2, 2\), got shape \(3,\)"):
        ow.constant_initializer([1, 2, 3], verify_shape=True)([2, 2])
    with pytest.raises(ArgumentError, match="value must be a number, list or array"):
        ow.constant_initializer(object())


def test_the_defaults_are_those_of_each_tensorflow():
    ow.set_random_seed(1)
    n = [20_000]
    # The standard error of a deviation is its 1 / sqrt(2 n) = 0.5 %: four of them.
    for make, deviation in (
        (ow.random_normal_initializer, 1.0),
        (ow.initializers.random_normal, 1.0),
        (ow.initializers.RandomNormal, 0.05),
        (ow.random_uniform_initializer, 12**-0.5),
        (ow.initializers.RandomUniform, 0.1 * 12**-0.5),
        (ow.truncated_normal_initializer, 0.87962566),
        (ow.initializers.TruncatedNormal, 0.05 * 0.87962566),
    ):
        assert abs(np.asarray(make()(n)).std() / deviation - 1) < 0.02, make


SHAPE = (5, 4, 30, 40)  # 20 * 30 inputs, 20 * 40 outputs


@pytest.mark.parametrize(
    ("name", "variance", "limit"),
    [
        ("glorot_uniform", 2 / 1400, math.sqrt(6 / 1400)),
        ("glorot_normal", 2 / 1400, None),
        ("he_uniform", 2 / 600, math.sqrt(6 / 600)),
        ("he_normal", 2 / 600, None),
        ("lecun_uniform", 1 / 600, math.sqrt(3 / 600)),
        ("lecun_normal", 1 / 600, None),
        ("uniform_unit_scaling", 1 / 600, math.sqrt(3 / 600)),
    ],
)
def test_variance_follows_from_the_shape(name, variance, limit):
    ow.set_random_seed(2)
    x = np.asarray(getattr(ow, f"{name}_initializer")()(SHAPE), np.float64)
    assert abs(x.var() / variance - 1) < 0.04  # 24,000 numbers
    if limit is not None:
        assert 0.99 * limit < abs(x).max() <= limit * (1 + 1e-6)
    else:
        assert abs(x).max() <= 2 * math.sqrt(variance) / 0.87962566 * (1 + 1e-6)


def test_variance_scaling_modes_and_errors():
    ow.set_random_seed(3)
    for mode, n in (("fan_in", 300), ("fan_out", 100), ("fan_avg", 200)):
        make = ow.variance_scaling_initializer(2.0, mode, "untruncated_normal")
        assert abs(np.asarray(make([300, 100])).var() * n / 2 - 1) < 0.04
    assert np.asarray(ow.variance_scaling_initializer()([])).shape == ()
    with pytest.raises(ArgumentError, match="scale must be positive, got 0"):
        ow.variance_scaling_initializer(0)
    with pytest.raises(ArgumentError, match="mode must be one of fan_in, fan_out, fan_avg, got 'fan'"):
        ow.variance_scaling_initializer(mode="fan")
    with pytest.raises(ArgumentError, match=r"distribution must be one of .*, got 'cauchy'"):
        ow.variance_scaling_initializer(distribution="cauchy")
    with pytest.raises(DTypeError, match="dtype must be floating, got int32"):
        ow.glorot_uniform_initializer(dtype="int32")


def test_a_partitioned_variable_is_scaled_as_a_whole():
    class Part:
        full_shape = (1000, 1000)

    ow.set_random_seed(4)
    assert abs(np.asarray(ow.glorot_uniform_initializer()([10, 1000], partition_info=Part()))).max() <= math.sqrt(
        6 / 2000
    )


@pytest.mark.parametrize("shape", [(6, 6), (7, 3), (3, 7), (2, 3, 4)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_orthogonal(shape, dtype):
    q = np.asarray(ow.orthogonal_initializer(gain=2.0, seed=1)(shape, dtype)).reshape(-1, shape[-1]) / 2
    product = q @ q.T if q.shape[0] < q.shape[1] else q.T @ q
    np.testing.assert_allclose(product, np.eye(len(product)), atol=1e-6 if dtype == "float32" else 1e-14)


def test_orthogonal_needs_a_matrix_and_identity_too():
    with pytest.raises(
        ShapeError, match=r"\[orthogonal_initializer\] shape must have at least 2 dimensions, got \(3,\)"
    ):
        ow.orthogonal_initializer()([3])
    with pytest.raises(ShapeError, match=r"\[identity_initializer\] shape must have 2 dimensions"):
        ow.identity_initializer()([3])
    np.testing.assert_array_equal(np.asarray(ow.initializers.Identity(3.0)([2, 3])), 3 * np.eye(2, 3))


@pytest.mark.parametrize(
    "made",
    [
        ow.zeros_initializer(),
        ow.random_uniform_initializer(-1, 2, seed=4, dtype="float64"),
        ow.truncated_normal_initializer(stddev=0.1, seed=4),
        ow.variance_scaling_initializer(2.0, "fan_out", seed=4),
        ow.he_normal_initializer(seed=4),
        ow.initializers.RandomNormal(seed=4),
    ],
    ids=repr,
)
def test_configurations_make_equal_initializers(made):
    again = type(made).from_config(made.get_config())
    values = []
    for one in (made, again):
        with ow.Graph().as_default(), ow.Session() as session:
            values.append(session.run(one([3, 2])))
    np.testing.assert_array_equal(*values)
    assert values[0].dtype == made.dtype.numpy


def test_shapes_may_be_shape_objects_in_a_graph(session):
    for make in (ow.glorot_uniform_initializer(), ow.zeros_initializer(), ow.constant_initializer(2.0)):
        assert session.run(make(ow.Shape([2, 3]), dtype="float32")).shape == (2, 3)

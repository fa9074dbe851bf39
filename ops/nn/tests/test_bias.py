"""bias_add in both layouts, and the layers made of it."""

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ShapeError
from opwright.testing import case, check_op

DTYPES = ("float32", "float64", "float16", "bfloat16")


def _bias_add(value, bias, data_format=None):
    first = data_format is not None and data_format.startswith("NC")
    return value + (bias.reshape((-1,) + (1,) * (value.ndim - 2)) if first else bias)


def test_bias_add(rng):
    cases = [
        case(rng.normal(size=(3, 4)), rng.normal(size=4)),
        case(rng.normal(size=(2, 1, 3, 5)), rng.normal(size=5), data_format="NHWC"),
        case(rng.normal(size=(2, 5, 1, 3)), rng.normal(size=5), data_format="NCHW"),
        case(rng.normal(size=(2, 3)), rng.normal(size=3), data_format="NC"),
    ]
    check_op(lambda v, b, data_format=None: ow.nn.bias_add(v, b, data_format), cases[:1], _bias_add, dtypes=DTYPES)
    for one in cases:  # the rank must be known where the channels come second
        layout = one.attributes.get("data_format")
        found = ow.nn.bias_add(*one.arrays, data_format=layout)
        np.testing.assert_allclose(np.asarray(found), _bias_add(*one.arrays, layout), rtol=1e-6)


def test_gradients_with_channels_second(rng):
    from opwright.testing import check_gradient

    arrays = rng.normal(size=(2, 3, 1, 2)), rng.normal(size=3)
    check_gradient(lambda v, b: ow.nn.bias_add(v, b, "NCHW"), arrays)


def test_integers():
    found = ow.nn.bias_add(np.arange(6, dtype=np.int32).reshape(2, 3), np.array([10, 20, 30], np.int32))
    np.testing.assert_array_equal(np.asarray(found), [[10, 21, 32], [13, 24, 35]])


def test_xw_plus_b_and_relu_layer(rng):
    arrays = rng.normal(size=(3, 4)), rng.normal(size=(4, 2)), rng.normal(size=2)
    check_op(ow.nn.xw_plus_b, [case(*arrays)], lambda x, w, b: x @ w + b)
    check_op(ow.nn.relu_layer, [case(*arrays)], lambda x, w, b: np.maximum(x @ w + b, 0))


def test_errors(graph):
    value = ow.placeholder("float32", [None, 3, 4])
    with pytest.raises(ShapeError, match=r"\[bias_add\] bias must have value's 4 channels, got 3"):
        ow.nn.bias_add(value, ow.placeholder("float32", [3]))
    with pytest.raises(ShapeError, match=r"\[bias_add\] bias must have value's 3 channels, got 4"):
        ow.nn.bias_add(value, ow.placeholder("float32", [4]), "NCW")
    with pytest.raises(ShapeError, match=r"\[bias_add\] data_format must be N...C or NC..., got 'CHW'"):
        ow.nn.bias_add(value, ow.placeholder("float32", [4]), "CHW")
    with pytest.raises(ShapeError, match=r"\[bias_add\] value must have at least 2 dimensions"):
        ow.nn.bias_add(ow.placeholder("float32", [4]), ow.placeholder("float32", [4]))
    with pytest.raises(ShapeError, match=r"\[bias_add\] bias must have 1 dimension, got shape \(1, 4\)"):
        ow.nn.bias_add(value, ow.placeholder("float32", [1, 4]))


def test_bias_of_the_wrong_size_is_found_when_it_runs(session):
    value, bias = ow.placeholder("float32", [None, None]), ow.placeholder("float32", [None])
    with pytest.raises(ValueError, match=r"\[bias_add\] bias must have value's 3 channels, got 1"):
        session.run(ow.nn.bias_add(value, bias), {value: np.zeros((2, 3)), bias: np.zeros(1)})

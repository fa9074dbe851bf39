"""constant, fill, zeros, ones and the like."""

import numpy as np
import opwright as ow
import pytest
from opwright.testing import case, check_op


@pytest.mark.parametrize(
    ("value", "dtype"),
    [(1.5, "float32"), (3, "int32"), (2**40, "int64"), (True, "bool"), (np.float64(2), "float64"), ([], "float32")],
)
def test_a_constant_has_the_natural_dtype_of_its_value(value, dtype):
    made = ow.constant(value)
    assert made.dtype.name == dtype
    np.testing.assert_array_equal(made.numpy(), value)


def test_a_constant_takes_a_shape_as_tensorflow_1_does():
    np.testing.assert_array_equal(ow.constant([1, 2], shape=[2, 3]).numpy(), [[1, 2, 2], [2, 2, 2]])
    np.testing.assert_array_equal(ow.constant(7.0, shape=[2]).numpy(), [7, 7])
    with pytest.raises(ow.OpwrightError, match=r"\[constant\] value must fit shape \(2,\), got shape \(3,\)"):
        ow.constant([1, 2, 3], shape=[2])
    with pytest.raises(ow.OpwrightError, match="must fit shape"):
        ow.constant(7.0, shape=[2], verify_shape=True)
    with pytest.raises(ow.OpwrightError, match="cannot hold"):
        ow.constant(1.5, "int32")


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "int8", "uint8", "bool"])
def test_zeros_and_ones(graph, dtype):
    fed = ow.placeholder("float32", [None, 3])
    sized = [
        ow.zeros([2, 3], dtype),
        ow.ones(ow.shape(fed), dtype),
        ow.zeros_like(fed, dtype),
        ow.ones_like(fed, dtype),
    ]
    assert [str(t.shape) for t in sized] == ["(2, 3)", "(?, 3)", "(?, 3)", "(?, 3)"]
    found = ow.Session().run(sized, {fed: np.ones((2, 3))})
    for value, want in zip(found, [0, 1, 0, 1], strict=True):
        np.testing.assert_array_equal(value.astype(float), np.full((2, 3), want))
    with ow.Graph().as_default():
        assert ow.zeros_like([1, 2]).dtype.name == "int32"


def test_eager_zeros_and_ones():
    np.testing.assert_array_equal(ow.zeros(ow.constant([2, 1])).numpy(), np.zeros((2, 1)))
    np.testing.assert_array_equal(ow.ones([ow.constant(2), 1], "int64").numpy(), np.ones((2, 1)))
    assert ow.zeros_like(np.ones((2, 3), np.int16)).dtype.name == "int16"
    assert ow.ones((), "bool").numpy() == True  # noqa: E712
    with pytest.raises(ow.OpwrightError, match="must not be negative"):
        ow.fill([-2], 1.0)


def test_fill(rng):
    check_op(lambda v: ow.fill([2, 0, 3], v), [case(rng.normal())], lambda v: np.full((2, 0, 3), v))
    check_op(lambda v: ow.fill([2, 3], v), [case(rng.normal())], lambda v: np.full((2, 3), v))
    check_op(lambda n, v: ow.fill(n, v), [case(np.array([2, 3]), np.array(True))], np.full, gradient=False)


def test_an_eager_tensor_does_not_change_with_the_array_it_was_made_of():
    array = np.ones(3, np.float32)
    with ow.GradientTape() as tape:
        x = ow.constant(array)
        tape.watch(x)
        y = x * array
    array[:] = 7
    np.testing.assert_array_equal(x, np.ones(3))
    np.testing.assert_array_equal(tape.gradient(y, x), np.ones(3))

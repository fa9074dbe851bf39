"""cast, saturate_cast, bitcast."""

import numpy as np
import opwright as ow
import pytest
from opwright.testing import case, check_op

DTYPES = ("float32", "float64", "float16", "int8", "int16", "int32", "int64", "uint8", "bool")


@pytest.mark.parametrize("new", DTYPES)
@pytest.mark.parametrize("old", DTYPES)
def test_cast(old, new):
    values = np.array([0, 1, 2.75, 100, 3] if old == "uint8" else [0, 1, -2.75, 100, -3])
    x = values.astype(old)
    want = x.astype(new) if not (new == "uint8" and x.dtype.kind == "f") else np.maximum(x, 0).astype(new)
    made = ow.cast(x, new)
    assert made.dtype.name == new
    np.testing.assert_array_equal(made.numpy(), want)


def test_cast_saturates_floats_that_do_not_fit():
    x = np.array([np.nan, np.inf, -np.inf, 3e9, -3e9], np.float32)
    assert ow.cast(x, "int32").numpy().tolist() == [0, 2**31 - 1, -(2**31), 2**31 - 1, -(2**31)]
    assert ow.cast(x, "int64").numpy().tolist() == [0, 2**63 - 1, -(2**63), 3_000_000_000, -3_000_000_000]
    assert ow.cast(x, "bool").numpy().tolist() == [True] * 5


def test_cast_to_bfloat16_rounds_to_even():
    x = np.array([1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-8 + 2**-20, -0.0], np.float32)
    assert ow.cast(x, "bfloat16").numpy().tolist() == [1, 1 + 2**-6, 1 + 2**-7, 0]


def test_the_gradient_of_a_cast_is_cast_back(rng):
    check_op(lambda x: ow.cast(x, "float64"), [case(rng.normal(size=(2, 3)))], lambda x: x)
    x = ow.constant([1.5])
    with ow.GradientTape() as tape:
        tape.watch(x)
        y = ow.cast(x, "float64") ** 2
    assert tape.gradient(y, x).dtype.name == "float32"


@pytest.mark.parametrize("new", ["int8", "int16", "int32", "int64", "uint8"])
def test_saturate_cast_of_integers(new):
    x = np.array([-(2**40), -129, -1, 0, 127, 300, 2**40])
    limits = np.iinfo(new)
    np.testing.assert_array_equal(ow.saturate_cast(x, new).numpy(), np.clip(x, limits.min, limits.max))


def test_saturate_cast_of_floats():
    x = np.array([-1e300, 1.5, 7e4, np.inf], np.float64)
    assert ow.saturate_cast(x, "float16").numpy().tolist() == [-65504, 1.5, 65504, 65504]
    big = float(np.finfo(np.float32).max)
    assert ow.saturate_cast(x, "float32").numpy().tolist() == [-big, 1.5, 7e4, big]
    assert ow.saturate_cast(x, "uint8").numpy().tolist() == [0, 1, 255, 255]
    assert ow.saturate_cast(np.array([70000]), "float16").numpy().tolist() == [65504]
    assert np.isnan(ow.saturate_cast(np.array(np.nan), "float16").numpy())
    check_op(lambda x: ow.saturate_cast(x, "float64"), [case(np.array([1.0, -2.5]))], lambda x: x)


def test_old_names():
    assert ow.to_float([1]).dtype.name == "float32"
    assert ow.to_double([1]).dtype.name == "float64"
    assert ow.to_int32([1.7]).numpy().tolist() == [1]
    assert ow.to_int64([1]).dtype.name == "int64"
    assert ow.to_bfloat16([1]).dtype.name == "bfloat16"


@pytest.mark.parametrize(
    ("old", "new"), [("float32", "int32"), ("int16", "float64"), ("float64", "uint8"), ("int8", "uint8")]
)
def test_bitcast(rng, old, new):
    x = (100 * rng.normal(size=(3, 2, 4))).astype(old)
    want = x.view(new)
    if np.dtype(old).itemsize < np.dtype(new).itemsize:
        want = want[..., 0]
    if np.dtype(old).itemsize > np.dtype(new).itemsize:
        want = want.reshape(3, 2, 4, -1)
    np.testing.assert_array_equal(ow.bitcast(x, new).numpy(), want)


def test_bitcast_errors():
    with pytest.raises(ow.OpwrightError, match=r"\[bitcast\] the last dimension of input must be 4, got \(3,\)"):
        ow.bitcast(np.ones(3, np.uint8), "float32")
    with pytest.raises(ow.OpwrightError, match="bool has bits of its own"):
        ow.bitcast(np.ones(4, bool), "uint8")

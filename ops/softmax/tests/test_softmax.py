"""softmax and log_softmax against SciPy: axes, widths, 16-bit dtypes, infinities, gradients."""

import numpy as np
import opwright as ow
import pytest
import scipy.special
from opwright.errors import DTypeError, ShapeError
from opwright.testing import case, check_op

DTYPES = ("float32", "float64", "float16", "bfloat16")
REFERENCE = {"softmax": scipy.special.softmax, "log_softmax": scipy.special.log_softmax}


@pytest.mark.parametrize("name", REFERENCE)
def test_values_and_gradients(name, rng):
    def reference(x, axis=-1):
        return REFERENCE[name](x, axis=axis)

    cases = [
        case(rng.normal(size=(3, 7))),
        case(4 * rng.normal(size=(2, 3, 4)), axis=1),
        case(rng.normal(size=(3, 2, 1)), axis=-3),
        case(rng.normal(size=(5,)), axis=0),
        case(rng.normal(size=(4, 1))),
    ]
    check_op(getattr(ow, name), cases, reference, dtypes=DTYPES)
    # Empty batches and rows, and sizes at which a gradient by differences would take too long.
    large = [case(rng.normal(size=(0, 3))), case(rng.normal(size=(3, 0, 2)), axis=0), case(rng.normal(size=(2, 10000)))]
    check_op(getattr(ow, name), large, reference, gradient=False)


@pytest.mark.parametrize("name", REFERENCE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_width(name, dtype, rng):
    for n in [*range(1, 40), 63, 64, 65, 1000, 4095, 4097]:
        x = (5 * rng.normal(size=(3, n))).astype(dtype)
        limit = 5e-6 if dtype == "float32" else 1e-13
        for axis, given in ((1, x), (0, np.ascontiguousarray(x.T))):
            want = REFERENCE[name](given.astype(np.float64), axis=axis)
            np.testing.assert_allclose(np.asarray(getattr(ow, name)(given, axis)), want, rtol=limit, atol=limit)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_infinities_and_nan(dtype):
    inf, nan = np.inf, np.nan
    x = np.array([[-inf, 0, 0], [-inf, -inf, -inf], [inf, 0, 1], [nan, 0, 1], [1e38, -1e38, 0], [0, nan, -inf]], dtype)
    y = np.asarray(ow.softmax(x))
    np.testing.assert_allclose(y[0], [0, 0.5, 0.5])
    assert np.isnan(y[[1, 2, 3, 5]]).all()  # as TensorFlow: exp(inf - inf)
    np.testing.assert_array_equal(y[4], [1, 0, 0])
    y = np.asarray(ow.log_softmax(x))
    np.testing.assert_allclose(y[0], [-inf, np.log(0.5), np.log(0.5)], rtol=1e-6)
    assert np.isnan(y[[1, 3, 5]]).all()
    assert np.isnan(y[2, 0])
    np.testing.assert_allclose(y[4], [0, -2e38, -1e38], rtol=1e-6)


def test_16_bit_rows_add_up_in_32_bits():
    # A float16 sum of 4096 ones would stop at 2048.
    y = np.asarray(ow.softmax(ow.constant(np.zeros((1, 4096)), "float16")))
    np.testing.assert_array_equal(y, np.full((1, 4096), 1 / 4096, np.float16))


def test_public_under_nn():
    assert ow.nn.softmax is ow.softmax
    assert ow.nn.log_softmax is ow.log_softmax


def test_errors(graph):
    with pytest.raises(ShapeError, match=r"\[softmax\] axis must lie in \[-2, 2\), got 2"):
        ow.softmax(ow.placeholder("float32", [None, 3]), axis=2)
    with pytest.raises(ShapeError, match=r"\[log_softmax\] logits must have at least 1 dimension, got shape \(\)"):
        ow.log_softmax(ow.placeholder("float32", []))
    with pytest.raises(
        DTypeError, match=r"\[softmax\] logits must be float32, float64, float16 or bfloat16, got int32"
    ):
        ow.softmax(ow.placeholder("int32", [3]))

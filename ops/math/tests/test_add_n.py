"""add_n: values, rounding, gradients, errors."""

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ShapeError
from opwright.testing import case, check_op


@pytest.mark.parametrize("n", [1, 2, 5, 12])
def test_add_n(n, rng):
    cases = [case([rng.normal(size=(3, 5)) for _ in range(n)]), case([rng.normal(size=()) for _ in range(n)])]
    check_op(ow.add_n, cases, lambda xs: np.sum(xs, 0))


def test_large_and_empty(rng):
    x = rng.integers(-9, 9, (9, 30001)).astype(np.float32)
    np.testing.assert_array_equal(np.asarray(ow.add_n(list(x))), x.sum(0))
    assert np.asarray(ow.add_n([np.zeros((0, 2), np.float32)] * 3)).shape == (0, 2)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_16_bit_floats_are_rounded_once(dtype):
    # 1 + eps/2 rounds back to 1 each time; the sum of all, 1 + 4 eps, is representable.
    half = {"float16": 2.0**-11, "bfloat16": 2.0**-8}[dtype]
    terms = [ow.constant(1.0, dtype)] + [ow.constant(half, dtype)] * 8
    assert float(ow.add_n(terms)) == 1 + 8 * half


def test_integers_wrap_around():
    x = np.array([127, -128, 5], np.int8)
    np.testing.assert_array_equal(np.asarray(ow.add_n([x, x, x])), np.array([125, -128, 15], np.int8))


def test_errors():
    with pytest.raises(ShapeError, match=r"\[add_n\] inputs must hold at least one tensor, got none"):
        ow.add_n([])
    with pytest.raises(ShapeError, match=r"\[add_n\] inputs's dimensions \*s must equal \(2,\), got shape \(3,\)"):
        ow.add_n([np.zeros(2, np.float32), np.zeros(3, np.float32)])

"""clip_by_value, and the blends of three tensors."""

import numpy as np
import opwright as ow
import pytest
from opwright.testing import case, check_op

DTYPES = ("float32", "float64", "float16", "bfloat16")


def test_clip_by_value(rng):
    x = rng.permutation(np.linspace(-3, 3, 24)).reshape(4, 6)  # no value meets a bound
    cases = [
        case(x, np.array(-1.05), np.array(1.55)),
        case(x, rng.uniform(-2, -1, 6), rng.uniform(1, 2, (4, 1))),
        case(x[:0], np.array(-1.0), np.array(1.0)),
    ]
    check_op(ow.clip_by_value, cases, np.clip, dtypes=DTYPES)


def test_clip_takes_python_numbers_and_integers():
    found = ow.clip_by_value(ow.constant([-5, 0, 9]), -1, 3)
    np.testing.assert_array_equal(np.asarray(found), [-1, 0, 3])
    assert found.dtype == "int32"


def test_clip_at_its_bounds_passes_the_gradient(session):
    x = ow.constant([-2.0, -1.0, 0.0, 1.0, 2.0])
    (dx,) = session.run(ow.gradients(ow.clip_by_value(x, -1.0, 1.0), [x]))
    np.testing.assert_array_equal(dx, [0, 1, 1, 1, 0])


def test_the_lower_bound_wins_and_nan_stays():
    found = ow.clip_by_value(ow.constant([0.0, np.nan]), 2.0, 1.0)
    np.testing.assert_array_equal(np.asarray(found), [2, np.nan])


def test_bounds_must_fit(graph):
    with pytest.raises(
        ValueError, match=r"\[clip_by_value\] clip_value_max must broadcast to t's shape \(3,\), got \(2, 1\)"
    ):
        ow.clip_by_value(ow.placeholder("float32", [3]), 0.0, ow.placeholder("float32", [2, 1]))


def test_blends(rng):
    a, b, c = rng.uniform(1, 2, (3, 2, 5))
    check_op(ow.lerp, [case(a, b, c), case(a, b[:1], np.array(0.25))], lambda x, y, w: x + w * (y - x))
    check_op(ow.addcmul, [case(a, b, c, value=0.5), case(a, b[:1], c)], lambda x, y, z, value=1: x + value * y * z)
    check_op(ow.addcdiv, [case(a, b, c, value=0.5), case(a, b[:1], c)], lambda x, y, z, value=1: x + value * y / z)

"""quantile, median: NumPy's values, of any axes, with nan, and gradients."""

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ArgumentError
from opwright.testing import case, check_op


@pytest.mark.parametrize("method", ["linear", "lower", "higher", "midpoint", "nearest"])
def test_quantile(method, rng):
    cases = [
        case(rng.normal(size=(4, 5)), q=q, axis=axis, keepdims=keepdims)
        for q, axis, keepdims in [(0.3, None, False), (0.0, 0, True), (1.0, -1, False), ([0.1, 0.5, 0.72], 1, False)]
    ]
    cases.append(case(rng.normal(size=(2, 3, 4)), q=[[0.25], [0.6]], axis=(0, 2), keepdims=True))

    def reference(a, q, axis, keepdims):
        return np.quantile(a, q, axis, method=method, keepdims=keepdims)

    check_op(lambda a, **how: ow.quantile(a, method=method, **how), cases, reference, second_order=False)


@pytest.mark.parametrize("n", [1, 4, 5])
def test_median(n, rng):
    cases = [case(rng.normal(size=(n, 3)), axis=a) for a in (None, 0, 1)]
    check_op(ow.median, cases, lambda a, axis: np.median(a, axis), second_order=False)


def test_nan_spoils_its_row_only(rng):
    x = rng.normal(size=(3, 6)).astype(np.float32)
    x[1, 4] = np.nan
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(np.asarray(ow.quantile(x, 0.4, 1)), np.quantile(x, 0.4, 1), rtol=1e-6)


def test_errors():
    x = np.zeros((2, 3), np.float32)
    with pytest.raises(ArgumentError, match=r"\[quantile\] q must lie in \[0, 1\], got 1.5"):
        ow.quantile(x, 1.5)
    with pytest.raises(ArgumentError, match=r"\[quantile\] method must be one of linear, .*, got 'cubic'"):
        ow.quantile(x, 0.5, method="cubic")

"""Assert, check_numerics."""

import numpy as np
import opwright as ow
import pytest
from opwright.testing import case, check_op


def test_assert_shows_its_data(session):
    x, limit = ow.placeholder("float32", [None]), ow.placeholder("int64", [])
    data = ["x was", x, "limit", limit, np.array([[True, False]]), 2.5]
    check = ow.Assert(ow.reduce_sum(x) < 10, data)
    with session.graph.control_dependencies([check]):
        y = x * 2
    assert session.run(y, {x: [1, 2], limit: 3}).tolist() == [2, 4]
    with pytest.raises(ow.OpwrightError, match="assertion failed") as raised:
        session.run(y, {x: [10.5, 2, 3, 4], limit: 2**40})
    assert "[x was] [10.5 2 3...] [limit] [1099511627776] [True False] [2.5]" in str(raised.value)
    assert isinstance(raised.value, ValueError)


def test_assert_shows_as_much_as_it_is_told():
    for summarize, text in [(1, r"\[0\.\.\.\]"), (4, r"\[0 1 2 3\]"), (-1, r"\[0 1 2 3\]")]:
        with pytest.raises(ow.OpwrightError, match=text):
            ow.Assert(False, [np.arange(4, dtype=np.uint8)], summarize)
    assert ow.Assert(True, ["fine"]) is None
    with pytest.raises(ow.OpwrightError, match=r"\[0 1 2\.\.\.\]$|\[0 1 2"):
        ow.Assert(False, np.arange(1000, dtype=np.float64))
    with pytest.raises(ow.OpwrightError, match="assertion failed"):
        ow.Assert(False, ["long" * 500])


def test_check_numerics(rng):
    check_op(
        lambda x: ow.check_numerics(x, "x"),
        [case(rng.normal(size=(2, 3))), case(rng.normal(size=0))],
        lambda x: x,
        dtypes=("float32", "float64", "float16", "bfloat16"),
    )


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize(
    ("bad", "text"), [([np.nan], "NaN"), ([np.inf], "Inf"), ([-np.inf], "Inf"), ([np.inf, np.nan], "Inf and NaN")]
)
def test_check_numerics_fails(dtype, bad, text):
    x = ow.cast(np.array([1.0, *bad]), dtype)
    with pytest.raises(ow.OpwrightError, match=rf"\[check_numerics\] layer 3 : Tensor had {text} values"):
        ow.debugging.check_numerics(x, "layer 3")


def test_a_bad_gradient_is_found_too(session):
    x = ow.placeholder("float64", [])
    (dx,) = ow.gradients(ow.sqrt(ow.verify_tensor_all_finite(x, "x")), x)
    assert session.run(dx, {x: 4.0}) == 0.25
    with pytest.raises(ow.OpwrightError, match="the gradient of 'x' : Tensor had Inf values"):
        session.run(dx, {x: 0.0})

"""debugging.assert_*: what passes, what fails, and with which words."""

import opwright as ow
import pytest
from opwright.errors import ArgumentError, DTypeError, InvalidArgumentError, ShapeError

d = ow.debugging

VALUES = {
    "assert_equal": ([1, 2], [1, 2], [1, 3]),
    "assert_none_equal": ([1, 2], [2, 1], [3, 2]),
    "assert_less": ([1, 2], [2, 3], [2, 2]),
    "assert_less_equal": ([1, 2], [1, 3], [0, 3]),
    "assert_greater": ([1, 2], [0, 1], [1, 1]),
    "assert_greater_equal": ([1, 2], [1, 1], [2, 2]),
    "assert_near": ([1.0, 2.0], [1.0, 2.0 + 1e-6], [1.0, 2.1]),
}


@pytest.mark.parametrize("name", VALUES)
def test_comparisons(name):
    x, good, bad = VALUES[name]
    check = getattr(d, name)
    assert check(x, good) is None
    check(ow.constant(x), good)
    with pytest.raises(InvalidArgumentError, match=rf"\[{name}\].*so it is.*x =.*y ="):
        check(x, bad, message="so it is")
    with ow.Graph().as_default(), ow.Session() as session:
        fed = ow.placeholder("int32" if isinstance(x[0], int) else "float32", [None])
        session.run(check(fed, good), {fed: x})
        wrong = check(fed, bad)
        with pytest.raises(InvalidArgumentError, match=name):
            session.run(wrong, {fed: x})


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("assert_positive", [1.0, 2.0], [0.0]),
        ("assert_negative", [-1], [0]),
        ("assert_non_negative", [0.0], [-1.0]),
        ("assert_non_positive", [0], [1]),
    ],
)
def test_signs(name, good, bad):
    getattr(d, name)(good)
    with pytest.raises(InvalidArgumentError, match=rf"\[{name}\]"):
        getattr(d, name)(bad)


def test_tolerances():
    d.assert_near([1.0], [1.2], atol=0.3)
    d.assert_near([10.0], [11.0], rtol=0.1)
    with pytest.raises(InvalidArgumentError):
        d.assert_near([10.0], [11.2], rtol=0.1)


def test_ranks():
    x = ow.ones([2, 3])
    d.assert_rank(x, 2)
    d.assert_rank_at_least(x, 1)
    d.assert_rank_in(x, (1, 2))
    assert float(d.assert_scalar(3.0)) == 3.0
    for check, rank, words in (
        (d.assert_rank, 3, "3 dimensions"),
        (d.assert_rank_at_least, 3, "at least 3"),
        (d.assert_rank_in, (0, 1), "0 or 1"),
    ):
        with pytest.raises(ShapeError, match=rf"{words}.*got shape \(2, 3\); oh"):
            check(x, rank, message="oh")
    with pytest.raises(ShapeError, match=r"\[assert_scalar\]"):
        d.assert_scalar(x)
    with ow.Graph().as_default():
        d.assert_rank(ow.placeholder("float32"), 5)


def test_shapes():
    x, y, s = ow.ones([4, 3]), ow.ones([3, 7]), ow.ones([])
    d.assert_shapes([(x, ("N", "Q")), (y, ("Q", 7)), (s, ())])
    d.assert_shapes([(x, (..., "Q")), (y, ("Q", ...)), (x, (None, 3)), (s, (...,))])
    d.assert_shapes([(x, "NQ"), (y, "QD")])
    with pytest.raises(ShapeError, match=r"must have the shape \('Q', 8\), got \(3, 7\), N = 4, Q = 3; why"):
        d.assert_shapes([(x, ("N", "Q")), (y, ("Q", 8))], message="why")
    with pytest.raises(ShapeError, match=r"must have the shape \('Q', 'D'\), got \(3, 7\), N = 4, Q = 4"):
        d.assert_shapes([(ow.ones([4, 4]), ("N", "Q")), (y, ("Q", "D"))])
    with pytest.raises(ShapeError):
        d.assert_shapes([(x, ("N",))])


def test_dtypes():
    d.assert_type(ow.ones([1]), "float32")
    d.assert_integer(3)
    assert d.assert_same_float_dtype([ow.ones([1], "float64")]).name == "float64"
    assert d.assert_same_float_dtype().name == "float32"
    assert d.is_numeric_tensor(ow.ones([1]))
    assert not d.is_numeric_tensor(ow.constant(True))
    assert not d.is_numeric_tensor(3)
    d.assert_proper_iterable([1])
    with pytest.raises(DTypeError, match="tensor must be int32, got float32"):
        d.assert_type(1.0, "int32")
    with pytest.raises(DTypeError, match="x must hold integers, got float32"):
        d.assert_integer(1.0)
    with pytest.raises(DTypeError, match="must be float32 and floating, got float64"):
        d.assert_same_float_dtype([ow.ones([1]), ow.ones([1], "float64")])
    with pytest.raises(ArgumentError, match="must be a list or the like"):
        d.assert_proper_iterable(ow.ones([1]))

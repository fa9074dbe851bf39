"""Element types and static shapes."""

import pickle

import numpy as np
import pytest
from opwright import dtypes
from opwright.errors import DTypeError, ShapeError
from opwright.shapes import Shape, normalize_axes, normalize_axis


def test_a_dtype_equals_what_means_the_same():
    assert dtypes.float32 == np.float32 == dtypes.as_dtype("float32")
    assert dtypes.as_dtype(float) is dtypes.float32
    assert dtypes.as_dtype(int) is dtypes.int32
    assert dtypes.bool_ == np.bool_
    assert dtypes.float32 != "nonsense"
    assert pickle.loads(pickle.dumps(dtypes.bfloat16)) is dtypes.bfloat16


def test_unknown_dtypes_are_named():
    with pytest.raises(DTypeError, match="unknown dtype 'flaot32'; did you mean 'float32'"):
        dtypes.as_dtype("flaot32")
    with pytest.raises(DTypeError, match="no dtype corresponds"):
        dtypes.as_dtype(np.complex64)


@pytest.mark.parametrize("value", [0.0, 1.0, -2.5, 3.14159, 1e30, -1e-30, np.inf, -np.inf])
def test_bfloat16_keeps_eight_bits(value):
    kept = dtypes.from_storage(dtypes.to_storage(np.array([value], np.float32), dtypes.bfloat16), dtypes.bfloat16)
    assert kept[0] == value or abs(kept[0] - value) <= abs(value) * 2**-8


def test_bfloat16_rounds_to_even_and_keeps_nan():
    halfway = np.array([1 + 2**-8, 1 + 3 * 2**-8, np.nan], np.float32)
    kept = dtypes.from_storage(dtypes.to_storage(halfway, dtypes.bfloat16), dtypes.bfloat16)
    assert kept[0] == 1
    assert kept[1] == 1 + 4 * 2**-8
    assert np.isnan(kept[2])


def test_shapes_merge_and_contradict():
    assert Shape([None, 3]).merge([2, None]) == (2, 3)
    assert Shape(None).merge([2]) == (2,)
    with pytest.raises(ShapeError, match=r"compatible, got \(2, \?\) and \(3, 1\)"):
        Shape([2, None]).merge([3, 1])
    assert Shape([2, -1]).as_list() == [2, None]
    assert str(Shape([None])) == "(?,)"
    assert str(Shape(None)) == "<unknown>"
    with pytest.raises(ShapeError, match="must not be negative"):
        Shape([-2])
    with pytest.raises(ShapeError, match="an int or None, got 'a'"):
        Shape(["a"])
    with pytest.raises(AttributeError):
        Shape([1]).dims = (2,)


def test_axes_count_from_either_end():
    assert normalize_axis(-1, 3, "f") == 2
    assert normalize_axes((-1, 0), 3, "f") == (0, 2)
    assert normalize_axes(None, 2, "f") == (0, 1)
    with pytest.raises(ShapeError, match=r"\[f\] axis must lie in \[-2, 2\), got 2"):
        normalize_axis(2, 2, "f")
    with pytest.raises(ShapeError, match=r"\[f\] axes must differ"):
        normalize_axes((0, -2), 2, "f")


def test_bfloat16_without_dimensions_stays_an_array():
    stored = dtypes.to_storage(np.array(1.5, np.float32), dtypes.bfloat16)
    kept = dtypes.from_storage(stored, dtypes.bfloat16)
    assert isinstance(kept, np.ndarray)
    assert float(kept) == 1.5

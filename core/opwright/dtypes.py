"""Element types: their names, their NumPy storage, their codes in kernel.h."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from opwright.errors import DTypeError, did_you_mean

_INT, _UINT, _FLOAT, _BFLOAT, _BOOL = 0, 1, 2, 4, 6  # kernel.h's OW_INT ...


class DType:
    """An element type. Equal to the NumPy dtypes, scalar types and names that mean the same."""

    def __init__(self, name: str, storage: type, code: int) -> None:
        self.name = name
        self.numpy: np.dtype[Any] = np.dtype(storage)
        self.code = code
        self.size = self.numpy.itemsize
        self.bits = 8 * self.size
        self.is_floating = code in (_FLOAT, _BFLOAT)
        self.is_integer = code in (_INT, _UINT)
        self.is_bool = code == _BOOL

    @cached_property
    def min(self) -> Any:
        """The lowest finite value."""
        return _BFLOAT16_MAX * -1 if self.code == _BFLOAT else self._limits().min

    @cached_property
    def max(self) -> Any:
        """The highest finite value."""
        return _BFLOAT16_MAX if self.code == _BFLOAT else self._limits().max

    @property
    def base_dtype(self) -> DType:
        return self

    @property
    def as_numpy_dtype(self) -> type:
        return np.float32 if self.code == _BFLOAT else self.numpy.type

    @property
    def as_datatype_enum(self) -> str:
        return self.name

    def is_compatible_with(self, other: Any) -> bool:
        return bool(self == other)

    def _limits(self) -> Any:
        if self.is_bool:
            raise DTypeError("[bool] has no limits; use an integer or floating dtype")
        return np.finfo(self.numpy) if self.is_floating else np.iinfo(self.numpy)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, DType):
            return self is other
        try:
            return self is as_dtype(other)
        except DTypeError:
            return False

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"ow.{self.name}"

    def __str__(self) -> str:
        return f"<dtype: '{self.name}'>"

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return as_dtype, (self.name,)


_BFLOAT16_MAX = 3.3895313892515355e38  # (2 - 2^-7) 2^127

float16 = DType("float16", np.float16, _FLOAT)
float32 = DType("float32", np.float32, _FLOAT)
float64 = DType("float64", np.float64, _FLOAT)
bfloat16 = DType("bfloat16", np.uint16, _BFLOAT)  # NumPy has none: held as the upper 16 bits of a float32
int8 = DType("int8", np.int8, _INT)
int16 = DType("int16", np.int16, _INT)
int32 = DType("int32", np.int32, _INT)
int64 = DType("int64", np.int64, _INT)
uint8 = DType("uint8", np.uint8, _UINT)
bool_ = DType("bool", np.bool_, _BOOL)

ALL = (float16, float32, float64, bfloat16, int8, int16, int32, int64, uint8, bool_)
BY_NAME = {dtype.name: dtype for dtype in ALL} | {"half": float16, "float": float32, "double": float64}
_BY_NUMPY = {dtype.numpy: dtype for dtype in ALL if dtype is not bfloat16}
_BY_PYTHON: dict[Any, DType] = {float: float32, int: int32, bool: bool_}

# The groups signatures use: OpDef("neg(x: T) -> (y: T)", T=dtypes.signed_numbers)
floats = ("float32", "float64", "float16", "bfloat16")
wide_floats = ("float32", "float64")
indices = ("int32", "int64")
signed_ints = ("int8", "int16", "int32", "int64")
ints = (*signed_ints, "uint8")
numbers = (*floats, *ints)
signed_numbers = (*floats, *signed_ints)
any_type = (*numbers, "bool")


def as_dtype(value: Any) -> DType:
    """The DType of a DType, name, NumPy dtype or scalar type, or of Python's float (float32), int (int32), bool.

    Raises DTypeError for anything else.
    """
    if isinstance(value, DType):
        return value
    if isinstance(value, str):
        if value in BY_NAME:
            return BY_NAME[value]
        raise DTypeError(f"unknown dtype {value!r}{did_you_mean(value, BY_NAME)}")
    if value in _BY_PYTHON:
        return _BY_PYTHON[value]
    try:
        return _BY_NUMPY[np.dtype(value)]
    except (TypeError, KeyError):
        raise DTypeError(f"no dtype corresponds to {value!r}; there are {', '.join(d.name for d in ALL)}") from None


def to_storage(array: np.ndarray[Any, Any], dtype: DType) -> np.ndarray[Any, Any]:
    """The array's values as `dtype` stores them (bfloat16: rounded to nearest even)."""
    if dtype is not bfloat16:
        return array.astype(dtype.numpy, copy=False)
    bits = np.ascontiguousarray(array, np.float32).view(np.uint32)
    rounded = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
    nan = np.isnan(bits.view(np.float32))
    return np.where(nan, (bits >> np.uint32(16)) | np.uint32(0x40), rounded).astype(np.uint16).reshape(np.shape(array))


def from_storage(array: np.ndarray[Any, Any], dtype: DType) -> np.ndarray[Any, Any]:
    """The values a user sees: bfloat16 comes out as float32, which holds each of its values exactly."""
    if dtype is not bfloat16:
        return array
    return np.asarray(array.astype(np.uint32) << np.uint32(16)).view(np.float32)  # of no dimensions: no scalar

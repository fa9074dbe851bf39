"""Element types: their names, their NumPy storage, their codes in kernel.h."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from opwright import ops
from opwright.errors import DTypeError, did_you_mean

_INT, _UINT, _FLOAT, _HANDLE, _BFLOAT, _BOOL = 0, 1, 2, 3, 4, 6  # kernel.h's OW_INT ...; DLPack's opaque handle


class DType:
    """An element type. Equal to the NumPy dtypes, scalar types and names that mean the same."""

    def __init__(self, name: str, storage: type, code: int) -> None:
        self.name = name
        self.numpy: np.dtype[Any] = np.dtype(storage)
        self.code = code
        self.size = self.numpy.itemsize
        self.bits = 8 * self.size
        self.kernel_name = "int64" if code == _HANDLE else name  # what its kernels call it
        self.is_floating = code in (_FLOAT, _BFLOAT)
        self.is_integer = code in (_INT, _UINT)
        self.is_bool = code == _BOOL
        self.is_coded = code in (_BFLOAT, _HANDLE)  # stored otherwise than it is seen

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
        return {_BFLOAT: np.float32, _HANDLE: np.object_}.get(self.code, self.numpy.type)

    @property
    def as_datatype_enum(self) -> str:
        return self.name

    def is_compatible_with(self, other: Any) -> bool:
        return bool(self == other)

    def _limits(self) -> Any:
        if self.is_bool or self.code == _HANDLE:
            raise DTypeError(f"[{self.name}] has no limits; use an integer or floating dtype")
        return np.finfo(self.numpy) if self.is_floating else np.iinfo(self.numpy)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, DType):
            return self is other
        try:
            return self is as_dtype(other)
        except DTypeError:
            return False

    __hash__ = object.__hash__  # there is one of each

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
string = DType("string", np.int64, _HANDLE)  # places in a pool, `strings.places`

ALL = (float16, float32, float64, bfloat16, int8, int16, int32, int64, uint8, bool_, string)
BY_NAME = {dtype.name: dtype for dtype in ALL} | {"half": float16, "float": float32, "double": float64}
_BY_NUMPY = {dtype.numpy: dtype for dtype in ALL if dtype not in (bfloat16, string)}
_BY_PYTHON: dict[Any, DType] = {float: float32, int: int32, bool: bool_, object: string, np.dtype(object): string}

# The groups signatures use: OpDef("neg(x: T) -> (y: T)", T=dtypes.signed_numbers)
floats = ("float32", "float64", "float16", "bfloat16")
wide_floats = ("float32", "float64")
indices = ("int32", "int64")
signed_ints = ("int8", "int16", "int32", "int64")
ints = (*signed_ints, "uint8")
numbers = (*floats, *ints)
signed_numbers = (*floats, *signed_ints)
any_type = (*numbers, "bool")
movable = (*any_type, "string")


def as_dtype(value: Any) -> DType:
    """The DType of a DType, name, NumPy dtype or scalar type, or of Python's float (float32), int (int32), bool, str.

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
        return string if np.dtype(value).kind in "SU" else _BY_NUMPY[np.dtype(value)]
    except (TypeError, KeyError):
        raise DTypeError(f"no dtype corresponds to {value!r}; there are {', '.join(d.name for d in ALL)}") from None


def to_storage(array: np.ndarray[Any, Any], dtype: DType) -> np.ndarray[Any, Any]:
    """The array's values as `dtype` stores them (bfloat16: rounded to nearest even; string: places in the pool)."""
    if dtype is string and array.dtype.kind not in "iu":
        return ops.strings.places(array)  # type: ignore[attr-defined, no-any-return]
    if dtype is not bfloat16:
        return array.astype(dtype.numpy, copy=False)
    bits = np.ascontiguousarray(array, np.float32).view(np.uint32)
    rounded = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
    nan = np.isnan(bits.view(np.float32))
    return np.where(nan, (bits >> np.uint32(16)) | np.uint32(0x40), rounded).astype(np.uint16).reshape(np.shape(array))


def from_storage(array: np.ndarray[Any, Any], dtype: DType) -> np.ndarray[Any, Any]:
    """The values a user sees: bfloat16 comes out as float32, which holds its values exactly, string as bytes."""
    if dtype is string:
        return ops.strings.at(array)  # type: ignore[attr-defined, no-any-return]
    if dtype is not bfloat16:
        return array
    return np.asarray(array.astype(np.uint32) << np.uint32(16)).view(np.float32)  # of no dimensions: no scalar

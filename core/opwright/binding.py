"""From a call's arguments to tensors: which dtype each type variable stands for, and conversion to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from opwright.dtypes import BY_NAME, DType, as_dtype, float32, int32, int64, string, to_storage
from opwright.errors import ArgumentError, DTypeError
from opwright.opdef import OpDef
from opwright.schema import TensorArg

Convert = Callable[[Any, DType | None], Any]


def bind_tensors(definition: OpDef, given: dict[str, Any], convert: Convert) -> list[list[Any]]:
    """The tensors of each tensor argument.

    A type variable takes the dtype of the first tensor that has it; Python values and arrays are then converted to it.
    Raises DTypeError if tensors disagree or the op does not take the dtype.
    """
    schema = definition.schema
    items = {arg.name: _items(definition, arg, given[arg.name], convert) for arg in schema.tensors}
    dtypes: dict[str, DType] = {}
    for arg in schema.tensors:
        for item in items[arg.name]:
            if _is_tensor(item) and arg.dtype not in BY_NAME:
                dtypes.setdefault(arg.dtype, item.dtype)
    for arg in schema.tensors:
        if arg.dtype in BY_NAME:
            dtypes[arg.dtype] = BY_NAME[arg.dtype]
        elif arg.dtype not in dtypes and items[arg.name]:
            dtypes[arg.dtype] = _natural(definition, arg, items[arg.name])
    return [
        [_to(definition, arg, item, dtypes[arg.dtype], convert) for item in items[arg.name]] for arg in schema.tensors
    ]


def _items(definition: OpDef, arg: TensorArg, value: Any, convert: Convert) -> list[Any]:
    if value is None:
        return []
    if not arg.is_list:
        return [_as_ref(definition, arg, value) if arg.is_ref else _resolved(value, convert)]
    if _is_tensor(value):
        value = [value] if value.shape.rank == 0 else list(value)
    if not isinstance(value, (list, tuple, np.ndarray)):
        raise ArgumentError(f"[{definition.name}] {arg.name} must be a list of tensors, got {value!r}")
    return [_as_ref(definition, arg, v) if arg.is_ref else _resolved(v, convert) for v in value]


def _is_tensor(value: Any) -> bool:
    return isinstance(getattr(value, "dtype", None), DType)


def _resolved(value: Any, convert: Convert) -> Any:
    """Variables, sparse gradients and lists that hold tensors become tensors; other values wait for their dtype."""
    if hasattr(value, "__opwright_tensor__"):
        return value.__opwright_tensor__()
    if isinstance(value, (list, tuple)) and first_tensor(value) is not None:
        return convert(value, None)
    return value


def first_tensor(value: Any) -> Any:
    """The first tensor or variable in nested lists; None if they hold none."""
    if isinstance(value, (list, tuple)):
        return next((found for v in value if (found := first_tensor(v)) is not None), None)
    return value if _is_tensor(value) or hasattr(value, "__opwright_tensor__") else None


def _as_ref(definition: OpDef, arg: TensorArg, value: Any) -> Any:
    if hasattr(value, "__opwright_tensor__"):
        value = value.__opwright_tensor__()
    if not getattr(value, "is_ref", False):
        raise ArgumentError(f"[{definition.name}] {arg.name} must be a variable, got {value!r}")
    return value


def _natural(definition: OpDef, arg: TensorArg, items: list[Any]) -> DType:
    """The dtype of values that are no tensors: NumPy's own, float32 for Python floats, int32 for Python ints."""
    try:
        dtype = natural_dtype(items[0])
    except ArgumentError as e:
        raise type(e)(f"[{definition.name}] {arg.name}: {e}") from None
    allowed = definition.schema.dtypes_of(arg)
    if dtype.name not in allowed and np.size(items[0]) == 0 and not _holds_numpy(items[0]):
        return BY_NAME[allowed[0]]  # an empty list has no dtype of its own
    if dtype.name not in allowed and dtype.is_integer and float32.name in allowed:
        return dtype if isinstance(items[0], (np.ndarray, np.generic)) else float32
    return dtype


def natural_dtype(value: Any) -> DType:
    """The dtype a value has of itself: an array's own; of Python values float32, int32 (int64 if need be), bool."""
    if isinstance(value, (np.ndarray, np.generic)):
        return as_dtype(value.dtype)
    array = _rectangular(value)
    if array.dtype.kind == "f" and not _holds_numpy(value):
        return float32
    if array.dtype.kind == "i" and not _holds_numpy(value):
        fits = array.size == 0 or (array.min() >= int32.min and array.max() <= int32.max)
        return int32 if fits else int64
    return as_dtype(array.dtype)


def _rectangular(value: Any) -> np.ndarray[Any, Any]:
    try:
        array = np.asarray(value)
    except UnicodeDecodeError:  # bytes and str
        array = np.asarray(value, object)
    except ValueError:
        raise ArgumentError(f"a tensor's rows must have equal lengths, got {_short(value)}") from None
    if array.dtype.kind not in "fiubSU" and not all(isinstance(item, (str, bytes)) for item in array.flat):
        raise DTypeError(f"a tensor holds numbers, bools or strings, got {_short(value)}")
    return array


def _holds_numpy(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(_holds_numpy(v) for v in value[:8])  # enough to tell; long lists are of one kind
    return isinstance(value, (np.ndarray, np.generic))


def _to(definition: OpDef, arg: TensorArg, value: Any, dtype: DType, convert: Convert) -> Any:
    allowed = definition.schema.dtypes_of(arg)
    if dtype.name not in allowed:
        raise DTypeError(f"[{definition.name}] {arg.name} must be {_alternatives(allowed)}, got {dtype.name}")
    if _is_tensor(value):
        if value.dtype is not dtype:
            like = f" like the other {arg.dtype}" if arg.dtype not in BY_NAME else ""
            raise DTypeError(
                f"[{definition.name}] {arg.name} must be {dtype.name}{like}, got {value.dtype.name}; "
                f"cast(..., '{dtype.name}') converts it"
            )
        return convert(value, dtype)
    try:
        return convert(value, dtype)
    except (ArgumentError, TypeError, ValueError) as e:
        raise type(e)(f"[{definition.name}] {arg.name}: {e}") from None


def _alternatives(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def as_array(value: Any, dtype: DType | None) -> np.ndarray[Any, Any]:
    """The value as `dtype` is stored; raises DTypeError where that would lose more than precision."""
    if dtype is not None and (type(value) is float or type(value) is int):
        if dtype.is_floating or (type(value) is int and dtype.is_integer and dtype.min <= value <= dtype.max):
            return to_storage(np.array(value, np.float64 if dtype.is_floating else dtype.numpy), dtype)
    wanted = dtype or natural_dtype(value)
    array = _rectangular(value)
    if wanted is string and array.dtype.kind in "SUO":
        array = np.asarray(value, object)  # NumPy's own strings would lose zeros at the end
    elif array.size and not _convertible(array, wanted):
        held = "string" if array.dtype.kind in "SUO" else array.dtype
        raise DTypeError(f"{wanted.name} cannot hold {held} values, got {_short(value)}; cast it first")
    return to_storage(array, wanted)


def owned_array(value: Any, dtype: DType | None) -> np.ndarray[Any, Any]:
    """as_array, in memory that nobody else can write to."""
    made = as_array(value, dtype)
    return made if isinstance(value, (list, tuple, bool, int, float)) else made.copy()


def as_storage(value: Any, dtype: DType) -> np.ndarray[Any, Any]:
    """The value as `dtype` is stored; an array that is stored so already as it is."""
    if type(value) is np.ndarray and value.dtype == dtype.numpy:
        return value
    return as_array(value, dtype)


def _convertible(array: np.ndarray[Any, Any], wanted: DType) -> bool:
    kind = array.dtype.kind
    if kind in "SUO" or wanted is string:
        return False
    if wanted.is_floating:
        return True
    if wanted.is_bool or kind == "b":
        return wanted.is_bool and kind == "b"
    if kind == "f":
        return False
    return bool(array.min() >= wanted.min and array.max() <= wanted.max)


def _short(value: Any) -> str:
    text = repr(value).replace("\n", "")
    return text if len(text) <= 60 else text[:57] + "..."

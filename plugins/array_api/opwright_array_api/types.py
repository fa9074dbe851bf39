"""Dtypes and constants of the standard, and functions of dtypes."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
from opwright import DType, as_dtype, convert_to_tensor, export, ops
from opwright.dtypes import ALL, bfloat16
from opwright.errors import ArgumentError, DTypeError


class Number(float):
    """A float that can be exported."""


pi = export("array_api.pi")(Number(math.pi))
e = export("array_api.e")(Number(math.e))
inf = export("array_api.inf")(Number(math.inf))
nan = export("array_api.nan")(Number(math.nan))

DTYPES = {"bool": lambda d: d.is_bool, "signed integer": lambda d: d.is_integer and d.min < 0}
DTYPES |= {"unsigned integer": lambda d: d.is_integer and d.min == 0, "integral": lambda d: d.is_integer}
DTYPES |= {"real floating": lambda d: d.is_floating, "complex floating": lambda d: False}
DTYPES |= {"numeric": lambda d: not d.is_bool}


def promoted(*given: Any) -> list[Any]:
    """Tensors as the dtype that all of theirs promote to; Python numbers take it."""
    tensors = [x for x in given if not isinstance(x, (bool, int, float))]
    wanted = result_type(*tensors) if tensors else None
    made = []
    for x in given:
        x = convert_to_tensor(x, wanted if isinstance(x, (bool, int, float)) else None)
        made.append(x if wanted is None or x.dtype is wanted else ops.cast(x, wanted))
    return made


@export("array_api.result_type")
def result_type(*arrays_and_dtypes: Any) -> DType:
    """The dtype that tensors and dtypes promote to: the wider of one kind; of a signed and an unsigned integer one that
    holds both. Raises DTypeError for different kinds."""
    found = [getattr(x, "dtype", x) for x in arrays_and_dtypes if not isinstance(x, (int, float))]
    dtypes = {as_dtype(d) for d in found}
    if not dtypes:
        raise ArgumentError("[result_type] a tensor or a dtype must be given, got none")
    if len(dtypes) == 1:
        return dtypes.pop()
    kinds = {(d.is_floating, d.is_bool) for d in dtypes}
    if len(kinds) > 1:
        raise DTypeError(f"[result_type] dtypes must be of one kind, got {', '.join(sorted(d.name for d in dtypes))}")
    return as_dtype(np.result_type(*[np.float32 if d is bfloat16 else d.numpy for d in dtypes]))


@export("array_api.can_cast")
def can_cast(from_: Any, to: Any) -> bool:
    """Whether promotion leads from a tensor's dtype, or a dtype, to another one."""
    source, target = as_dtype(getattr(from_, "dtype", from_)), as_dtype(to)
    try:
        return result_type(source, target) is target
    except DTypeError:
        return False


@export("array_api.isdtype")
def isdtype(dtype: Any, kind: Any) -> bool:
    """Whether a dtype is another one, of a kind ("bool", "integral", "real floating", ...), or either of a tuple."""
    if isinstance(kind, tuple):
        return any(isdtype(dtype, k) for k in kind)
    found = as_dtype(dtype)
    return bool(DTYPES[kind](found)) if isinstance(kind, str) and kind in DTYPES else found is as_dtype(kind)


@export("array_api.finfo")
def finfo(type: Any) -> Any:
    """The limits of a floating dtype: bits, eps, max, min, smallest_normal, dtype."""
    dtype = as_dtype(getattr(type, "dtype", type))
    if dtype is bfloat16:
        eps, tiny = 2.0**-7, 2.0**-126
    else:
        found = np.finfo(dtype.numpy)
        eps, tiny = float(found.eps), float(found.smallest_normal)
    limits = {"max": float(dtype.max), "min": float(dtype.min)}
    return SimpleNamespace(bits=dtype.bits, eps=eps, smallest_normal=tiny, dtype=dtype, **limits)


@export("array_api.iinfo")
def iinfo(type: Any) -> Any:
    """The limits of an integer dtype: bits, max, min, dtype."""
    dtype = as_dtype(getattr(type, "dtype", type))
    return SimpleNamespace(bits=dtype.bits, max=int(dtype.max), min=int(dtype.min), dtype=dtype)


@export("array_api.astype")
def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
    """A tensor's values in another dtype."""
    return ops.cast(x, as_dtype(dtype))


NAMED_DTYPES = [export(f"array_api.{dtype.name}")(dtype) for dtype in ALL]

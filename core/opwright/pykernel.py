"""Kernels in Python: functions on arrays, made callable from the C runtime."""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from opwright._abi import ffi
from opwright.dtypes import ALL, from_storage, to_storage
from opwright.runtime import lib

_BY_CODE = {(d.code, d.bits): d for d in ALL}
_INVALID, _OUT_OF_RANGE, _INTERNAL = 1, 2, 5  # kernel.h's status


_raised: dict[int, BaseException] = {}  # what a kernel raised, by the address of its step's error


def raised_in(error: Any) -> BaseException | None:
    """What a Python kernel of the step whose owr_error this is has raised, once."""
    return _raised.pop(int(ffi.cast("uintptr_t", error)), None)


def as_numpy(tensor: Any) -> np.ndarray[Any, Any]:
    """A view of a dense tensor's memory, in its storage dtype."""
    dtype = _BY_CODE[(tensor.dtype.code, tensor.dtype.bits)]
    shape = tuple(tensor.shape[d] for d in range(tensor.ndim))
    size = math.prod(shape)
    if size == 0:
        return np.empty(shape, dtype.numpy)
    return np.frombuffer(ffi.buffer(tensor.data, size * dtype.size), dtype.numpy).reshape(shape)


def run_of(op: str, function: Callable[..., Any], groups: Sequence[int | None], attributes: dict[str, Any]) -> Any:
    """An ow_run_fn that calls `function(*inputs, **attributes)`. What it raises becomes the step's error.

    `groups` says how many tensors each argument has: None for one that is no list.
    """

    def run(call: Any, first: int, last: int) -> int:
        try:
            _run(op, function, groups, attributes, call)
        except BaseException as e:  # Ctrl-C as well: nothing may pass through C
            _raised[int(ffi.cast("uintptr_t", call.err))] = e
            code = _OUT_OF_RANGE if isinstance(e, IndexError) else _INVALID if isinstance(e, ValueError) else _INTERNAL
            where = traceback.extract_tb(e.__traceback__)[-1]
            text = f"{type(e).__name__}: {e} ({where.filename}:{where.lineno})"
            return int(lib.owr_fail(call.err, code, text.encode()[:511]))
        return 0

    return ffi.callback("ow_run_fn", run, error=_INTERNAL)


def _run(op: str, function: Callable[..., Any], groups: Sequence[int | None], attributes: Any, call: Any) -> None:
    tensors = getattr(call, "in")
    arrays = iter([_values(tensors[i]) for i in range(call.n_in)])
    arguments = [next(arrays) if n is None else [next(arrays) for _ in range(n)] for n in groups]
    made = function(*arguments, **attributes)
    results = made if isinstance(made, (tuple, list)) else (made,)
    if len(results) != call.n_out:
        raise ValueError(f"the kernel of {op} must return {call.n_out} arrays, got {len(results)}")
    for i, result in enumerate(results):
        target, array = as_numpy(call.out[i]), np.asarray(result)
        if target.shape != array.shape:
            raise ValueError(f"the kernel of {op} must return shape {target.shape}, got {array.shape}")
        target[...] = to_storage(array, _BY_CODE[(call.out[i].dtype.code, call.out[i].dtype.bits)])


def _values(tensor: Any) -> np.ndarray[Any, Any]:
    return from_storage(as_numpy(tensor), _BY_CODE[(tensor.dtype.code, tensor.dtype.bits)])

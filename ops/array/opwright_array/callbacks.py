"""py_func, numpy_function: a Python function inside a graph. Print, print: values shown when a step runs.

The sizes of a function's results are known only when it has returned: it hands them out as a tensor, and what comes
after it is planned once for each combination of them.
"""

from __future__ import annotations

import itertools
import math
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from opwright import OpDef, Shape, as_dtype, convert_to_tensor, export, ops, scopes
from opwright.dispatch import graph_of
from opwright.dtypes import DType, bfloat16, from_storage, string, to_storage

MOST_DIMS = 12
KEPT = 16  # calls of a thread whose results are remembered: a step fetches them before its thread runs the next

# Inputs come as bytes, so that their dtypes may differ.
py_call = OpDef(
    "py_call(inputs: list[uint8], callback: object) -> (sizes: int64['_'], ticket: int64[''])",
    stateful=True,
    gradient=None,
)
py_result = OpDef(
    "py_result(sizes: int64['_'], ticket: int64[''], callback: object, index: int, dtype: dtype) -> (y: dtype)",
    gradient=None,
)


class _Results(list[Any]):
    """What a call returned."""

    __slots__ = ("__weakref__",)


class _Kept(threading.local):
    """The results of the last calls in a thread. They go when it ends."""

    def __init__(self) -> None:
        self.results: deque[_Results] = deque(maxlen=KEPT)


class Callback:
    """A Python function with the dtypes of its arguments and results, and the results of its last calls."""

    def __init__(self, function: Callable[..., Any], takes: Sequence[DType], gives: Sequence[DType]) -> None:
        self.function = function
        self.takes = tuple(takes)
        self.gives = tuple(gives)
        self._tickets = itertools.count()
        self._results: weakref.WeakValueDictionary[int, _Results] = weakref.WeakValueDictionary()
        self._kept = _Kept()
        self._lock = threading.Lock()

    def call(self, stored: Sequence[Any]) -> list[Any]:
        """The function's results, in the storage of their dtypes. Raises ValueError unless they are what it gives."""
        made = self.function(*[_as_numpy(array, dtype) for array, dtype in zip(stored, self.takes, strict=True)])
        listed = list(made) if isinstance(made, (list, tuple)) else [] if made is None else [made]
        if len(listed) != len(self.gives):
            raise ValueError(f"the function must return {len(self.gives)} values, got {len(listed)}")
        return [_converted(value, dtype, i) for i, (value, dtype) in enumerate(zip(listed, self.gives, strict=True))]

    def keep(self, results: list[Any]) -> int:
        """Remembers results; the number under which `result` finds them."""
        held = _Results(results)
        self._kept.results.append(held)
        with self._lock:
            ticket = next(self._tickets)
            self._results[ticket] = held
        return ticket

    def result(self, ticket: int, index: int) -> Any:
        with self._lock:
            return self._results[ticket][index]


def _as_numpy(stored: Any, dtype: DType) -> Any:
    """A user's own copy of an input that came as bytes."""
    shape = stored.shape if dtype.size == 1 else stored.shape[:-1]
    return from_storage(stored.copy().view(dtype.numpy).reshape(shape), dtype)


def _converted(value: Any, dtype: DType, index: int) -> Any:
    if dtype is string:
        return to_storage(np.asarray(value, object), dtype)
    array = np.asarray(value)
    fits = array.size == 0 or array.dtype.kind in ("fiub" if dtype.is_floating else "iub" if dtype.is_integer else "b")
    if not fits or (dtype.is_integer and array.dtype.kind == "b"):
        raise ValueError(f"result {index} of the function must be {dtype.name}, got {array.dtype}")
    if array.ndim > MOST_DIMS:
        raise ValueError(f"result {index} of the function must have at most {MOST_DIMS} dimensions, got {array.ndim}")
    return to_storage(array, dtype)


@py_call.shape
def _call_shape(c):
    return Shape([len(c.attr.callback.gives) * (MOST_DIMS + 1)]), Shape([])


@py_call.kernel("cpu")
def _call(inputs, callback):
    results = callback.call(inputs)
    sizes = np.zeros((len(results), MOST_DIMS + 1), np.int64)
    for row, result in zip(sizes, results, strict=True):
        row[: result.ndim + 1] = [result.ndim, *result.shape]
    return sizes.ravel(), np.int64(callback.keep(results))


@py_result.shape
def _result_shape(c):
    sizes = c.value("sizes")
    if sizes is None:
        return Shape(None)
    rank, *dims = sizes.reshape(-1, MOST_DIMS + 1)[c.attr.index]
    return Shape(dims[:rank])


@py_result.kernel("cpu")
def _result(sizes, ticket, callback, index, dtype):
    return from_storage(callback.result(int(ticket), index), dtype)


def _as_bytes(tensor: Any) -> Any:
    return ops.cast(tensor, "uint8") if tensor.dtype.is_bool else ops.bitcast(tensor, "uint8")


@export("py_func")
def py_func(func: Callable[..., Any], inp: Any, Tout: Any, stateful: bool = True, name: str | None = None) -> Any:
    """What a function of NumPy arrays returns when the step runs: a tensor for one dtype Tout, a list for a list,
    an operation for an empty list. The tensors' shapes are unknown; set_shape tells what is known of them.

    The step fails if the function raises, or returns other dtypes. There is no gradient.
    """
    one = not isinstance(Tout, (list, tuple))
    gives = [as_dtype(t) for t in ([Tout] if one else Tout)]
    inputs = [convert_to_tensor(t) for t in (inp if isinstance(inp, (list, tuple)) else [inp])]
    if graph_of(inputs) is None and scopes.current_graph() is None:
        callback = Callback(func, [t.dtype for t in inputs], gives)
        results = callback.call([np.asarray(_as_bytes(t)) for t in inputs])
        outputs = [
            convert_to_tensor(from_storage(r, d), None if d is not bfloat16 else d) for r, d in zip(results, gives)
        ]
        return outputs[0] if one else outputs
    callback = Callback(func, [t.dtype for t in inputs], gives)
    sizes, ticket = py_call([_as_bytes(t) for t in inputs], callback, name=name)
    if not gives:
        return sizes.op
    outputs = [py_result(sizes, ticket, callback, i, dtype) for i, dtype in enumerate(gives)]
    return outputs[0] if one else outputs


@export("numpy_function")
def numpy_function(
    func: Callable[..., Any],
    inp: Any,
    Tout: Any,
    stateful: bool = True,
    name: str | None = None,
) -> Any:
    """py_func under TensorFlow 2's name."""
    return py_func(func, inp, Tout, stateful, name)


# -- showing values ----------------------------------------------------------------------------------------------------


@export("Print")
def Print(
    input_: Any,
    data: Any,
    message: str | None = None,
    first_n: int | None = None,
    summarize: int | None = None,
    name: str | None = None,
) -> Any:
    """The input; when it is computed, the first `summarize` (3) elements of each of `data` go to stderr after the
    message, with first_n only so many times."""
    input_ = convert_to_tensor(input_)
    left = itertools.count() if first_n is None or first_n < 0 else iter(range(first_n))
    count = 3 if summarize is None else summarize if summarize >= 0 else sys.maxsize

    def show(*arrays: Any) -> None:
        if next(left, None) is not None:
            sys.stderr.write((message or "") + "".join(f"[{_elements(a, count)}]" for a in arrays) + "\n")

    shown = py_func(show, list(data) if isinstance(data, (list, tuple)) else [data], [])
    graph = graph_of([input_])
    if graph is None:
        return input_
    with graph.control_dependencies([shown]):
        return ops.identity(input_, name=name or "Print")


def _elements(array: Any, count: int) -> str:
    """The first elements, in brackets by rows, as TensorFlow's SummarizeValue writes them."""
    rows = array.reshape(-1, array.shape[-1]) if array.ndim > 1 else array.reshape(1, -1)
    text, left = "", count
    for i, row in enumerate(rows):
        if left <= 0:
            break
        inner = " ".join(_number(v) for v in row[:left]) + ("..." if array.ndim > 1 and left < len(row) else "")
        opened = 0 if array.ndim < 2 else _edge(i, array.shape[:-1])
        closed = 0 if array.ndim < 2 else _edge(i + 1, array.shape[:-1]) if left > len(row) else array.ndim - 1
        text += "[" * opened + inner + "]" * closed
        left -= len(row)
    return text + ("..." if array.size > count else "")


def _edge(row: int, sizes: tuple[int, ...]) -> int:
    """How many brackets stand before row `row`: one for it, and one for each block that begins there."""
    blocks = [math.prod(sizes[k:]) for k in range(1, len(sizes))]
    return 1 + sum(row % b == 0 for b in blocks)


def _number(value: Any) -> str:
    if isinstance(value, np.bool_):
        return str(int(value))
    text = str(value)
    return text[:-2] if text.endswith(".0") else text


@export("print")
def print_(
    *inputs: Any,
    output_stream: Any = None,
    summarize: int = 3,
    sep: str = " ",
    end: str = "\n",
    name: str | None = None,
) -> Any:
    """Writes the inputs (tensors, lists of them, anything else as str) to a stream, stderr unless given, when the step
    runs the operation that comes back; in eager execution at once. Of longer dimensions the first and last `summarize`
    elements are shown, with -1 all."""
    tensors: list[Any] = []
    layout = [_plan(item, tensors) for item in inputs]

    def show(*arrays: Any) -> None:
        text = sep.join(_text(part, arrays, summarize) for part in layout) + end
        (sys.stderr if output_stream is None else output_stream).write(text)

    made = py_func(show, tensors, [], name=name)
    return made if made else None


def _plan(item: Any, tensors: list[Any]) -> Any:
    """An input with its tensors moved to a list, and their places in it left behind."""
    if hasattr(item, "get_shape"):
        tensors.append(convert_to_tensor(item))
        return len(tensors) - 1
    if isinstance(item, (list, tuple)):
        return [_plan(i, tensors) for i in item]
    return str(item)


def _text(part: Any, arrays: Sequence[Any], summarize: int) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, list):
        return "[" + ", ".join(_text(p, arrays, summarize) for p in part) + "]"
    array = arrays[part]
    edge = summarize if summarize >= 0 else max(array.shape, default=0)
    with np.printoptions(threshold=0, edgeitems=edge, linewidth=sys.maxsize):
        return np.array2string(array, separator=" ", formatter={"all": _number})

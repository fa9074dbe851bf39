"""debugging.assert_*: checks of values, which fail the step; of shapes and dtypes, which fail when they are built."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from opwright import as_dtype, convert_to_tensor, export, ops
from opwright.errors import ArgumentError, DTypeError, ShapeError

from opwright_array.checks import Assert


def _both(x: Any, y: Any) -> tuple[Any, Any]:
    """Two values as tensors; a number takes the other's dtype."""
    if hasattr(y, "dtype") and not hasattr(x, "dtype"):
        y = convert_to_tensor(y)
        return convert_to_tensor(x, y.dtype), y
    x = convert_to_tensor(x)
    return x, convert_to_tensor(y, None if hasattr(y, "dtype") else x.dtype)


def _holds(op: str, requirement: str, holds: Any, message: Any, summarize: Any, name: Any, **values: Any) -> Any:
    """Fails unless all of `holds` is true, with the values in the message."""
    data: list[Any] = [f"[{op}] {requirement}", *([message] if message else [])]
    for what, value in values.items():
        data += [f"{what} =", value]
    return Assert(ops.reduce_all(holds), data, summarize, name or op)


@export("debugging.assert_equal", "assert_equal")
def assert_equal(
    x: Any, y: Any, message: str | None = None, summarize: int | None = None, name: str | None = None
) -> Any:
    """Fails with InvalidArgumentError unless x = y element by element."""
    x, y = _both(x, y)
    return _holds("assert_equal", "x must equal y", ops.equal(x, y), message, summarize, name, x=x, y=y)


@export("debugging.assert_none_equal", "assert_none_equal")
def assert_none_equal(
    x: Any, y: Any, message: str | None = None, summarize: int | None = None, name: str | None = None
) -> Any:
    """Fails with InvalidArgumentError unless x ≠ y element by element."""
    x, y = _both(x, y)
    requirement = "no element of x may equal y's"
    return _holds("assert_none_equal", requirement, ops.not_equal(x, y), message, summarize, name, x=x, y=y)


@export("debugging.assert_less", "assert_less")
def assert_less(
    x: Any, y: Any, message: str | None = None, summarize: int | None = None, name: str | None = None
) -> Any:
    """Fails with InvalidArgumentError unless x < y element by element."""
    x, y = _both(x, y)
    return _holds("assert_less", "x must be less than y", x < y, message, summarize, name, x=x, y=y)


@export("debugging.assert_less_equal", "assert_less_equal")
def assert_less_equal(
    x: Any, y: Any, message: str | None = None, summarize: int | None = None, name: str | None = None
) -> Any:
    """Fails with InvalidArgumentError unless x ≤ y element by element."""
    x, y = _both(x, y)
    return _holds("assert_less_equal", "x must be at most y", x <= y, message, summarize, name, x=x, y=y)


@export("debugging.assert_greater", "assert_greater")
def assert_greater(
    x: Any, y: Any, message: str | None = None, summarize: int | None = None, name: str | None = None
) -> Any:
    """Fails with InvalidArgumentError unless x > y element by element."""
    x, y = _both(x, y)
    return _holds("assert_greater", "x must be greater than y", x > y, message, summarize, name, x=x, y=y)


@export("debugging.assert_greater_equal", "assert_greater_equal")
def assert_greater_equal(
    x: Any, y: Any, message: str | None = None, summarize: int | None = None, name: str | None = None
) -> Any:
    """Fails with InvalidArgumentError unless x ≥ y element by element."""
    x, y = _both(x, y)
    return _holds("assert_greater_equal", "x must be at least y", x >= y, message, summarize, name, x=x, y=y)


@export("debugging.assert_near", "assert_near")
def assert_near(
    x: Any,
    y: Any,
    rtol: Any = None,
    atol: Any = None,
    message: str | None = None,
    summarize: int | None = None,
    name: str | None = None,
) -> Any:
    """Fails with InvalidArgumentError unless |x - y| ≤ atol + rtol |y|, by default both 10 epsilons."""
    x, y = _both(x, y)
    default = 10 * {"float64": 2.0**-52, "float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}[x.dtype.name]
    relative, absolute = (default if tolerance is None else tolerance for tolerance in (rtol, atol))
    near = ops.abs(x - y) <= absolute + relative * ops.abs(y)
    return _holds("assert_near", "x must be near y", near, message, summarize, name, x=x, y=y)


@export("debugging.assert_positive", "assert_positive")
def assert_positive(x: Any, message: str | None = None, summarize: int | None = None, name: str | None = None) -> Any:
    """Fails with InvalidArgumentError unless x > 0."""
    x = convert_to_tensor(x)
    return _holds("assert_positive", "x must be positive", x > 0, message, summarize, name, x=x)


@export("debugging.assert_negative", "assert_negative")
def assert_negative(x: Any, message: str | None = None, summarize: int | None = None, name: str | None = None) -> Any:
    """Fails with InvalidArgumentError unless x < 0."""
    x = convert_to_tensor(x)
    return _holds("assert_negative", "x must be negative", x < 0, message, summarize, name, x=x)


@export("debugging.assert_non_negative", "assert_non_negative")
def assert_non_negative(
    x: Any, message: str | None = None, summarize: int | None = None, name: str | None = None
) -> Any:
    """Fails with InvalidArgumentError unless x ≥ 0."""
    x = convert_to_tensor(x)
    return _holds("assert_non_negative", "x must not be negative", x >= 0, message, summarize, name, x=x)


@export("debugging.assert_non_positive", "assert_non_positive")
def assert_non_positive(
    x: Any, message: str | None = None, summarize: int | None = None, name: str | None = None
) -> Any:
    """Fails with InvalidArgumentError unless x ≤ 0."""
    x = convert_to_tensor(x)
    return _holds("assert_non_positive", "x must not be positive", x <= 0, message, summarize, name, x=x)


# -- shapes and dtypes: what is not known when a graph is built is taken as right ------------------------------------


def _rank_must(op: str, ok: bool, requirement: str, x: Any, message: str | None) -> None:
    if not ok:
        more = f"; {message}" if message else ""
        raise ShapeError(f"[{op}] x must have {requirement} dimensions, got shape {x.shape}{more}")


@export("debugging.assert_rank", "assert_rank")
def assert_rank(x: Any, rank: int, message: str | None = None, name: str | None = None) -> None:
    """Raises ShapeError if x has another number of dimensions."""
    x = convert_to_tensor(x)
    _rank_must("assert_rank", x.shape.rank in (None, int(rank)), str(int(rank)), x, message)


@export("debugging.assert_rank_at_least", "assert_rank_at_least")
def assert_rank_at_least(x: Any, rank: int, message: str | None = None, name: str | None = None) -> None:
    """Raises ShapeError if x has fewer dimensions."""
    x = convert_to_tensor(x)
    ok = x.shape.rank is None or x.shape.rank >= int(rank)
    _rank_must("assert_rank_at_least", ok, f"at least {int(rank)}", x, message)


@export("debugging.assert_rank_in", "assert_rank_in")
def assert_rank_in(x: Any, ranks: Iterable[int], message: str | None = None, name: str | None = None) -> None:
    """Raises ShapeError if the number of x's dimensions is none of `ranks`."""
    x, allowed = convert_to_tensor(x), [int(r) for r in ranks]
    _rank_must("assert_rank_in", x.shape.rank in (None, *allowed), " or ".join(map(str, allowed)), x, message)


@export("debugging.assert_scalar", "assert_scalar")
def assert_scalar(tensor: Any, message: str | None = None, name: str | None = None) -> Any:
    """The tensor; raises ShapeError if it has dimensions."""
    tensor = convert_to_tensor(tensor)
    _rank_must("assert_scalar", tensor.shape.rank in (None, 0), "0", tensor, message)
    return tensor


@export("debugging.assert_shapes", "assert_shapes")
def assert_shapes(
    shapes: Any, data: Any = None, summarize: Any = None, message: str | None = None, name: Any = None
) -> None:
    """Raises ShapeError where tensors do not have the shapes beside them, given as pairs (tensor, shape) or a dict.

    A dimension is a number, a name that stands for one size wherever it occurs, or None; "..." or Ellipsis stands for
    any number of dimensions.
    """
    sizes: dict[str, int] = {}
    for tensor, shape in shapes.items() if isinstance(shapes, dict) else shapes:
        found = convert_to_tensor(tensor).shape
        if found.dims is None:
            continue
        wanted = list(shape) if isinstance(shape, (str, tuple, list)) else [shape]
        dims = _aligned(list(found.dims), wanted)
        ok = dims is not None and all(_fits(d, w, sizes) for d, w in dims)
        if not ok:
            more = "".join(f", {k} = {v}" for k, v in sizes.items()) + (f"; {message}" if message else "")
            raise ShapeError(f"[assert_shapes] a tensor must have the shape {tuple(wanted)}, got {found}{more}")


def _aligned(dims: list[Any], wanted: list[Any]) -> list[tuple[Any, Any]] | None:
    """Pairs of a dimension and what it should be; None if there are too many or too few."""
    spread = [i for i, w in enumerate(wanted) if w is Ellipsis or w in ("...", "*")]
    if not spread:
        return list(zip(dims, wanted, strict=True)) if len(dims) == len(wanted) else None
    before, after = wanted[: spread[0]], wanted[spread[0] + 1 :]
    if len(spread) > 1 or len(dims) < len(before) + len(after):
        return None
    return list(zip(dims, before, strict=False)) + list(zip(dims[len(dims) - len(after) :], after, strict=True))


def _fits(dim: Any, wanted: Any, sizes: dict[str, int]) -> bool:
    if dim is None or wanted is None:
        return True
    return bool(sizes.setdefault(wanted, dim) == dim if isinstance(wanted, str) else int(wanted) == dim)


@export("debugging.assert_type", "assert_type")
def assert_type(tensor: Any, tf_type: Any, message: str | None = None, name: str | None = None) -> None:
    """Raises DTypeError if the tensor has another dtype."""
    tensor, wanted = convert_to_tensor(tensor), as_dtype(tf_type)
    if tensor.dtype is not wanted:
        more = f"; {message}" if message else ""
        raise DTypeError(f"[assert_type] tensor must be {wanted.name}, got {tensor.dtype.name}{more}")


@export("debugging.assert_integer", "assert_integer")
def assert_integer(x: Any, message: str | None = None, name: str | None = None) -> None:
    """Raises DTypeError if x does not hold integers."""
    x = convert_to_tensor(x)
    if not x.dtype.is_integer:
        raise DTypeError(
            f"[assert_integer] x must hold integers, got {x.dtype.name}{f'; {message}' if message else ''}"
        )


@export("debugging.assert_same_float_dtype", "assert_same_float_dtype")
def assert_same_float_dtype(tensors: Any = None, dtype: Any = None) -> Any:
    """The one floating dtype of the tensors (float32 if there are none). Raises DTypeError if there are others."""
    wanted = None if dtype is None else as_dtype(dtype)
    for tensor in tensors or ():
        found = convert_to_tensor(tensor).dtype
        wanted = found if wanted is None else wanted
        if found is not wanted or not found.is_floating:
            raise DTypeError(f"[assert_same_float_dtype] tensors must be {wanted.name} and floating, got {found.name}")
    return as_dtype("float32") if wanted is None else wanted


@export("debugging.is_numeric_tensor", "is_numeric_tensor")
def is_numeric_tensor(tensor: Any) -> bool:
    """Whether it is a tensor of numbers."""
    dtype = getattr(tensor, "dtype", None)
    return hasattr(tensor, "static_value") and not getattr(dtype, "is_bool", True)


@export("debugging.assert_proper_iterable", "assert_proper_iterable")
def assert_proper_iterable(values: Any) -> None:
    """Raises ArgumentError if values is a tensor, an array or a string, or cannot be iterated over."""
    if hasattr(values, "dtype") or isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
        raise ArgumentError(f"[assert_proper_iterable] values must be a list or the like, got {values!r}")

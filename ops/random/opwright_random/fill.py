"""Tensors of a given shape, filled with uniform, normal and truncated normal numbers."""

from __future__ import annotations

from typing import Any

from opwright import OpDef, Shape, as_dtype, convert_to_tensor, dtypes, export, ops
from opwright.errors import ArgumentError, DTypeError
from opwright.inference import shape_from

from opwright_random import seeds
from opwright_random.naming import scope

random_standard_uniform = OpDef(
    "random_standard_uniform(shape: I['r'], dtype: dtype = 'float32', seed: int = 0, seed2: int = 0) -> (y: dtype)",
    I=dtypes.indices,
    random=True,
)
random_standard_normal = OpDef(
    "random_standard_normal(shape: I['r'], dtype: dtype = 'float32', seed: int = 0, seed2: int = 0) -> (y: dtype)",
    I=dtypes.indices,
    random=True,
)
random_standard_truncated_normal = OpDef(
    "random_standard_truncated_normal(shape: I['r'], dtype: dtype = 'float32', seed: int = 0, seed2: int = 0)"
    " -> (y: dtype)",
    I=dtypes.indices,
    random=True,
)
random_uniform_int = OpDef(
    "random_uniform_int(shape: I['r'], minval: T[''], maxval: T[''], seed: int = 0, seed2: int = 0) -> (y: T)",
    I=dtypes.indices,
    T=dtypes.indices,
    random=True,
)


def filled_shape(c: Any) -> Shape:
    """The shape that the argument `shape` holds."""
    length = c.shape("shape").dims
    dims = c.partial("shape")
    c.require(dims is None or all(d is None or d >= 0 for d in dims), "shape must not be negative", dims)
    return shape_from(dims, length[0] if length else None)


def no_connection(node: Any, *dys: Any) -> Any:
    """Random numbers do not depend on the shape they are asked for in."""
    return (None,) * len(node.groups)


for _op in (
    random_standard_uniform,
    random_standard_normal,
    random_standard_truncated_normal,
    random_uniform_int,
):
    _op.shape(filled_shape)
    _op.gradient(no_connection)


def sizes(shape: Any) -> Any:
    """A shape, int, sequence or tensor as what the ops take."""
    if isinstance(shape, Shape):
        return list(shape.known())
    return [shape] if isinstance(shape, int) else shape


def floating(dtype: Any, op: str) -> Any:
    """The dtype; raises DTypeError unless it is floating."""
    wanted = as_dtype(dtype)
    if not wanted.is_floating:
        raise DTypeError(f"[{op}] dtype must be {', '.join(dtypes.floats)}, got {wanted.name}")
    return wanted


def stretched(unit: Any, low: Any, high: Any, name: str | None) -> Any:
    """Numbers of [0, 1) moved to [low, high)."""
    if _is(low, 0) and _is(high, 1):
        return ops.identity(unit, name=name)
    low, high = convert_to_tensor(low, unit.dtype), convert_to_tensor(high, unit.dtype)
    return ops.add(unit * (high - low), low, name=name)


def scaled(unit: Any, mean: Any, stddev: Any, name: str | None) -> Any:
    """Numbers of mean 0 and deviation 1 given another mean and deviation."""
    if not _is(stddev, 1):
        unit = unit * convert_to_tensor(stddev, unit.dtype)
    if _is(mean, 0):
        return ops.identity(unit, name=name)
    return ops.add(unit, convert_to_tensor(mean, unit.dtype), name=name)


def _is(value: Any, number: int) -> bool:
    return isinstance(value, (int, float)) and value == number


def limits(minval: Any, maxval: Any, dtype: Any, op: str) -> tuple[Any, Any]:
    """The limits of integers as tensors. Raises ArgumentError if it is known that nothing lies between them."""
    if maxval is None:
        raise ArgumentError(f"[{op}] maxval must be given for integers, got None")
    made = convert_to_tensor(minval, dtype), convert_to_tensor(maxval, dtype)
    low, high = (limit.static_value() for limit in made)
    if low is not None and high is not None and not low < high:
        raise ArgumentError(f"[{op}] minval must be less than maxval, got {low} and {high}")
    return made


@export("random_uniform", "random.uniform")
def random_uniform(
    shape: Any,
    minval: Any = 0,
    maxval: Any = None,
    dtype: Any = "float32",
    seed: int | None = None,
    name: str | None = None,
) -> Any:
    """Numbers drawn evenly from [minval, maxval): floats (by default from [0, 1)), int32 or int64 (maxval is required).

    Raises DTypeError for other dtypes, and ArgumentError, or InvalidArgumentError when it runs, if integer limits leave
    nothing between them.
    """
    wanted = as_dtype(dtype)
    with scope(name, "random_uniform") as full:
        if wanted.name in dtypes.indices:
            low, high = limits(minval, maxval, wanted, "random_uniform")
            return random_uniform_int(sizes(shape), low, high, **seeds.attributes(seed), name=full)
        if not wanted.is_floating:
            allowed = ", ".join((*dtypes.floats, *dtypes.indices))
            raise DTypeError(f"[random_uniform] dtype must be {allowed}, got {wanted.name}")
        unit = random_standard_uniform(sizes(shape), wanted, **seeds.attributes(seed))
        return stretched(unit, minval, 1 if maxval is None else maxval, full)


@export("random_normal", "random.normal")
def random_normal(
    shape: Any,
    mean: Any = 0.0,
    stddev: Any = 1.0,
    dtype: Any = "float32",
    seed: int | None = None,
    name: str | None = None,
) -> Any:
    """Numbers of a normal distribution. Raises DTypeError unless `dtype` is floating."""
    with scope(name, "random_normal") as full:
        unit = random_standard_normal(sizes(shape), floating(dtype, "random_normal"), **seeds.attributes(seed))
        return scaled(unit, mean, stddev, full)


@export("truncated_normal", "random.truncated_normal")
def truncated_normal(
    shape: Any,
    mean: Any = 0.0,
    stddev: Any = 1.0,
    dtype: Any = "float32",
    seed: int | None = None,
    name: str | None = None,
) -> Any:
    """Numbers of a normal distribution, those more than two deviations from the mean drawn again.

    Raises DTypeError unless `dtype` is floating.
    """
    with scope(name, "truncated_normal") as full:
        wanted = floating(dtype, "truncated_normal")
        unit = random_standard_truncated_normal(sizes(shape), wanted, **seeds.attributes(seed))
        return scaled(unit, mean, stddev, full)


@export("random_bernoulli", "random.bernoulli")
def random_bernoulli(
    shape: Any, p: Any = 0.5, dtype: Any = "float32", seed: int | None = None, name: str | None = None
) -> Any:
    """Ones with probability `p`, zeros else, in any dtype; bool gives truth values."""
    with scope(name, "random_bernoulli") as full:
        unit = random_standard_uniform(sizes(shape), "float32", **seeds.attributes(seed))
        return ops.cast(ops.less(unit, ops.cast(convert_to_tensor(p), "float32")), as_dtype(dtype), name=full)

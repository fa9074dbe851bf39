"""Random numbers that follow from a seed of two integers alone: the same seed, the same numbers."""

from __future__ import annotations

from typing import Any

from opwright import OpDef, as_dtype, dtypes, export
from opwright.errors import ArgumentError, DTypeError

from opwright_random.fill import filled_shape, floating, limits, no_connection, scaled, sizes, stretched
from opwright_random.naming import scope

stateless_random_standard_uniform = OpDef(
    "stateless_random_standard_uniform(shape: I['r'], seed: S['2'], dtype: dtype = 'float32') -> (y: dtype)",
    I=dtypes.indices,
    S=dtypes.indices,
)
stateless_random_standard_normal = OpDef(
    "stateless_random_standard_normal(shape: I['r'], seed: S['2'], dtype: dtype = 'float32') -> (y: dtype)",
    I=dtypes.indices,
    S=dtypes.indices,
)
stateless_random_standard_truncated_normal = OpDef(
    "stateless_random_standard_truncated_normal(shape: I['r'], seed: S['2'], dtype: dtype = 'float32') -> (y: dtype)",
    I=dtypes.indices,
    S=dtypes.indices,
)
stateless_random_uniform_int = OpDef(
    "stateless_random_uniform_int(shape: I['r'], seed: S['2'], minval: T[''], maxval: T['']) -> (y: T)",
    I=dtypes.indices,
    S=dtypes.indices,
    T=dtypes.indices,
)
stateless_random_uniform_full_int = OpDef(
    "stateless_random_uniform_full_int(shape: I['r'], seed: S['2'], dtype: dtype = 'int64') -> (y: dtype)",
    I=dtypes.indices,
    S=dtypes.indices,
)

for _op in (
    stateless_random_standard_uniform,
    stateless_random_standard_normal,
    stateless_random_standard_truncated_normal,
    stateless_random_uniform_int,
    stateless_random_uniform_full_int,
):
    _op.shape(filled_shape)
    _op.gradient(no_connection)


@export("stateless_random_uniform", "random.stateless_uniform", "random.stateless_random_uniform")
def stateless_random_uniform(
    shape: Any, seed: Any, minval: Any = 0, maxval: Any = None, dtype: Any = "float32", name: str | None = None
) -> Any:
    """Numbers drawn evenly from [minval, maxval) that follow from `seed`, two integers or a tensor of them.

    For int32 and int64 maxval is required, unless minval is None too: then all the dtype has may come. Raises
    DTypeError for other dtypes that are not floating, ArgumentError if integer limits leave nothing between them.
    """
    wanted = as_dtype(dtype)
    with scope(name, "stateless_random_uniform") as full:
        if wanted.name in dtypes.indices:
            if minval is None and maxval is None:
                return stateless_random_uniform_full_int(sizes(shape), seed, wanted, name=full)
            low, high = limits(minval, maxval, wanted, "stateless_random_uniform")
            return stateless_random_uniform_int(sizes(shape), seed, low, high, name=full)
        if not wanted.is_floating:
            allowed = ", ".join((*dtypes.floats, *dtypes.indices))
            raise DTypeError(f"[stateless_random_uniform] dtype must be {allowed}, got {wanted.name}")
        if minval is None:
            raise ArgumentError("[stateless_random_uniform] minval must be given for floats, got None")
        unit = stateless_random_standard_uniform(sizes(shape), seed, wanted)
        return stretched(unit, minval, 1 if maxval is None else maxval, full)


@export("stateless_random_normal", "random.stateless_normal", "random.stateless_random_normal")
def stateless_random_normal(
    shape: Any, seed: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = "float32", name: str | None = None
) -> Any:
    """Numbers of a normal distribution that follow from `seed`, two integers or a tensor of them."""
    with scope(name, "stateless_random_normal") as full:
        wanted = floating(dtype, "stateless_random_normal")
        return scaled(stateless_random_standard_normal(sizes(shape), seed, wanted), mean, stddev, full)


@export("stateless_truncated_normal", "random.stateless_truncated_normal")
def stateless_truncated_normal(
    shape: Any, seed: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = "float32", name: str | None = None
) -> Any:
    """Numbers of a normal distribution within two deviations of the mean, that follow from `seed`."""
    with scope(name, "stateless_truncated_normal") as full:
        wanted = floating(dtype, "stateless_truncated_normal")
        return scaled(stateless_random_standard_truncated_normal(sizes(shape), seed, wanted), mean, stddev, full)

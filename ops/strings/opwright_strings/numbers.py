"""From strings to numbers and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from opwright import OpDef, dtypes

from opwright_strings.elementwise import each
from opwright_strings.farmhash import fingerprint64

string_to_number = OpDef(
    "string_to_number(input: string['*s'], out_type: dtype = 'float32') -> (y: out_type['*s'])",
    gradient=None,
    export="strings.to_number",
)
as_string = OpDef(
    "as_string(input: T['*s'], precision: int = -1, scientific: bool = False, shortest: bool = False, width: int = -1,"
    " fill: str = '') -> (y: string['*s'])",
    T=dtypes.movable,
    gradient=None,
    export="strings.as_string",
)
string_to_hash_bucket_fast = OpDef(
    "string_to_hash_bucket_fast(input: string['*s'], num_buckets: int) -> (y: int64['*s'])",
    gradient=None,
    export="strings.to_hash_bucket_fast",
)


@string_to_number.kernel("cpu")
def _to_number(input, out_type):
    number = float if out_type.is_floating else int
    return each(lambda text: _parsed(text, number, out_type), input, dtype=out_type.as_numpy_dtype)


def _parsed(text: bytes, number: Any, dtype: Any) -> Any:
    try:
        found = number(text)
    except ValueError:
        raise ValueError(f"a string must hold a {dtype.name}, got {text!r}") from None
    if dtype.is_integer and not dtype.min <= found <= dtype.max:
        raise ValueError(f"a string must hold a {dtype.name}, got {text!r}, which is out of range")
    return found


@as_string.kernel("cpu")
def _as_string(input, precision, scientific, shortest, width, fill):
    if fill not in ("", " ", "0", "-", "+"):
        raise ValueError(f"fill must be a space, 0, + or -, got {fill!r}")
    size = "" if width < 0 else str(width)
    digits = "" if precision < 0 else f".{precision}"
    letter = "e" if scientific else "g" if shortest else "f"

    def text(value: Any) -> bytes:
        if isinstance(value, bytes):
            return value
        if isinstance(value, (bool, np.bool_)):
            return b"true" if value else b"false"
        kind = letter if input.dtype.kind == "f" else "d"
        return (f"%{fill.strip()}{size}{digits if kind != 'd' else ''}{kind}" % value).encode()

    return each(text, input)


@string_to_hash_bucket_fast.kernel("cpu")
def _bucket(input, num_buckets):
    return each(lambda text: fingerprint64(text) % num_buckets, input, dtype=np.int64)


@string_to_number.shape
def _to_number_shape(c):
    c.require(not (c.attr.out_type.is_bool or c.attr.out_type == "string"), "out_type must be numeric", c.attr.out_type)
    return c.shape("input")


@string_to_hash_bucket_fast.shape
def _bucket_shape(c):
    c.require(c.attr.num_buckets > 0, "num_buckets must be positive", c.attr.num_buckets)
    return c.shape("input")


string_to_number.examples(
    lambda rng: [{"input": np.array(["1", "-2"]), "out_type": "int32"}, {"input": np.array(["1.5", "-2e3"])}]
)
as_string.examples(lambda rng: [{"input": np.array([1, 0])}, {"input": np.array([1, 0]), "width": 4, "fill": "0"}])
string_to_hash_bucket_fast.examples(lambda rng: [{"input": np.array(["a", "bc"]), "num_buckets": 10}])
